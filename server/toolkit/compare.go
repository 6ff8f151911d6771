package toolkit

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"gokeeper/server/vfs"
)

// Thresholds say which differences between two snapshots are listed: those of more than
// Bytes of data or more than Nodes descendants.
type Thresholds struct {
	Bytes int64
	Nodes int
	Debug bool // also say what is compared and what is left out
}

// Difference is a node that two snapshots have in different sizes, or that one of them
// has alone. Sizes and numbers count all that is below the node too.
type Difference struct {
	Path  string `json:"path"` // "" is the root
	In    string `json:"in"`   // both, left, right
	Bytes int64  `json:"bytes"`
	Nodes int    `json:"nodes"`
}

// CompareOptions say how Compare works and prints.
type CompareOptions struct {
	Thresholds
	SnapshotOptions
	Now func() time.Time // for the durations that Java prints
}

// Compare prints in which subtrees two snapshots differ, as SnapshotComparer does, and
// says whether it listed any. Only sizes are compared.
func Compare(w io.Writer, fsys vfs.FS, left, right string, opt CompareOptions) (bool, error) {
	out := bufio.NewWriter(w)
	c := comparison{out: out, opt: opt}
	if !opt.JSON {
		fmt.Fprintln(out, "Successfully parsed options!")
	}
	var layers [2][][]*branch
	for i, path := range []string{left, right} {
		begin := opt.Now()
		o, err := readOutline(fsys, path, opt.Limit, opt.Progress)
		if err != nil {
			return false, err
		}
		read := opt.Now()
		layers[i] = layersOf(o)
		if !opt.JSON {
			fmt.Fprintf(out, "Deserialized snapshot in %s in %f seconds\nProcessed data tree in %f seconds\n",
				filepath.Base(path), read.Sub(begin).Seconds(), opt.Now().Sub(read).Seconds())
		}
	}
	if !opt.JSON {
		c.describe(layers[0])
		c.describe(layers[1])
		fmt.Fprintf(out, "Printing analysis for nodes difference larger than %d bytes or node count difference larger than %d.\n", opt.Bytes, opt.Nodes)
	}
	for depth := range max(len(layers[0]), len(layers[1])) {
		c.layer(depth, layerAt(layers[0], depth), layerAt(layers[1], depth))
	}
	if !opt.JSON {
		fmt.Fprintln(out, "All layers compared.")
	}
	return c.listed, out.Flush()
}

// layersOf returns the nodes by depth, each layer by path.
func layersOf(o *outline) [][]*branch {
	var layers [][]*branch
	for _, b := range o.order {
		for len(layers) <= b.depth {
			layers = append(layers, nil)
		}
		layers[b.depth] = append(layers[b.depth], b)
	}
	for _, l := range layers {
		slices.SortFunc(l, func(a, b *branch) int { return cmp.Compare(a.path, b.path) })
	}
	return layers
}

func layerAt(layers [][]*branch, depth int) []*branch {
	if depth >= len(layers) {
		return nil
	}
	return layers[depth]
}

// comparison is one run of Compare.
type comparison struct {
	out    *bufio.Writer
	opt    CompareOptions
	listed bool
}

func (c *comparison) describe(layers [][]*branch) {
	nodes, bytes := 0, int64(0)
	for _, l := range layers {
		nodes += len(l)
	}
	if nodes > 0 {
		bytes = layers[0][0].bytes
	}
	fmt.Fprintf(c.out, "Node count: %d\nTotal size: %d\nMax depth: %d\n", nodes, bytes, len(layers))
	for i, l := range layers {
		fmt.Fprintf(c.out, "Count of nodes at depth %d: %d\n", i, len(l))
	}
	fmt.Fprintln(c.out)
}

// layer compares the nodes of one depth.
func (c *comparison) layer(depth int, left, right []*branch) {
	if !c.opt.JSON {
		fmt.Fprintf(c.out, "Analysis for depth %d\n", depth)
	}
	for len(left) > 0 && len(right) > 0 {
		l, r := left[0], right[0]
		c.debug("Comparing %s to %s\n", l.path, r.path)
		switch {
		case l.path == r.path:
			c.debug("same\n")
			c.both(l, r)
			left, right = left[1:], right[1:]
		case l.path < r.path:
			c.debug("left is less\n")
			c.alone("left", l)
			left = left[1:]
		default:
			c.debug("right is less\n")
			c.alone("right", r)
			right = right[1:]
		}
	}
	for _, l := range left {
		c.alone("left", l)
	}
	for _, r := range right {
		c.alone("right", r)
	}
}

func (c *comparison) debug(format string, args ...any) {
	if c.opt.Debug && !c.opt.JSON {
		fmt.Fprintf(c.out, format, args...)
	}
}

func (c *comparison) both(l, r *branch) {
	d := Difference{l.path, "both", r.bytes - l.bytes, r.below - l.below}
	if max(d.Bytes, -d.Bytes) <= c.opt.Bytes && max(d.Nodes, -d.Nodes) <= c.opt.Thresholds.Nodes {
		c.debug("Filtered node %s of left size %d, right size %d\n", l.path, l.bytes, r.bytes)
		return
	}
	c.list(d, fmt.Sprintf("Node %s found in both trees. Delta: %d bytes, %d descendants\n", d.Path, d.Bytes, d.Nodes))
}

func (c *comparison) alone(side string, b *branch) {
	if b.bytes <= c.opt.Bytes && b.below <= c.opt.Thresholds.Nodes {
		c.debug("Filtered %s node %s of size %d\n", side, b.path, b.bytes)
		return
	}
	c.list(Difference{b.path, side, b.bytes, b.below},
		fmt.Sprintf("Node %s found only in %s tree. Descendant size: %d. Descendant count: %d\n", b.path, side, b.bytes, b.below))
}

func (c *comparison) list(d Difference, text string) {
	c.listed = true
	if c.opt.JSON {
		writeJSON(c.out, d)
		return
	}
	c.out.WriteString(text)
}
