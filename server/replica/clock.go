package replica

import "time"

// Clock tells the times that decisions depend on. The zero value is the machine's clock.
type Clock struct {
	Monotonic func() int64 // milliseconds since Parts.Start, on the clock of the connections
	Wall      func() int64 // milliseconds since 1970
}

// now returns monotonic milliseconds on the clock of the connections.
func (r *Replica) now() int64 {
	if r.Clock.Monotonic != nil {
		return r.Clock.Monotonic()
	}
	return time.Since(r.Start).Milliseconds()
}

// wall returns milliseconds since 1970.
func (r *Replica) wall() int64 {
	if r.Clock.Wall != nil {
		return r.Clock.Wall()
	}
	return time.Now().UnixMilli()
}
