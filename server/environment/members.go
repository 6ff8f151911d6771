package environment

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxID is the largest id that fits into session ids.
const maxID = 255

// identity finds out which server this is: a myid that is there already wins over the
// variable, and without both it is server 1.
func (r *reader) identity(name, dataDir string) {
	r.dataDir = dataDir
	r.id = line{"id", r.get(name), name}
	n, err := strconv.Atoi(r.id.value)
	if r.id.value != "" && (err != nil || n < 0 || n > maxID) {
		r.fail(name, name, r.id.value, "not the id of a server", "0 to "+strconv.Itoa(maxID))
		return
	}
	r.settings.ID = []byte(cmp.Or(r.id.value, "1") + "\n")
	file := path.Join(dataDir, "myid")
	if text, err := r.in.ReadFile(file); !errors.Is(err, fs.ErrNotExist) {
		there, _, _ := strings.Cut(string(text), "\n")
		if r.id.value != "" && r.id.value != there {
			r.warn(name, name+"="+r.id.value+" has no effect: "+file+" is there already and says "+there)
		}
		r.id = line{"id", there, file}
		r.settings.ID = nil
	}
	if r.id.value == "" {
		r.id = line{"id", "1", ""}
	}
}

// memberVariables makes lines of variables that are named like lines: server.1=....
func (r *reader) memberVariables() {
	names := slices.SortedFunc(maps.Keys(r.vars), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // server.2 before server.10
	})
	for _, name := range names {
		if kind, _, ok := strings.Cut(name, "."); ok && (kind == "server" || kind == "group" || kind == "weight") {
			r.add(line{name, r.get(name), name})
		}
	}
}

// members are the lines server.N.
func (r *reader) members() []line {
	return slices.DeleteFunc(slices.Clone(r.lines), func(l line) bool { return !strings.HasPrefix(l.key, "server.") })
}

func (r *reader) hasMembers() bool { return len(r.members()) > 0 }

// place refuses a list of servers without this one: Java's single server would start and
// have no client port, and the member of an ensemble would not start.
func (r *reader) place() {
	own := "server." + r.id.value
	members := r.members()
	if slices.ContainsFunc(members, func(l line) bool { return l.key == own }) || len(members) == 0 {
		return
	}
	var there []string
	for _, l := range members {
		there = append(there, l.key)
	}
	from := cmp.Or(members[0].from, "the default")
	id := cmp.Or(r.id.from, "the default id") + " says that this is " + own
	r.conflict(id + ", but " + from + " has only " + strings.Join(there, ", "))
}

// clientPort adds one where nothing else says any: the server lines of 3.4 have none,
// and its image made a line of its own.
func (r *reader) clientPort(port string) {
	own := r.find("server." + r.id.value)
	if strings.Contains(own.value, ";") || r.find("clientPort").value != "" || r.find("secureClientPort").value != "" {
		return
	}
	r.add(line{"clientPort", port, ""})
}
