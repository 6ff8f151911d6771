package replica

import (
	"context"
	"testing"

	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// TestLocalSessionEnds: what was asked for before a local session is closed is done, also
// when both come at once.
func TestLocalSessionEnds(t *testing.T) {
	s := newStage(t, vfs.NewMem())
	s.lead()
	s.r.Inspect(context.Background(), func(m *member.Member) { // the loop sees nothing meanwhile
		id := m.NewLocal(40_000, s.r.now())
		s.r.Submit(&Write{Session: id, Request: createRequest("/a")})
		s.r.Submit(&Write{Session: id, Request: proto.Request{Op: proto.OpCloseSession}})
	})
	s.hears("send PROPOSAL 0x100000001")
	s.r.Inspect(context.Background(), func(m *member.Member) {
		if n := m.Locals().Len(); n != 0 {
			t.Errorf("%d local sessions are left", n)
		}
	})
}
