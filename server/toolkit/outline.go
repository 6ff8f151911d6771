package toolkit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gokeeper/server/snapshot"
	"gokeeper/server/vfs"
)

// branch is a node of an outline: a tree of sizes without data.
type branch struct {
	path     string // "" is the root
	size     int    // bytes of data of this node
	bytes    int64  // of this node and all below it
	below    int    // nodes below it
	depth    int
	children []*branch // in the order of the file
}

// outline is the visitor that builds one.
type outline struct {
	snapshot.Discard
	byPath map[string]*branch
	order  []*branch // parents first
}

// readOutline reads the outline of a snapshot.
func readOutline(fsys vfs.FS, path string, limit int, progress func(int64)) (*outline, error) {
	o := &outline{byPath: map[string]*branch{}}
	if _, err := snapshot.ScanFile(fsys, path, limit, o, progress); err != nil {
		return nil, err
	}
	for i := len(o.order) - 1; i >= 0; i-- {
		b := o.order[i]
		b.bytes += int64(b.size)
		if up := o.parent(b.path); up != nil {
			up.bytes += b.bytes
			up.below += b.below + 1
		}
	}
	return o, nil
}

// Node adds it.
func (o *outline) Node(n *snapshot.Node) error {
	b := &branch{path: string(n.Path), size: len(n.Data)}
	up := o.parent(b.path)
	if up == nil && b.path != "" {
		return fmt.Errorf("node %s comes before its parent", b.path)
	}
	if up != nil {
		b.depth = up.depth + 1
		up.children = append(up.children, b)
	}
	o.byPath[b.path] = b
	o.order = append(o.order, b)
	return nil
}

// parent returns the branch above the path, nil for the root and where there is none.
func (o *outline) parent(path string) *branch {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return nil
	}
	return o.byPath[path[:i]]
}

// Summarize writes how many nodes and bytes are in the tree at a node and in those below
// it down to the depth, 0 being no limit, as SnapshotRecursiveSummary does. Leaves are
// counted and not listed.
func Summarize(w io.Writer, fsys vfs.FS, path, start string, depth int, asJSON bool, opt SnapshotOptions) error {
	o, err := readOutline(fsys, path, opt.Limit, opt.Progress)
	if err != nil {
		return err
	}
	b := o.byPath[strings.TrimSuffix(start, "/")]
	if b == nil {
		return fmt.Errorf("snapshot %s has no node %s: name one that it has, / for all", path, start)
	}
	out := bufio.NewWriter(w)
	summarize(out, b, 0, depth, asJSON)
	if !asJSON {
		fmt.Fprintln(out)
	}
	return out.Flush()
}

func summarize(w io.Writer, b *branch, level, depth int, asJSON bool) {
	if len(b.children) == 0 {
		return
	}
	if asJSON {
		writeJSON(w, struct {
			Path     string `json:"path"`
			Children int    `json:"children"`
			Data     int64  `json:"data"`
		}{nodePath([]byte(b.path)), b.below, b.bytes})
	} else {
		p := strings.Repeat("--", level)
		fmt.Fprintf(w, "%s %s\n%s   children: %d\n%s   data: %d\n", p, nodePath([]byte(b.path)), p, b.below, p, b.bytes)
	}
	if depth > 0 && level == depth {
		return
	}
	for _, c := range b.children {
		summarize(w, c, level+1, depth, asJSON)
	}
}

// FormatJSON writes the sizes of a snapshot's nodes in the export format of ncdu, as
// SnapshotFormatter -json does, with now as the time of the export.
func FormatJSON(w io.Writer, fsys vfs.FS, path string, now time.Time, opt SnapshotOptions) error {
	o, err := readOutline(fsys, path, opt.Limit, opt.Progress)
	if err != nil {
		return err
	}
	root := o.byPath[""]
	if root == nil {
		return errors.New("snapshot " + path + " has no nodes")
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `[1,0,{"progname":"SnapshotFormatter.java","progver":"0.01","timestamp":%d},`, now.UnixMilli())
	inode := 1000
	writeNcdu(out, root, &inode)
	out.WriteString("]")
	return out.Flush()
}

func writeNcdu(w *bufio.Writer, b *branch, inode *int) {
	*inode++
	if len(b.children) > 0 {
		w.WriteByte('[')
		defer w.WriteByte(']')
	}
	name := b.path[strings.LastIndexByte(b.path, '/')+1:]
	if b.path == "" {
		name = "/"
	}
	quoted, err := json.Marshal(name)
	if err != nil {
		panic("bug: a string cannot be encoded: " + err.Error())
	}
	fmt.Fprintf(w, `{"name":%s,"asize":%d,"dsize":%d,"dev":0,"ino":%d}`, quoted, b.size, b.size, *inode)
	for _, c := range b.children {
		w.WriteByte(',')
		writeNcdu(w, c, inode)
	}
}
