package storage

import "sync/atomic"

// Progress is how far a load has come. Any goroutine may look while another loads. The
// methods of a nil Progress do nothing.
type Progress struct {
	snapshot          atomic.Pointer[string]
	read, size, after atomic.Int64
}

// begin says that a snapshot of so many bytes is read.
func (p *Progress) begin(name string, size int64) {
	if p != nil {
		p.snapshot.Store(&name)
		p.read.Store(0)
		p.size.Store(size)
	}
}

// Write counts bytes that were read of the snapshot.
func (p *Progress) Write(b []byte) (int, error) {
	if p != nil {
		p.read.Add(int64(len(b)))
	}
	return len(b), nil
}

func (p *Progress) replayed() {
	if p != nil {
		p.after.Add(1)
	}
}

// Loaded says how far a load has come.
type Loaded struct {
	Snapshot   string // "" before one is chosen
	Read, Size int64  // bytes of it
	Replayed   int64  // transactions behind it
}

// Now returns how far the load has come.
func (p *Progress) Now() Loaded {
	l := Loaded{Read: p.read.Load(), Size: p.size.Load(), Replayed: p.after.Load()}
	if name := p.snapshot.Load(); name != nil {
		l.Snapshot = *name
	}
	return l
}
