package toolkit

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/vfs"
)

// SnapshotOptions say how a snapshot is shown. The zero value is Java's text without data.
type SnapshotOptions struct {
	Data     bool // the nodes' data, not only their lengths
	JSON     bool // JSON lines
	Zone     *time.Location
	Limit    int           // longest string or buffer that is read, in bytes; 0 is jute.DefaultLimit
	Progress func(n int64) // told how many bytes of the file were read; may be nil
}

// FormatSnapshot writes what a snapshot holds, nodes in the order of the file. The file
// is read twice: Java's text begins with the number of nodes. An error of the second
// reading comes behind what was shown of a damaged file.
func FormatSnapshot(w io.Writer, fsys vfs.FS, path string, opt SnapshotOptions) (err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	defer func() { err = errors.Join(err, out.Flush()) }()
	c := census{owners: map[int64]int{}}
	_, damage := snapshot.ScanFile(fsys, path, opt.Limit, &c, nil)
	f := formatter{out: out, opt: opt, acls: map[int64][]proto.ACL{}}
	if zxid, ok := snapshot.ParseName(filepath.Base(path)); ok {
		c.last = max(c.last, zxid)
	}
	if !opt.JSON {
		fmt.Fprintf(out, "ZNode Details (count=%d):\n", c.nodes+1) // Java counts the root twice
	}
	if c.nodes > 0 {
		if _, err := snapshot.ScanFile(fsys, path, opt.Limit, &f, opt.Progress); err != nil && damage == nil {
			return err
		}
	}
	f.sessions(&c)
	if damage == nil && opt.JSON {
		writeJSON(out, struct {
			File  string `json:"file"`
			Nodes int    `json:"nodes"`
			Last  string `json:"lastZxid"`
		}{path, c.nodes, c.last.String()})
	} else if damage == nil {
		fmt.Fprintf(out, "----\nLast zxid: %v\n", c.last)
	}
	return damage
}

// census is the visitor that counts.
type census struct {
	snapshot.Discard
	nodes  int
	list   []snapshot.Session
	owners map[int64]int // ephemerals by session
	last   proto.Zxid
}

// Session notes it.
func (c *census) Session(s snapshot.Session) error {
	c.list = append(c.list, s)
	return nil
}

// Node counts it.
func (c *census) Node(n *snapshot.Node) error {
	c.nodes++
	c.last = max(c.last, n.Stat.Mzxid, n.Stat.Pzxid)
	if tree.IsEphemeralOwner(n.Stat.Owner) {
		c.owners[n.Stat.Owner]++
	}
	return nil
}

// formatter is the visitor that writes nodes.
type formatter struct {
	out  *bufio.Writer
	opt  SnapshotOptions
	acls map[int64][]proto.ACL
}

// Session leaves it for the end.
func (f *formatter) Session(snapshot.Session) error { return nil }

// ACL notes it for the nodes.
func (f *formatter) ACL(id int64, acl []proto.ACL) error {
	f.acls[id] = acl
	return nil
}

// nodePath returns the path of a node, that of the root being empty in files.
func nodePath(path []byte) string {
	if len(path) == 0 {
		return "/"
	}
	return string(path)
}

// Node writes it.
func (f *formatter) Node(n *snapshot.Node) error {
	if f.opt.JSON {
		acl := f.acls[n.ACL]
		if n.ACL == -1 {
			acl = proto.OpenACL()
		}
		writeJSON(f.out, newJSONNode(n, acl, f.opt.Data))
		return nil
	}
	s := &n.Stat
	fmt.Fprintf(f.out, "----\n%s\n", nodePath(n.Path))
	zxid := func(name string, z uint64) { fmt.Fprintf(f.out, "  %s = 0x%014x\n", name, z) }
	zxid("cZxid", uint64(s.Czxid))
	fmt.Fprintf(f.out, "  ctime = %s\n", date(s.Ctime, longDate, f.opt.Zone))
	zxid("mZxid", uint64(s.Mzxid))
	fmt.Fprintf(f.out, "  mtime = %s\n", date(s.Mtime, longDate, f.opt.Zone))
	zxid("pZxid", uint64(s.Pzxid))
	fmt.Fprintf(f.out, "  cversion = %d\n  dataVersion = %d\n  aclVersion = %d\n", s.Cversion, s.Version, s.Aversion)
	zxid("ephemeralOwner", uint64(s.Owner))
	if f.opt.Data {
		fmt.Fprintf(f.out, "  data = %s\n", base64.StdEncoding.EncodeToString(n.Data))
		return nil
	}
	fmt.Fprintf(f.out, "  dataLength = %d\n", len(n.Data))
	return nil
}

// sessions writes the session table.
func (f *formatter) sessions(c *census) {
	if !f.opt.JSON {
		fmt.Fprintln(f.out, "----\nSession Details (sid, timeout, ephemeralCount):")
	}
	for _, s := range c.list {
		if f.opt.JSON {
			writeJSON(f.out, jsonSession{s.ID.String(), s.Timeout, c.owners[int64(s.ID)]})
			continue
		}
		fmt.Fprintf(f.out, "%v, %d, %d\n", s.ID, s.Timeout, c.owners[int64(s.ID)])
	}
}
