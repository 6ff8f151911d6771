package cli

import (
	"context"
	"strings"

	"gokeeper/server/proto"
)

func (s *Shell) addWatch(ctx context.Context, a *arguments) (answer, error) {
	c, _ := find("addWatch")
	mode := proto.AddPersistentRecursive
	if a.has("m") {
		switch strings.ToUpper(a.values["m"]) {
		case "PERSISTENT":
			mode = proto.AddPersistent
		case "PERSISTENT_RECURSIVE":
		default:
			return answer{}, usageError(c.usageText())
		}
	}
	if len(a.words) != 2 {
		return answer{}, usageError(c.usageText())
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	return answer{doc: doc{"path": a.words[1]}}, zk.AddWatch(ctx, a.words[1], mode)
}

func (s *Shell) removeWatches(ctx context.Context, a *arguments) (answer, error) {
	kind := proto.WatcherAny
	switch {
	case a.has("c"):
		kind = proto.WatcherChildren
	case a.has("d"):
		kind = proto.WatcherData
	case a.has("p"):
		kind = proto.WatcherPersistent
	case a.has("r"):
		kind = proto.WatcherPersistentRecursive
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	return answer{doc: doc{"path": a.words[1]}}, zk.RemoveWatches(ctx, a.words[1], kind, a.has("l"))
}

func (s *Shell) printWatches(_ context.Context, a *arguments) (answer, error) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	word := map[bool]string{true: "on", false: "off"}
	if len(a.words) > 1 {
		s.out.watches = a.words[1] == "on"
		return answer{doc: doc{"printwatches": word[s.out.watches]}}, nil
	}
	now := word[s.out.watches]
	return answer{out: "printwatches is " + now + "\n", doc: doc{"printwatches": now}}, nil
}
