package peer

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"gokeeper/server/snapshot"
	"gokeeper/server/zab"
)

// recorded is a line of a recording of Java servers.
type recorded struct {
	Channel, Dir, Kind, Hex string
	Conn                    int
}

// recording returns what each end of the quorum connections in a recording sent.
func recording(t testing.TB, name string) (learner, leader []recorded) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var r recorded
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Channel != "quorum":
		case r.Dir == "dialer->listener":
			learner = append(learner, r)
		default:
			leader = append(leader, r)
		}
	}
	return learner, leader
}

func (r *recorded) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(r.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSnapshotFromJava plays a Java leader that sends a snapshot, in pieces of several
// sizes. What the learner is told in which order, and all bytes, must be Java's.
func TestSnapshotFromJava(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"learner-snap-follower", "learner-snap-observer"} {
		_, leader := recording(t, name)
		for _, piece := range []int{1, 7, 100, 1 << 20} {
			t.Run(fmt.Sprint(name, " ", piece), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { playSnapshot(t, leader, piece) })
			})
		}
	}
}

func playSnapshot(t *testing.T, leader []recorded, piece int) {
	u, o, nc, done := pipeLearner(t, Dial{})
	var all, stream []byte
	var packets [][]byte
	for _, r := range leader {
		all = append(all, r.bytes(t)...)
		if r.Kind == "SNAPSHOT_STREAM" {
			stream = r.bytes(t)
			continue
		}
		packets = append(packets, r.bytes(t))
	}
	o.snapshot = func(r io.Reader) error {
		var got bytes.Buffer
		c, err := snapshot.ReadStream(io.TeeReader(r, &got), 1, 0)
		if err != nil {
			return err
		}
		if !bytes.Equal(got.Bytes(), stream) {
			t.Errorf("the snapshot has %d bytes, want %d", got.Len(), len(stream))
		}
		if !c.Tree.FindString("/zookeeper/config").Exists() {
			t.Error("the snapshot lacks /zookeeper/config")
		}
		return nil
	}
	for p := range slices.Chunk(all, piece) {
		nc.Write(p)
	}
	synctest.Wait()
	var got [][]byte
	for _, p := range o.got[1] {
		got = append(got, p.Append(nil))
	}
	if !slices.EqualFunc(got, packets, bytes.Equal) {
		t.Errorf("got\n%x, want\n%x", got, packets)
	}
	told := strings.Join(o.told[1], " ")
	if !strings.HasPrefix(told, "connected received snapshot received") || o.got[1][1].Type != zab.Snap {
		t.Errorf("told %q of %v", told, o.got[1])
	}
	u.Close(errors.New("played"))
	<-done
	nc.Close()
}

// TestSnapshotFails ends the link when the owner cannot use the snapshot.
func TestSnapshotFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, o, nc, done := pipeLearner(t, Dial{})
		broken := errors.New("no such tree")
		o.snapshot = func(io.Reader) error { return broken }
		nc.Write(encode([]zab.Packet{{Type: zab.LeaderInfo}, {Type: zab.Snap}, {Type: zab.Ping}}))
		<-done
		if !errors.Is(o.gone[1], broken) || len(o.got[1]) != 1 {
			t.Errorf("gone %v after %v", o.gone[1], o.got[1])
		}
		nc.Close()
	})
}

// TestJavaBytes sends what Java sent, in both directions, and expects its bytes.
func TestJavaBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fromLearner, fromLeader := recording(t, "request-sync-revalidate")
		decode := func(rs []recorded) (packets []zab.Packet, all []byte) {
			for _, r := range rs {
				p, err := zab.ReadPacket(bufio.NewReader(bytes.NewReader(r.bytes(t))), 1000)
				if err != nil {
					t.Fatalf("%s: %v", r.Kind, err)
				}
				packets, all = append(packets, p), append(all, r.bytes(t)...)
			}
			return packets, all
		}
		l, o, p, stop := pipeLeader(t)
		leaderEnd, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		u, _, learnerEnd, done := pipeLearner(t, Dial{})
		synctest.Wait()
		packets, want := decode(fromLeader)
		l.Send(o.links, packets)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(leaderEnd, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("leader: %v\n%x, want\n%x", err, got, want)
		}
		packets, want = decode(fromLearner)
		u.Send(packets)
		got = make([]byte, len(want))
		if _, err := io.ReadFull(learnerEnd, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("learner: %v\n%x, want\n%x", err, got, want)
		}
		learnerEnd.Close()
		<-done
		leaderEnd.Close()
		stop()
	})
}

