package environment

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gokeeper/server/config"
)

// Input is what the settings are made of.
type Input struct {
	// Variables are all of the environment, as name=value.
	Variables []string
	// File is the configuration file that the operator means, "" for none in particular.
	File string
	// ReadFile reads the configuration file and myid. A missing file must be an error that
	// is [fs.ErrNotExist].
	ReadFile func(path string) ([]byte, error)
}

// Settings is what an environment says. The zero value is that of an environment that
// says nothing.
type Settings struct {
	// Image names the image whose variables these are.
	Image string
	// File is the configuration file to use.
	File string
	// Content is what File would hold; nil when the file that is there is used.
	Content []byte
	// IDFile is the file myid, and ID what to write into it; nil when it stays as it is.
	IDFile string
	ID     []byte
	// Set are the settings that variables made, as key=value; secrets are left out.
	Set []string
	// Ignored are the names of the variables that have no effect.
	Ignored []string
	// Complaints are about the variables. Those about the values are made when Content
	// is parsed, see [Settings.Attribute].
	Complaints []config.Complaint

	variables []string // for each line of Content the variable it comes from, "" for a default
}

// Said tells whether the environment says anything at all.
func (s *Settings) Said() bool { return s.Image != "" }

// Read says what the environment means.
func Read(in Input) Settings {
	r := reader{in: in, vars: collect(in.Variables)}
	image := r.image()
	if image == nil {
		return Settings{}
	}
	r.settings.Image = image.name
	r.table(image.variables)
	image.read(&r)
	if config.ExitCode(r.settings.Complaints) == 0 {
		r.finish()
	}
	return r.settings
}

// reader makes the settings.
type reader struct {
	in       Input
	vars     map[string]string
	known    []string // variables that were looked at
	settings Settings
	lines    []line
	dataDir  string
	id       line // server id, as myid would have it
}

// line is one line of the configuration file.
type line struct {
	key, value string
	from       string // variable; "" for a default
}

// collect drops empty variables, which shells and compose files leave behind where they
// mean none, and those that container engines set for other containers: a service
// zookeeper-client of Kubernetes is ZOOKEEPER_CLIENT_PORT=tcp://10.0.0.1:2181.
func collect(environ []string) map[string]string {
	vars := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		// server.1=zoo1:2888:3888 has one = as well; names end at the first.
		if value != "" && !strings.HasPrefix(value, "tcp://") && !strings.HasPrefix(value, "udp://") {
			vars[name] = value
		}
	}
	return vars
}

// get returns the value of a variable, "" if it is not set.
func (r *reader) get(name string) string {
	r.known = append(r.known, name)
	return r.vars[name]
}

// table makes a line of each variable that stands for one key.
func (r *reader) table(variables []variable) {
	for _, v := range variables {
		value, from := r.get(v.name), v.name
		if value == "" {
			value, from = v.value, ""
		}
		if value == "" {
			continue
		}
		if strings.ContainsAny(value, "\r\n") {
			r.fail(v.name, v.key, value, "more than one line", "one line")
			continue
		}
		r.add(line{v.key, value, from})
	}
}

// add appends a line. A key that is there already keeps its place and takes the new
// value, as in a properties file; but not if a variable has said something else.
func (r *reader) add(l line) {
	i := slices.IndexFunc(r.lines, func(was line) bool { return was.key == l.key })
	switch {
	case i < 0:
		r.lines = append(r.lines, l)
	case r.lines[i].value != l.value && r.lines[i].from != "" && l.from != "":
		r.contradict(r.lines[i], l)
	case l.from != "":
		r.lines[i] = l
	}
}

// find returns the value of a key, "" if no line has it.
func (r *reader) find(key string) line {
	for _, l := range r.lines {
		if l.key == key {
			return l
		}
	}
	return line{}
}

func (r *reader) contradict(a, b line) {
	r.conflict(fmt.Sprintf("%s says %s=%s, but %s says %s=%s: remove one of them", a.from, a.key, shown(a), b.from, b.key, shown(b)))
}

func (r *reader) conflict(text string) {
	r.settings.Complaints = append(r.settings.Complaints, config.Complaint{Level: config.Error, Exit: config.ExitConfig, Text: text})
}

func (r *reader) fail(variable, key, value, text, allowed string) {
	r.settings.Complaints = append(r.settings.Complaints, config.Complaint{
		Level: config.Error, Exit: config.ExitConfig, File: variable, Key: variable, Value: shown(line{key, value, variable}), Text: text, Allowed: allowed,
	})
}

func (r *reader) warn(variable, text string) {
	r.settings.Complaints = append(r.settings.Complaints, config.Complaint{Level: config.Warning, File: variable, Text: text})
}

// finish makes the files.
func (r *reader) finish() {
	s := &r.settings
	s.File = r.in.File
	s.IDFile = path.Join(r.dataDir, "myid")
	for name := range r.vars {
		if ours(name) && !slices.Contains(r.known, name) {
			s.Ignored = append(s.Ignored, name)
		}
	}
	slices.Sort(s.Ignored)
	if _, err := r.in.ReadFile(s.File); !errors.Is(err, fs.ErrNotExist) {
		return // what is wrong with a file that is there, its reader says
	}
	var text strings.Builder
	for _, l := range r.lines {
		text.WriteString(l.key + "=" + l.value + "\n")
		s.variables = append(s.variables, l.from)
		if l.from != "" {
			s.Set = append(s.Set, l.key+"="+shown(l))
		}
	}
	s.Content = []byte(text.String())
}

// Attribute says of complaints about the lines of Content which variable made the line.
// A value that is not allowed is an error then, even where Java would take it for
// something else without a word: nobody reads the log of a container that runs.
func (s *Settings) Attribute(complaints []config.Complaint) []config.Complaint {
	out := slices.Clone(complaints)
	for i := range out {
		c := &out[i]
		if s.Content == nil || c.File != s.File || c.Line < 1 || c.Line > len(s.variables) || s.variables[c.Line-1] == "" {
			continue
		}
		c.File, c.Line = s.variables[c.Line-1], 0
		if c.Level == config.Warning && c.Allowed != "" {
			c.Level, c.Exit = config.Error, config.ExitConfig
		}
	}
	return out
}

// shown is the value of a line as far as others may see it.
func shown(l line) string {
	key := strings.ToLower(l.key)
	if strings.Contains(key, "password") && !strings.HasSuffix(key, "path") || strings.Contains(key, "digest") {
		return "..."
	}
	return l.value
}
