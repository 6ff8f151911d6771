package conn

import (
	"bytes"
	"encoding/binary"
	"errors"

	"gokeeper/server/proto"
)

// errLength says that a packet's length is negative or above the limit.
var errLength = errors.New("packet length out of range")

// frameHead is the size of the length in front of a packet.
const frameHead = 4

// nextFrame cuts the first packet off in. It returns the packet without its length, and
// how many bytes of in it takes. With n > len(in) the packet is not complete; n is then
// what is needed as far as is known. limit is the largest length, inclusive.
func nextFrame(in []byte, limit int) (body []byte, n int, err error) {
	if len(in) < frameHead {
		return nil, frameHead, nil
	}
	l := int32(binary.BigEndian.Uint32(in))
	if l < 0 || int(l) > limit {
		return nil, 0, errLength
	}
	n = frameHead + int(l)
	if n > len(in) {
		return nil, n, nil
	}
	return in[frameHead:n:n], n, nil
}

// countFrames returns how many packets out consists of, and the sizes of those that are
// replies to requests: neither events nor the first packet of a connection.
func countFrames(out []byte, first bool) (n int64, replies sizes) {
	for len(out) >= frameHead {
		l := int(binary.BigEndian.Uint32(out))
		if l > len(out)-frameHead {
			break
		}
		if !first && l >= 4 && int32(binary.BigEndian.Uint32(out[frameHead:])) != proto.XidEvent {
			replies.add(int64(l))
		}
		first = false
		out = out[frameHead+l:]
		n++
	}
	return n, replies
}

// guess says in words what a client that sends these first bytes may be.
func guess(in []byte) string {
	switch {
	case hasAnyPrefix(in, "GET ", "POST", "HEAD", "PUT ", "OPTI", "DELE", "PATC", "PRI ", "CONN"):
		return "HTTP request"
	case len(in) >= 2 && in[0] == 0x16 && in[1] == 3:
		return "TLS handshake on a plaintext port"
	case hasAnyPrefix(in, "SSH-"):
		return "SSH client"
	case len(in) >= 4 && isLetters(in[:4]):
		return "unknown four-letter word"
	case len(in) >= 4 && in[0]&0x80 != 0:
		return "negative length"
	}
	return "not a ZooKeeper client, or a packet larger than jute.maxbuffer"
}

func hasAnyPrefix(in []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(in, []byte(p)) {
			return true
		}
	}
	return false
}

func isLetters(p []byte) bool {
	for _, c := range p {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return true
}