// FuzzReader compares the reader of batches with reading packet by packet, whatever
// comes and however it is cut.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"learner-snap-follower", "request-sync-revalidate"} {
		learner, leader := recording(f, name)
		var all []byte
		for _, r := range append(learner, leader...) {
			all = append(all, r.bytes(f)...)
		}
		f.Add(all, uint16(100))
	}
	long, withoutEnd := proposal(1, 300), proposal(2, 20)
	f.Add(append(long.Append(nil), withoutEnd.Append(nil)[:30]...), uint16(1))
	f.Fuzz(func(t *testing.T, in []byte, piece uint16) {
		const limit = 256
		want, wantErr := oneByOne(in, limit)
		r := packetReader{in: bufio.NewReaderSize(&pieces{in, int(piece)%300 + 1}, 128), limit: limit}
		var got []zab.Packet
		var gotErr error
		for gotErr == nil {
			var packets []zab.Packet
			packets, gotErr = r.next()
			if gotErr == nil && len(packets) == 0 {
				t.Fatal("nothing, and no error")
			}
			got = append(got, packets...)
		}
		if !equal(got, want) {
			t.Errorf("got\n%#v, want\n%#v", got, want)
		}
		for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, zab.ErrTooLong} {
			if errors.Is(gotErr, err) != errors.Is(wantErr, err) {
				t.Errorf("ends with %v, want %v", gotErr, wantErr)
			}
		}
	})
}

func oneByOne(in []byte, limit int) ([]zab.Packet, error) {
	r := bufio.NewReader(bytes.NewReader(in))
	var packets []zab.Packet
	for {
		p, err := zab.ReadPacket(r, limit)
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
}

// pieces gives its bytes a few at a time.
type pieces struct {
	left []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[:min(p.size, len(p.left))])
	p.left = p.left[n:]
	return n, nil
}

// BenchmarkSend sends proposals to two learners over the loopback in batches of several
// sizes, and waits for both to have them. A few batches are under way at a time, as in a
// leader whose followers acknowledge.
func BenchmarkSend(b *testing.B) {
	for _, batch := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint("batch ", batch), func(b *testing.B) { benchmarkSend(b, batch, 200) })
	}
	b.Run("batch 10 of 10 kB", func(b *testing.B) { benchmarkSend(b, 10, 10_000) })
}

func benchmarkSend(b *testing.B, batch, size int) {
	const window = 8 // batches under way
	l, leader := lead(b, LinkConfig{})
	counts := make([]*counter, 2)
	for i := range counts {
		counts[i] = &counter{got: make(chan int, 1<<16)}
		u := DialLeader(plain(l), zab.LinkID(i), counts[i])
		running(b, u.Run)
	}
	links := leader.connected(2)
	packets := make([]zab.Packet, batch)
	for i := range packets {
		packets[i] = proposal(i, size)
	}
	b.ReportAllocs()
	b.SetBytes(int64(2 * len(encode(packets[:1]))))
	sent := 0
	take := func(limit int) {
		for _, c := range counts {
			for sent-c.have > limit {
				c.have += <-c.got
			}
		}
	}
	for b.Loop() { // one packet each
		if sent++; sent%batch == 0 {
			l.Send(links, packets)
			take((window - 1) * batch)
		}
	}
	sent -= sent % batch
	take(0)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}

// counter is an owner that only counts.
type counter struct {
	got  chan int
	have int // taken from got
}

func (c *counter) Connected(zab.LinkID, net.Addr)                   {}
func (c *counter) Received(_ zab.LinkID, packets []zab.Packet)      { c.got <- len(packets) }
func (c *counter) Snapshot(zab.LinkID, zab.Packet, io.Reader) error { return nil }
func (c *counter) Gone(zab.LinkID, error)                           {}
