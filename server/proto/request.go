package proto

// Request is one packet of a client whose header has been read.
type Request struct {
	Xid  int32
	Op   Op
	Body []byte     // what follows the header; may alias a read buffer, see the function that takes it
	IDs  []Identity // who the connection was when the packet was read; never changed in place
	Read int64      // when it was read, monotonic nanoseconds
}
