package snapshot

import (
	"errors"
	"fmt"
	"io"
	"math"

	"gokeeper/server/proto"
	"gokeeper/server/tree"
	"gokeeper/server/vfs"
)

// Node is a node as it stands in a snapshot.
type Node struct {
	Path []byte // "" is the root
	Data []byte // nil is null
	ACL  int64  // id in the ACL table; -1 is world:anyone with all permissions
	Stat tree.Persisted
}

// Visitor receives the parts of a snapshot in their order. An error ends the
// reading. The fields of a Node are valid during the call.
type Visitor interface {
	Session(Session) error
	ACL(id int64, acl []proto.ACL) error
	Node(*Node) error
}

// Digest is the digest section: the tree digest at a transaction that was applied
// around the end of writing.
type Digest struct {
	Zxid    proto.Zxid
	Version int32
	Value   uint64
	Text    string // hex digits instead of Value, if Version is below 2
}

// Trailer is what stands behind the nodes of a file.
type Trailer struct {
	Digest *Digest     // nil if there is no digest section
	Last   *proto.Zxid // last transaction applied at the end of writing; nil if there is no zxid section
}

// Content is a snapshot in memory.
type Content struct {
	Tree     *tree.Tree // its LastZxid is that of the zxid section, 0 without one
	Sessions map[proto.SessionID]int32
	Trailer
}

// ReadOptions say how to read. The zero value reads an uncompressed file.
type ReadOptions struct {
	Compression Compression
	Limit       int // longest string or buffer in bytes; 0 is jute.DefaultLimit
}

// Scan reads a file and hands its parts to v; it checks the seals and everything
// but the hierarchy of nodes. Bytes behind the last section are ignored. Errors are
// of type *CorruptError, except those that r returned: a disk that fails says nothing
// about the file.
func Scan(r io.Reader, opt ReadOptions, v Visitor) (Trailer, error) {
	tap := &tapped{r: r}
	t, err := scan(tap, opt, v)
	return t, tap.first(err)
}

func scan(r io.Reader, opt ReadOptions, v Visitor) (Trailer, error) {
	z, err := decompressor(r, opt.Compression)
	if err != nil {
		return Trailer{}, err
	}
	d := newDecoder(z, opt.Limit, false)
	d.header()
	d.body(v)
	d.seal()
	t := d.trailer()
	if opt.Compression != Plain {
		d.drain()
	}
	return t, d.err
}

// ScanFile is [Scan] of the file of that name, by which its compression is known. limit is
// that of [ReadOptions]; progress is told how many bytes of the file were read, and may be
// nil. An error names the file.
func ScanFile(fsys vfs.FS, name string, limit int, v Visitor, progress func(n int64)) (Trailer, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return Trailer{}, fmt.Errorf("open snapshot: %w", err)
	}
	defer f.Close()
	r := io.Reader(io.NewSectionReader(f, 0, math.MaxInt64))
	if progress != nil {
		r = &counted{r: r, told: progress}
	}
	t, err := Scan(r, ReadOptions{CompressionOf(name), limit}, v)
	if err != nil {
		return t, fmt.Errorf("snapshot %s: %w", name, err)
	}
	return t, nil
}

// counted tells how much was read.
type counted struct {
	r    io.Reader
	n    int64
	told func(n int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.told(c.n)
	return n, err
}

// Read loads a file. Errors are those of [Scan]. The state is fresh for every call:
// nothing of a rejected snapshot remains.
func Read(r io.Reader, opt ReadOptions) (*Content, error) {
	l := newLoad()
	t, err := Scan(r, opt, l)
	if err != nil {
		return nil, err
	}
	var last proto.Zxid
	if t.Last != nil {
		last = *t.Last
	}
	c, err := l.content(last)
	if err == nil {
		c.Trailer = t
	}
	return c, err
}

// ReadStream loads the stream that follows a SNAP packet with the zxid last. It
// reads nothing behind the stream, in small pieces: r should be buffered. limit is
// the longest string or buffer in bytes, 0 is jute.DefaultLimit.
func ReadStream(r io.Reader, last proto.Zxid, limit int) (*Content, error) {
	l := newLoad()
	tap := &tapped{r: r}
	d := newDecoder(tap, limit, true)
	d.body(l)
	if s := d.bytes(); d.err == nil && string(s) != signature {
		d.fail(ErrSignature, "%q", s)
	}
	if d.err != nil {
		return nil, tap.first(d.err)
	}
	return l.content(last)
}

// tapped remembers the error of a reader, which decompressors mix with their own.
type tapped struct {
	r   io.Reader
	err error
}

func (t *tapped) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
	return n, err
}

// first returns the reader's error instead of err, if it had one.
func (t *tapped) first(err error) error {
	if err != nil && t.err != nil {
		return fmt.Errorf("read snapshot: %w", t.err)
	}
	return err
}

// load is the visitor that builds a Content.
type load struct {
	tree     *tree.Loader
	sessions map[proto.SessionID]int32
}

func newLoad() *load {
	return &load{tree: tree.NewLoader(), sessions: map[proto.SessionID]int32{}}
}

func (l *load) Session(s Session) error {
	l.sessions[s.ID] = s.Timeout
	return nil
}

func (l *load) ACL(id int64, acl []proto.ACL) error {
	l.tree.ACL(id, acl)
	return nil
}

func (l *load) Node(n *Node) error { return l.tree.Node(string(n.Path), n.Data, n.ACL, n.Stat) }

func (l *load) content(last proto.Zxid) (*Content, error) {
	t, err := l.tree.Finish(last)
	if err != nil {
		return nil, &CorruptError{Reason: ErrRecord, Detail: err.Error()}
	}
	return &Content{Tree: t, Sessions: l.sessions}, nil
}

// Discard is a visitor that accepts everything, to check a file with [Scan].
type Discard struct{}

// Session accepts it.
func (Discard) Session(Session) error { return nil }

// ACL accepts it.
func (Discard) ACL(int64, []proto.ACL) error { return nil }

// Node accepts it.
func (Discard) Node(*Node) error { return nil }

// String returns the section as a line for tools.
func (d *Digest) String() string {
	if d.Text != "" {
		return fmt.Sprintf("zxid %v version %d digest %s", d.Zxid, d.Version, d.Text)
	}
	return fmt.Sprintf("zxid %v version %d digest 0x%x", d.Zxid, d.Version, d.Value)
}
