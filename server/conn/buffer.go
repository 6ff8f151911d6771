package conn

import "sync"

// inputSize is the size of pooled read buffers: several hundred small requests.
const inputSize = 16 << 10

// outputKeep is the largest out buffer that is used again for others.
const outputKeep = 128 << 10

// buffer is a byte slice that can be pooled without allocating.
type buffer struct{ b []byte }

// pools hold the buffers of connections that are busy; idle ones have none. (Without
// them a read of 100 bytes allocates its out buffer, see BenchmarkReads.)
type pools struct{ in, out sync.Pool }

// input returns a read buffer of inputSize bytes.
func (p *pools) input() *buffer {
	if b, ok := p.in.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, inputSize)}
}

// output returns an empty out buffer.
func (p *pools) output() *buffer {
	if b, ok := p.out.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, 4<<10)}
}

// putOutput takes an out buffer back.
func (p *pools) putOutput(b *buffer) {
	if cap(b.b) <= outputKeep {
		b.b = b.b[:0]
		p.out.Put(b)
	}
}

// input is what a connection has received and not yet used. Its zero value is empty
// and holds no memory. Only the reader touches it.
type input struct {
	pools  *pools
	pooled *buffer // nil: b is our own
	b      []byte  // whole buffer
	r, w   int     // b[r:w] is the input
}

// bytes returns the input.
func (in *input) bytes() []byte { return in.b[in.r:in.w] }

// skip drops the first n bytes.
func (in *input) skip(n int) { in.r += n }

// room returns space to read into. need is how long the input must become before
// anything can be done with it, as far as known. A buffer at most doubles, so that a
// client must send what it wants us to hold.
func (in *input) room(need int) []byte {
	left := in.bytes()
	if in.pooled == nil && len(left) < inputSize/2 {
		in.pooled = in.pools.input()
		in.b = in.pooled.b
	}
	in.r, in.w = 0, copy(in.b, left)
	if in.w == len(in.b) {
		b := make([]byte, min(2*len(in.b), max(need, in.w+1)))
		n := copy(b, in.b)
		in.free()
		in.b, in.w = b, n
	}
	return in.b[in.w:]
}

// filled says that n bytes were read into the room.
func (in *input) filled(n int) { in.w += n }

// park prepares for a long wait: what is left moves to memory of its own size.
func (in *input) park() {
	left := in.bytes()
	switch {
	case len(left) == 0:
		in.free()
	case in.pooled != nil:
		left = append([]byte(nil), left...)
		in.free()
		in.b, in.w = left, len(left)
	}
}

// free drops the input and its memory.
func (in *input) free() {
	if in.pooled != nil {
		in.pools.in.Put(in.pooled)
	}
	*in = input{pools: in.pools}
}
