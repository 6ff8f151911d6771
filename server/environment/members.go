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

	"gokeeper/server/config"
)

// maxID is the largest id that fits into session ids.
const maxID = 255

// identity finds out which server this is. But for Confluent's, a myid that is there
// wins over the variable; without both it is server 1.
func (r *reader) identity() {
	name, file := r.image.id, path.Join(r.image.dataDir, "myid")
	r.settings.IDFile = file
	said := r.get(name)
	n, err := strconv.Atoi(said)
	if said != "" && (err != nil || n < 0 || n > maxID) {
		r.fail(name, said, "not the id of a server", "0 to "+strconv.Itoa(maxID))
		return
	}
	r.id = line{"server id", said, name}
	text, err := r.in.ReadFile(file)
	there, _, _ := strings.Cut(string(text), "\n")
	switch isThere := !errors.Is(err, fs.ErrNotExist); {
	case isThere && r.image.overwrites && said != "" && said != there:
		r.settings.ID = []byte(said + "\n")
	case isThere:
		r.id = line{"server id", there, file}
		if said != "" && said != there {
			r.say(config.Complaint{Level: config.Warning, File: name, Text: said + " has no effect: " + file + " is there already and says " + there})
		}
	case said != "" || !r.image.overwrites:
		r.settings.ID = []byte(cmp.Or(said, "1") + "\n")
	}
	if r.id.value == "" {
		r.id = line{"server id", "1", "the default"}
	}
}

// isMember says whether a variable is named like a line about members: server.1=....
func isMember(name string) bool {
	kind, id, ok := strings.Cut(name, ".")
	_, err := strconv.Atoi(id)
	return ok && err == nil && (kind == "server" || kind == "group" || kind == "weight")
}

// memberVariables makes lines of the variables that are named like lines.
func (r *reader) memberVariables() {
	names := slices.SortedFunc(maps.Keys(r.vars), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // server.2 before server.10
	})
	for _, name := range names {
		if isMember(name) {
			r.add(line{name, r.get(name), name})
		}
	}
}

// members are the lines server.N.
func (r *reader) members() []line {
	return slices.DeleteFunc(slices.Clone(r.lines), func(l line) bool { return !strings.HasPrefix(l.key, "server.") })
}

// checkPlace refuses a list of servers without this one: Java's single server would
// start and have no client port, and a member of an ensemble would not start.
func (r *reader) checkPlace() {
	own := "server." + r.id.value
	members := r.members()
	if r.id.value == "" || len(members) == 0 || r.find(own).key != "" {
		return
	}
	var there []string
	for _, l := range members {
		there = append(there, l.key)
	}
	r.conflict("%s says that this is server.%s, but %s has only %s", r.id.from, r.id.value, members[0].from, strings.Join(there, ", "))
}
