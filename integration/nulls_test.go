package integration

import (
	"fmt"
	"strings"
	"testing"
)

// TestMultiNulls sends multis of one operation with each combination of null fields, and with each flag, to this server and
// to Java 3.9.6, and compares the answers: what fails an operation alone, and what the whole request.
func TestMultiNulls(t *testing.T) {
	sides := []*side{newSide(t, subject(t)), newSide(t, java(t, "396"))}
	step(t, sides, "connect", 0, func(s *side) { s.reopen(0, fresh()) })
	n := 0
	try := func(op int32, what string, record out) {
		n++
		body := append(out(nil).i32(op).bool(false).i32(-1), record...).i32(-1).bool(true).i32(-1)
		var got [2]string
		for i, s := range sides {
			s.run(0, n, []action{{op: opMulti, body: body}})
			_, got[i], _ = strings.Cut(strings.Join(s.log[0], "; "), " error ") // not the zxid: Java takes none for what it cannot decode
			s.log[0] = nil
		}
		if got[0] != got[1] {
			t.Errorf("multi of operation %d, %s: got %q, of Java %q", op, what, got[0], got[1])
		}
	}
	str := func(null bool, v string) out {
		if null {
			return out(nil).null()
		}
		return out(nil).str(v)
	}
	for _, op := range []int32{opCreate, opCreate2, opCreateContainer, opCreateTTL} {
		for mask := range 16 {
			for flags := int32(-1); flags < 10; flags++ {
				record := append(str(mask&1 != 0, fmt.Sprintf("/n%d", n)), str(mask&2 != 0, "data")...)
				what := fmt.Sprintf("null path %t, data %t, acl %t, empty acl %t, flags %d", mask&1 != 0, mask&2 != 0, mask&4 != 0, mask&8 != 0, flags)
				switch {
				case mask&4 != 0 && mask&8 != 0:
					continue
				case mask&4 != 0:
					record = record.null()
				case mask&8 != 0:
					record = record.acl([]acl{})
				default:
					record = record.acl([]acl{{31, "world", "anyone"}})
				}
				record = record.i32(flags)
				if op == opCreateTTL {
					record = record.i64(1000)
				}
				try(op, what, record)
			}
		}
	}
	for _, op := range []int32{opDelete, opCheck} {
		try(op, "null path", out(nil).null().i32(-1))
		try(op, "empty path", out(nil).str("").i32(-1))
	}
	try(opSetData, "null path", out(nil).null().str("x").i32(-1))
	try(opSetData, "null data", out(nil).str("/zookeeper").null().i32(-1))
}
