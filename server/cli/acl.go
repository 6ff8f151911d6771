package cli

import (
	"context"
	"errors"
	"strings"

	"gokeeper/server/client"
	"gokeeper/server/proto"
)

// parseACL reads entries scheme:id:perms between commas. As in Java, what cannot be read
// is told and left out, so that the list may be empty, which requests refuse.
func (s *Shell) parseACL(text string) []proto.ACL {
	var acl []proto.ACL
	for entry := range strings.SplitSeq(text, ",") {
		first, last := strings.IndexByte(entry, ':'), strings.LastIndexByte(entry, ':')
		if first == last { // none, or one
			s.out.note(entry + " does not have the form scheme:id:perm")
			continue
		}
		id := proto.Identity{Scheme: entry[:first], ID: entry[first+1 : last]}
		acl = append(acl, proto.ACL{Perms: s.parsePerms(entry[last+1:]), Identity: id})
	}
	return acl
}

func (s *Shell) parsePerms(text string) (perms proto.Perm) {
	for _, letter := range text {
		known := false
		for _, l := range permLetters {
			if l.letter == letter {
				perms, known = perms|l.perm, true
			}
		}
		if !known {
			s.out.note("Unknown perm type: " + string(letter))
		}
	}
	return perms
}

func (s *Shell) getACL(ctx context.Context, a *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	acl, stat, err := zk.ACL(ctx, a.words[1])
	if err != nil {
		return answer{}, err
	}
	var b strings.Builder
	list := []doc{}
	for _, e := range acl {
		b.WriteString("'" + e.Scheme + ",'" + e.ID + "\n: " + permText(e.Perms) + "\n")
		list = append(list, doc{"scheme": e.Scheme, "id": e.ID, "perms": permText(e.Perms)})
	}
	return s.withStat(a, b.String(), &stat, doc{"path": a.words[1], "acl": list}), nil
}

func (s *Shell) setACL(ctx context.Context, a *arguments) (answer, error) {
	acl := s.parseACL(a.words[2])
	version, err := a.version()
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	path := a.words[1]
	if a.has("R") {
		return setAllACL(ctx, zk, path, acl, version)
	}
	stat, err := zk.SetACL(ctx, path, acl, version)
	if err != nil {
		return answer{}, err
	}
	return s.withStat(a, "", &stat, doc{"path": path}), nil
}

// setAllACL sets the list of a node and of all below it. What one of them refuses is told
// and passed over.
func setAllACL(ctx context.Context, zk *client.Client, path string, acl []proto.ACL, version int32) (answer, error) {
	var told strings.Builder
	set, failed := 0, []doc{}
	err := walk(ctx, zk, path, false, func(p string) error {
		_, err := zk.SetACL(ctx, p, acl, version)
		var op *client.OpError
		switch {
		case err == nil:
			set++
		case errors.As(err, &op) && !errors.Is(err, client.ErrConnectionLoss):
			told.WriteString(keeperText(op)) // without a line break, as in Java
			failed = append(failed, doc{"path": p, "error": errorDocument(err)["error"]})
		default:
			return err
		}
		return nil
	})
	return answer{out: told.String(), doc: doc{"path": path, "set": set, "failed": failed}}, err
}
