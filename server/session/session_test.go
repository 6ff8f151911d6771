package session

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gokeeper/server/proto"
)

// The numbers are Java's: SessionTrackerImpl.initializeNextSessionId.
func TestGenerator(t *testing.T) {
	f := func(server, ms int64, want uint64) {
		t.Helper()
		g := NewGenerator(server, ms)
		for i := range uint64(2) {
			if got := uint64(g.Next()); got != want+i {
				t.Errorf("server %d at %#x: id %#x, want %#x", server, ms, got, want+i)
			}
		}
	}
	f(1, 0x19a2b3c4d5e, 0x19a2b3c4d5e0000)
	f(0, 0x19a2b3c4d5e, 0x9a2b3c4d5e0000)
	f(1, 0x1ffffffffff, 0x1ffffffffff0000)
	f(254, 0x19a2b3c4d5e, 0xfe9a2b3c4d5e0000)
	f(128, 0x19a2b3c4d5e, 0x809a2b3c4d5e0000)
	f(128, 0, 0x8000000000000001) // the one before is the mark of containers
}

// The bytes are those of Java's new Random(id ^ 0xB3415C00L).
func TestPassword(t *testing.T) {
	for id, want := range map[uint64]string{
		0x100012345670000:  "4be494d27cc739baa123244a251a7415",
		0xff00000000000001: "054cc74a37327db215e702e20c73f005",
	} {
		if got := Password(proto.SessionID(id)); hex.EncodeToString(got[:]) != want {
			t.Errorf("%#x: %x, want %s", id, got, want)
		}
	}
}

func TestNegotiate(t *testing.T) {
	for wanted, want := range map[int32]int32{-1: 4000, 0: 4000, 4000: 4000, 4001: 4001, 40000: 40000, 40001: 40000, 1<<31 - 1: 40000} {
		if got := Negotiate(wanted, 4000, 40000); got != want {
			t.Errorf("%d: granted %d, want %d", wanted, got, want)
		}
	}
}

// TestRounding holds Java's buckets: the next multiple of the tick behind the timeout,
// which is never the timeout itself.
func TestRounding(t *testing.T) {
	f := func(at int64, timeout int32, want int64) {
		t.Helper()
		s := New(time.Second)
		if got := s.Touch(7, timeout, at); got != want || s.Due(want-1) != nil || !slices.Equal(s.Due(want), []proto.SessionID{7}) {
			t.Errorf("touched at %d for %d: due at %d, want %d", at, timeout, got, want)
		}
	}
	f(0, 4000, 5000)
	f(1, 4000, 5000)
	f(999, 4000, 5000)
	f(1000, 4000, 6000)
	f(0, 3999, 4000)
	f(0, 0, 1000)
	f(1<<40, 1<<31-1, (1<<40+1<<31-1)/1000*1000+1000)
}

func TestClosing(t *testing.T) {
	s := New(time.Second)
	s.Touch(1, 4000, 0)
	s.Touch(2, 4000, 0)
	s.Close(1)
	s.Close(3)
	s.Touch(1, 4000, 9000)
	if !s.Known(1) || !s.Closing(1) || s.Closing(2) || s.Known(3) || s.Closing(3) {
		t.Error("1 is closing, 2 is there, 3 is not")
	}
	if due := s.Due(99000); !slices.Equal(due, []proto.SessionID{2}) {
		t.Errorf("due: %v, want 2 alone: 1 is closing", due)
	}
	s.Remove(1)
	s.Remove(1)
	if s.Known(1) || s.Len() != 1 || len(s.Buckets()) != 0 {
		t.Error("1 was removed")
	}
}

// TestExpiry compares a random history with a list of when each session is due, and
// wants each to end between its timeout and one tick more after it was last heard.
func TestExpiry(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		tick := int64(1 + r.IntN(50))
		s, due := New(time.Duration(tick)*time.Millisecond), map[proto.SessionID]int64{}
		now := int64(0)
		for range 1000 {
			now += r.Int64N(tick)
			id := proto.SessionID(r.IntN(20))
			switch r.IntN(10) {
			case 0:
				s.Close(id)
				s.Remove(id)
				delete(due, id)
			case 1, 2:
				var want []proto.SessionID
				for id, at := range due {
					if at <= now {
						want = append(want, id)
						delete(due, id)
					}
				}
				slices.Sort(want)
				if got := s.Due(now); !slices.Equal(got, want) {
					t.Fatalf("seed %d: due at %d: %v, want %v", seed, now, got, want)
				}
			default:
				timeout := 1 + r.Int64N(5*tick)
				due[id] = s.Touch(id, int32(timeout), now)
				if late := due[id] - now - timeout; late <= 0 || late > tick {
					t.Fatalf("seed %d: %d ms after its timeout with ticks of %d", seed, late, tick)
				}
			}
			checkBuckets(t, s, due)
		}
	}
}

func checkBuckets(t *testing.T, s *Table, due map[proto.SessionID]int64) {
	t.Helper()
	n := 0
	for i, b := range s.Buckets() {
		n += len(b.Sessions)
		if len(b.Sessions) == 0 || i > 0 && s.Buckets()[i-1].At >= b.At {
			t.Fatalf("buckets %v", s.Buckets())
		}
		for _, id := range b.Sessions {
			if due[id] != b.At {
				t.Fatalf("session %d is due at %d, in bucket %d", id, due[id], b.At)
			}
		}
	}
	if n != len(due) {
		t.Fatal(fmt.Sprint(n, " sessions in buckets, want ", len(due)))
	}
}
