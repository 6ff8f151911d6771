package console

import (
	"net/url"
	"slices"
	"strconv"
)

// Sizes of a page of a list.
const (
	defaultPage = 100
	maxPage     = 1000
)

// window is the part of a sorted list that is asked for.
type window struct {
	after  string // the last key seen; "" begins
	prefix string // of the keys that count
	limit  int
}

// windowOf reads after, prefix and limit.
func windowOf(q url.Values) window {
	w := window{after: q.Get("after"), prefix: q.Get("prefix"), limit: defaultPage}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		w.limit = min(n, maxPage)
	}
	return w
}

// least collects the first names of a window from a list in no order. It keeps at most
// twice as many as the window has: a node may have a million children.
type least struct {
	window
	names   []string
	matched int // names that have the prefix, inside the window or not
}

// add takes in a name.
func (l *least) add(name string) {
	if len(name) < len(l.prefix) || name[:len(l.prefix)] != l.prefix {
		return
	}
	l.matched++
	if name <= l.after {
		return
	}
	if l.names = append(l.names, name); len(l.names) > 2*l.limit+1 {
		l.shrink()
	}
}

// shrink keeps the least names, one more than the window has.
func (l *least) shrink() {
	slices.Sort(l.names)
	l.names = l.names[:min(len(l.names), l.limit+1)]
}

// page returns the names of the window in order, and whether there are more.
func (l *least) page() (names []string, more bool) {
	l.shrink()
	if len(l.names) > l.limit {
		return l.names[:l.limit], true
	}
	return append([]string{}, l.names...), false // null is no list
}
