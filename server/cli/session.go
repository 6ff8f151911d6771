package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gokeeper/server/client"
)

func (s *Shell) addAuth(_ context.Context, a *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	var secret []byte
	if len(a.words) > 2 {
		secret = []byte(a.words[2])
	}
	return answer{doc: doc{"scheme": a.words[1]}}, zk.AddAuth(a.words[1], secret)
}

func (s *Shell) whoAmI(ctx context.Context, _ *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	ids, err := zk.WhoAmI(ctx)
	if err != nil {
		return answer{}, err
	}
	var b strings.Builder
	b.WriteString("Auth scheme: User\n")
	list := []doc{}
	for _, id := range ids {
		b.WriteString(id.Scheme + ": " + id.ID + "\n")
		list = append(list, doc{"scheme": id.Scheme, "user": id.ID})
	}
	return answer{out: b.String(), doc: doc{"identities": list}}, nil
}

func (s *Shell) sync(ctx context.Context, a *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	err = zk.Sync(ctx, a.words[1])
	if op := (*client.OpError)(nil); errors.As(err, &op) {
		code := int32(codeOf(err))
		if errors.Is(err, client.ErrConnectionLoss) {
			code = codeConnectionLoss
		}
		return answer{}, complaint{fmt.Sprintf("Sync has failed. rc=%d", code), true}
	}
	if err != nil {
		return answer{}, err
	}
	return answer{out: "Sync is OK\n", doc: doc{"path": a.words[1]}}, nil
}

// codeConnectionLoss is Java's number for it, which no server sends.
const codeConnectionLoss = -4

func (s *Shell) version(_ context.Context, a *arguments) (answer, error) {
	if len(a.words) > 1 {
		c, _ := find("version")
		return answer{}, usageError(c.usageText())
	}
	return answer{out: "ZooKeeper CLI version: " + s.cfg.Version + "\n", doc: doc{"version": s.cfg.Version}}, nil
}

func (s *Shell) close(ctx context.Context, _ *arguments) (answer, error) {
	s.end(ctx)
	return answer{}, nil
}

func (s *Shell) leaveShell(ctx context.Context, _ *arguments) (answer, error) {
	s.quit = true
	s.end(ctx)
	return answer{}, nil
}

// connect ends the session and opens another one, at the same servers or others.
func (s *Shell) connect(ctx context.Context, a *arguments) (answer, error) {
	to := s.in.Server
	if len(a.words) > 1 {
		to = a.words[1]
	}
	if _, err := client.ParseServers(to); err != nil {
		return answer{}, fmt.Errorf("connect: %w", err)
	}
	s.end(ctx)
	s.mu.Lock()
	s.client = nil
	s.mu.Unlock()
	s.in.Server = to
	return answer{doc: doc{"server": to}}, nil
}
