package environment

import (
	"errors"
	"io/fs"
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
	// ReadFile reads the configuration file, myid, and what variables that end in _FILE
	// name. A missing file must be an error that is [fs.ErrNotExist].
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
	// IDFile is the file myid, and ID what it would hold; nil when it stays as it is.
	IDFile string
	ID     []byte
	// JAAS is what the file of logins would hold, which is kept nowhere; nil without one.
	JAAS []byte
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
	r := reader{in: in, vars: collect(in.Variables), looked: map[string]bool{}}
	if r.image = r.findImage(); r.image == nil {
		return r.settings
	}
	r.settings.Image = r.image.name
	r.identity()
	if !r.fileIsThere() {
		r.table(r.image.variables)
		r.image.rest(&r)
		r.content()
	}
	if r.image.jaas != nil {
		r.settings.JAAS = r.image.jaas(&r)
	}
	r.ignored()
	return r.settings
}

// collect drops empty variables, which shells and compose files leave behind where they
// mean none, and those that container engines set for other containers: a service
// zookeeper-client of Kubernetes is ZOOKEEPER_CLIENT_PORT=tcp://10.0.0.1:2181.
func collect(environ []string) map[string]string {
	vars := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if value != "" && !strings.HasPrefix(value, "tcp://") && !strings.HasPrefix(value, "udp://") {
			vars[name] = value
		}
	}
	return vars
}

// fileIsThere finds the configuration file, and says whether somebody has put one there
// that wins over the variables. What is wrong with such a file, its reader says.
func (r *reader) fileIsThere() bool {
	if r.settings.File = r.in.File; r.settings.File == "" {
		r.settings.File = defaultFile
	}
	for _, name := range append([]string{r.settings.File}, r.image.files...) {
		if _, err := r.in.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
			r.settings.File = name
			return true
		}
	}
	if r.image.always != "" {
		r.settings.File = r.settings.File[:strings.LastIndexByte(r.settings.File, '/')+1] + r.image.always
	}
	return false
}

// content makes the text of the configuration file.
func (r *reader) content() {
	s := &r.settings
	var text strings.Builder
	for _, l := range r.lines {
		text.WriteString(l.key + "=" + l.value + "\n")
		s.variables = append(s.variables, l.from)
		if l.from != "" {
			s.Set = append(s.Set, l.key+"="+l.shown())
		}
	}
	s.Content = []byte(text.String())
}

// ignored lists what looks like a setting and is none, or stands against a file.
func (r *reader) ignored() {
	for name := range r.vars {
		if looksOurs(name) && !r.looked[name] {
			r.settings.Ignored = append(r.settings.Ignored, name)
		}
	}
	slices.Sort(r.settings.Ignored)
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
