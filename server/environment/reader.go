package environment

import (
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/config"
)

// reader makes the settings.
type reader struct {
	in       Input
	image    *image
	vars     map[string]string
	looked   map[string]bool // variables that were looked at
	settings Settings
	lines    []line
	id       line // of this server: what myid says or will say
}

// line is one line of the configuration file.
type line struct {
	key, value string
	from       string // variable; "" for a default
}

// shown is the value as far as others may see it.
func (l line) shown() string {
	key := strings.ToLower(l.key)
	if strings.HasSuffix(key, "password") || strings.HasSuffix(key, "superdigest") {
		return "..."
	}
	return l.value
}

// get returns the value of a variable, "" if it is not set. Where the image knows
// files with values in them, NAME_FILE names one.
func (r *reader) get(name string) string {
	r.looked[name] = true
	file := r.vars[name+"_FILE"]
	if file == "" || !r.image.valueFiles {
		return r.vars[name]
	}
	r.looked[name+"_FILE"] = true
	text, err := r.in.ReadFile(file)
	if err != nil {
		r.fail(name+"_FILE", file, err.Error(), "a file that can be read")
		return ""
	}
	value := strings.TrimRight(string(text), "\n")
	if was := r.vars[name]; was != "" && was != value {
		r.conflict("%s and %s say different things: remove one of them", name, name+"_FILE")
	}
	return value
}

// table makes a line of each variable that stands for one key.
func (r *reader) table(variables []variable) {
	for _, v := range variables {
		l := line{v.key, r.get(v.name), v.name}
		if l.value == "" {
			l.value, l.from = v.value, ""
		}
		if v.flag && l.from != "" {
			l.value = r.flag(v.name, l.value)
		}
		if l.value != "" {
			r.add(l)
		}
	}
}

// add appends a line. A key that is there already keeps its place and takes the new
// value, as in a properties file; but not if another variable has said something else.
func (r *reader) add(l line) {
	if strings.ContainsAny(l.value, "\r\n") {
		r.fail(l.from, l.shown(), "more than one line", "one line")
		return
	}
	i := slices.IndexFunc(r.lines, func(was line) bool { return was.key == l.key })
	switch {
	case i < 0:
		r.lines = append(r.lines, l)
	case l.from == "":
	case r.lines[i].from == "":
		r.lines[i] = l
	case r.lines[i].value != l.value:
		was := r.lines[i]
		r.conflict("%s says %s=%s, but %s says %s=%s: remove one of them", was.from, was.key, was.shown(), l.from, l.key, l.shown())
	}
}

// find returns the line of a key, the zero line if there is none.
func (r *reader) find(key string) line {
	for _, l := range r.lines {
		if l.key == key {
			return l
		}
	}
	return line{}
}

// on says whether a variable switches something on.
func (r *reader) on(name string) bool {
	value := r.get(name)
	return value != "" && r.flag(name, value) == "true"
}

// flag turns what Bitnami's scripts take for a boolean into a Java one.
func (r *reader) flag(name, value string) string {
	switch strings.ToLower(value) {
	case "yes", "true", "1":
		return "true"
	case "no", "false", "0":
		return "false"
	}
	r.fail(name, value, "neither yes nor no", "yes, no, true, false, 1, 0")
	return ""
}

// fail complains about the value of a variable.
func (r *reader) fail(variable, value, text, allowed string) {
	r.say(config.Complaint{Level: config.Error, Exit: config.ExitConfig, File: variable, Key: variable, Value: value, Text: text, Allowed: allowed})
}

// conflict complains about things that cannot both be meant, or that are missing.
func (r *reader) conflict(format string, args ...any) {
	r.say(config.Complaint{Level: config.Error, Exit: config.ExitConfig, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) say(c config.Complaint) { r.settings.Complaints = append(r.settings.Complaints, c) }
