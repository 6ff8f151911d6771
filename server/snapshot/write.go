package snapshot

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/adler32"
	"io"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

const (
	magic     = 0x5a4b534e // "ZKSN"
	version   = 2
	dbid      = -1
	signature = "BenWasHere"
	// endOfNodes is the path that no node has.
	endOfNodes = "/"
)

// Write writes the source as a file. It returns the first error of w.
func Write(w io.Writer, src Source, opt Options) error {
	c, err := compressor(w, opt.Compression)
	if err != nil {
		return err
	}
	e := encoder{w: c, sum: adler32.New()}
	e.buf = binary.BigEndian.AppendUint32(e.buf, magic)
	e.buf = jute.AppendInt(e.buf, version)
	e.buf = jute.AppendLong(e.buf, dbid)
	e.body(src)
	e.seal()
	last, digestZxid, digest := src.Last()
	if !opt.NoDigest {
		e.buf = jute.AppendLong(e.buf, int64(digestZxid))
		e.buf = jute.AppendInt(e.buf, txn.DigestVersion)
		e.buf = jute.AppendLong(e.buf, int64(digest))
		e.seal()
	}
	if !opt.NoLastZxid {
		e.buf = jute.AppendLong(e.buf, int64(last))
		e.seal()
	}
	e.flush()
	if e.err != nil {
		return fmt.Errorf("write snapshot: %w", e.err)
	}
	if err := c.Close(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// WriteStream writes the source as the stream that follows a leader's SNAP packet.
// It returns the first error of w.
func WriteStream(w io.Writer, src Source) error {
	e := encoder{w: w, sum: adler32.New()}
	e.body(src)
	e.buf = jute.AppendString(e.buf, signature)
	e.flush()
	if e.err != nil {
		return fmt.Errorf("send snapshot: %w", e.err)
	}
	return nil
}

// encoder collects bytes, checks them off into a running Adler-32 and writes them.
type encoder struct {
	w   io.Writer
	buf []byte
	sum hash.Hash32
	err error
}

// body writes what file and stream have in common.
func (e *encoder) body(src Source) {
	sessions := src.Sessions()
	e.buf = jute.AppendInt(e.buf, int32(len(sessions)))
	for _, s := range sessions {
		e.buf = jute.AppendLong(e.buf, int64(s.ID))
		e.buf = jute.AppendInt(e.buf, s.Timeout)
	}
	acls := src.ACLs()
	e.buf = jute.AppendInt(e.buf, int32(len(acls)))
	for _, a := range acls {
		list := a.ACL
		if list == nil {
			list = []proto.ACL{} // a null vector here kills Java's loader
		}
		e.buf = jute.AppendLong(e.buf, a.ID)
		e.buf = proto.AppendACL(e.buf, list)
	}
	for more := true; more && e.err == nil; {
		e.flush()
		e.buf, more = src.Nodes(e.buf)
	}
}

// flush writes what was collected.
func (e *encoder) flush() {
	if e.err != nil || len(e.buf) == 0 {
		return
	}
	e.sum.Write(e.buf)
	_, e.err = e.w.Write(e.buf)
	e.buf = e.buf[:0]
}

// seal appends the checksum of everything so far.
func (e *encoder) seal() {
	e.flush()
	e.buf = jute.AppendLong(e.buf, int64(e.sum.Sum32()))
	e.buf = jute.AppendString(e.buf, endOfNodes)
}
