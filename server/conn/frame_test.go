package conn

import (
	"bytes"
	"testing"
)

func TestGuess(t *testing.T) {
	for in, want := range map[string]string{
		"GET / HTTP": "HTTP request", "\x16\x03\x01\x02": "TLS handshake on a plaintext port", "SSH-2.0": "SSH client",
		"RUOK": "unknown four-letter word", "\xff\x00\x00\x00": "negative length",
		"\x7f\x00\x00\x00": "not a ZooKeeper client, or a packet larger than jute.maxbuffer",
	} {
		if got := guess([]byte(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// FuzzFrames: however the input is cut into pieces, and wherever it is parked, the same
// packets come out, and no memory is taken that was not sent.
func FuzzFrames(f *testing.F) {
	f.Add(framed([]byte("hello")), uint8(3), false)
	f.Add(append(framed(nil), framed(make([]byte, 300))...), uint8(255), true)
	f.Add([]byte{0, 0, 1}, uint8(1), true)
	f.Add([]byte{255, 0, 0, 1}, uint8(1), true)
	f.Add(append(framed(make([]byte, 40000)), 0, 0, 0x9c, 0x40, 7), uint8(200), true)
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8, park bool) {
		const limit = 50000
		var want [][]byte
		rest := stream
		for {
			body, n, err := nextFrame(rest, limit)
			if err != nil || n > len(rest) {
				break
			}
			want = append(want, body)
			rest = rest[n:]
		}
		in := input{pools: &pools{}}
		defer in.free()
		src, need := stream, frameHead
		for len(src) > 0 {
			room := in.room(need)
			if len(room) == 0 {
				t.Fatal("no room")
			}
			if c := len(in.b); c > max(inputSize, 2*(in.w+1)) {
				t.Fatalf("%d bytes for %d", c, in.w)
			}
			n := copy(room, src[:min(len(src), int(piece)*16+1)])
			in.filled(n)
			src = src[n:]
			for {
				body, n, err := nextFrame(in.bytes(), limit)
				if err != nil {
					if len(want) != 0 {
						t.Fatalf("%d packets are missing", len(want))
					}
					return
				}
				if need = n; n > len(in.bytes()) {
					break
				}
				if len(want) == 0 || !bytes.Equal(body, want[0]) {
					t.Fatalf("packet %x", body)
				}
				want = want[1:]
				in.skip(n)
			}
			if park {
				in.park()
			}
		}
		if len(want) != 0 || !bytes.Equal(in.bytes(), rest) {
			t.Fatalf("%d packets are missing, %d bytes left instead of %d", len(want), len(in.bytes()), len(rest))
		}
	})
}
