package replica

import (
	"fmt"
	"testing"

	"gokeeper/server/member"
	"gokeeper/server/proto"
	"gokeeper/server/zab"
)

func TestMerge(t *testing.T) {
	log := func(zxids ...proto.Zxid) zab.Log {
		var l zab.Log
		for _, z := range zxids {
			l.Entries = append(l.Entries, zab.Entry{Zxid: z})
		}
		// as zab hands them out: nothing may be appended in place
		l.Entries = l.Entries[:len(l.Entries):len(l.Entries)]
		return l
	}
	decided := func(z proto.Zxid) zab.Decided { return zab.Decided{Zxid: z} }
	f := func(want []member.Action, list ...member.Action) {
		t.Helper()
		if got := merge(list); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	f(nil)
	f([]member.Action{log(1, 2, 3), decided(2)}, log(1), decided(1), log(2), decided(2), log(3))
	f([]member.Action{decided(2), log(3, 4)}, decided(1), decided(2), log(3), log(4))
	f([]member.Action{decided(1), log(2, 3), decided(3)}, decided(1), log(2), decided(2), log(3), decided(3))
	f([]member.Action{log(1), member.Synced{}, log(2), decided(2)}, log(1), member.Synced{}, log(2), decided(2))
	f([]member.Action{decided(1), member.Synced{}, decided(2)}, decided(1), member.Synced{}, decided(2))
}
