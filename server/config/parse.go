package config

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Input is what a configuration is made of. With Arguments and Path empty it is that of [Defaults]
// plus Flags.
type Input struct {
	// Path of the configuration file as the operator wrote it.
	Path string
	// Arguments are port, data directory and optionally tick time in ms and connections per
	// client of the form without a file. Path is then empty.
	Arguments []string
	// Flags are the variables with JVM flags; of two settings the later one wins.
	Flags []Flags
	// ReadFile reads Path, myid and the dynamic configuration files. A missing file must be an
	// error that is [fs.ErrNotExist].
	ReadFile func(path string) ([]byte, error)
	// Resolve looks a host name up. It serves clientPortAddress, which must resolve, and comparing
	// it with the own server line. Nil: names are taken as they are.
	Resolve func(host string) ([]netip.Addr, error)
}

// Usage is what Java prints for wrong arguments.
const Usage = "Usage: ZooKeeperServerMain configfile | port datadir [ticktime] [maxcnxns]"

// Parse makes a Config of its input and says everything there is to say about it. If [ExitCode] of
// the complaints is not 0, the Config is incomplete and the server must not start.
func Parse(in Input) (Config, []Complaint) {
	p := parser{
		in: in, table: newTable(), config: javaDefaults(),
		places: map[string]place{}, bad: map[string]bool{},
	}
	p.config.Properties = map[string]string{}
	switch {
	case in.Path != "":
		if !p.file() {
			return p.config, p.complaints
		}
	case len(in.Arguments) > 0:
		p.arguments()
	default:
		p.config = Defaults()
		p.config.Properties = map[string]string{}
		p.resetDerived()
	}
	p.flags()
	p.check()
	p.ensemble()
	return p.config, p.complaints
}

type parser struct {
	in         Input
	table      table
	config     Config
	complaints []Complaint
	members    []Entry          // server.*, group*, weight* of the file
	places     map[string]place // where each key is set
	bad        map[string]bool  // keys whose value was refused: no further complaints about them
}

// place is a line of a file, or line 0 of a variable with flags.
type place struct {
	file string
	line int
}

func (p *parser) say(c Complaint) { p.complaints = append(p.complaints, c) }

func (p *parser) info(text string) { p.say(Complaint{Level: Info, Text: text}) }

// warn and fail complain about a key, where it is set, or about the configuration as a whole if it
// is not.
func (p *parser) warn(key, text string) { p.about(Warning, 0, key, text) }

func (p *parser) fail(key, text string) { p.about(Error, ExitConfig, key, text) }

func (p *parser) about(level Level, exit int, key, text string) {
	at, ok := p.places[key]
	if !ok {
		at.file = p.in.Path
	}
	p.say(Complaint{Level: level, Exit: exit, File: at.file, Line: at.line, Text: text})
}

// file reads the configuration file and reports whether there is one.
func (p *parser) file() bool {
	p.config.File = p.in.Path
	p.info("Reading configuration from: " + p.in.Path)
	p.relative("", p.in.Path)
	data, err := p.in.ReadFile(p.in.Path)
	if errors.Is(err, fs.ErrNotExist) {
		p.say(Complaint{Level: Error, Exit: ExitConfig, Text: p.in.Path + " file is missing"})
		return false
	}
	if err != nil {
		p.say(Complaint{Level: Error, Exit: ExitConfig, Text: err.Error()})
		return false
	}
	entries := p.entries(p.in.Path, data)
	for _, e := range entries {
		p.places[e.Key] = place{p.in.Path, e.Line}
	}
	// Fields first: some properties have the last word about a field.
	start := len(p.complaints)
	for _, e := range entries {
		if k, ok := p.table.find(e.Key); ok && k.origin <= fieldFlag {
			p.apply(k, e.Value, p.in.Path, e.Line)
		}
	}
	for _, e := range entries {
		p.fileProperty(e)
	}
	slices.SortStableFunc(p.complaints[start:], func(a, b Complaint) int { return a.Line - b.Line })
	return true
}

// entries returns the last entry of each key, in the order of the file.
func (p *parser) entries(path string, data []byte) []Entry {
	var last []Entry
	index := map[string]int{}
	for _, e := range Properties(data) {
		if e.Malformed {
			p.say(Complaint{Level: Error, Exit: ExitConfig, File: path, Line: e.Line, Text: `Malformed \uxxxx encoding.`,
				Key: e.Key, Allowed: `\u and four hexadecimal digits, \\ for a backslash`})
			continue
		}
		if i, ok := index[e.Key]; ok {
			last[i] = e
			continue
		}
		index[e.Key] = len(last)
		last = append(last, e)
	}
	slices.SortFunc(last, func(a, b Entry) int { return a.Line - b.Line })
	return last
}

// fileProperty handles a line that is no field of Java's parser.
func (p *parser) fileProperty(e Entry) {
	k, known := p.table.find(e.Key)
	if known && k.origin <= fieldFlag {
		return
	}
	if strings.HasPrefix(e.Key, "metricsProvider.") {
		p.unknown(e.Key, p.in.Path, e.Line)
		return
	}
	p.config.Properties["zookeeper."+e.Key] = e.Value
	switch {
	case isMember(e.Key):
		p.members = append(p.members, e)
	case !known:
		p.unknown(e.Key, p.in.Path, e.Line)
	case k.origin == bare:
		p.config.Properties[e.Key] = e.Value
		p.say(Complaint{Level: Info, File: p.in.Path, Line: e.Line, Text: e.Key +
			" is read from the file, Java knows it only as -D" + e.Key})
		p.apply(k, e.Value, p.in.Path, e.Line)
	default:
		p.apply(k, e.Value, p.in.Path, e.Line)
	}
}

// apply stores a value or complains about it.
func (p *parser) apply(k key, value, from string, line int) {
	c := Complaint{File: from, Line: line, Key: k.name, Value: value}
	if k.ignored {
		p.ignore(k, c)
		return
	}
	err := k.set(&p.config, value)
	if err == nil {
		return
	}
	w := wrong{text: err.Error()}
	errors.As(err, &w)
	c.Text, c.Allowed = w.text, w.allowed
	isField := k.origin == field || k.origin == fieldFlag && line > 0
	switch {
	case w.fatal, k.fatal, isField && !w.soft:
		c.Level, c.Exit = Error, ExitConfig
		p.bad[k.name] = true
	case w.soft:
		c.Level = Warning
	default:
		c.Level = Warning
		c.Text += ", default used"
	}
	p.say(c)
}

func (p *parser) ignore(k key, c Complaint) {
	if k.origin == field && k.silent != nil {
		if err := checkLike(k.silent[0], k.name, c.Value); err != nil {
			c.Level, c.Exit, c.Text, c.Allowed = Error, ExitConfig, err.text, err.allowed
			p.say(c)
			return
		}
	}
	if k.silent == nil || slices.ContainsFunc(k.silent, func(s string) bool { return strings.EqualFold(s, c.Value) }) {
		return
	}
	c.Level, c.Text = Warning, "has no effect"
	if k.note != "" {
		c.Text += ": " + k.note
	}
	p.say(c)
}

// checkLike refuses a value of an ignored field that Java would refuse, judging by its default.
func checkLike(example, name, value string) *wrong {
	var err error
	if example == "true" || example == "false" {
		err = strictBool(name, func(*Config) *bool { return new(bool) })(nil, value)
	} else if _, e := decimal(example, 64, ""); e == nil {
		_, err = decimal(value, 64, wholeNumber)
	}
	var w wrong
	if errors.As(err, &w) {
		return &w
	}
	return nil
}

// unknown complains about a key nobody reads. The value stays out of it: it may be a secret.
func (p *parser) unknown(name, from string, line int) {
	text := "unknown key " + name
	if key, ok := guideName(name); ok {
		text += ", the real key is " + key
	} else if bareName, ok := strings.CutPrefix(name, "zookeeper."); ok && line > 0 {
		text += ", in a file write " + bareName
	} else if near := p.sameLetters(name); near != "" {
		text += ", did you mean " + near + "?"
	}
	p.say(Complaint{Level: Warning, File: from, Line: line, Text: text})
}

// sameLetters returns the key that differs only in case.
func (p *parser) sameLetters(name string) string {
	for _, k := range slices.Sorted(maps.Keys(p.table.keys)) {
		if strings.EqualFold(k, name) {
			return k
		}
	}
	return ""
}

// flags applies the -D definitions. Other flags are named once.
func (p *parser) flags() {
	defs, others, unclosed := definitions(p.in.Flags)
	for _, name := range unclosed {
		p.say(Complaint{Level: Warning, File: name, Text: "quote without an end"})
	}
	for _, d := range defs {
		if !p.define(d) {
			others = append(others, "-D"+d.name)
		}
	}
	if len(others) > 0 {
		p.info("flags for a JVM, ignored: " + strings.Join(others, " "))
	}
}

// define applies one -D and reports whether it concerns us at all.
func (p *parser) define(d definition) bool {
	name, prefixed := strings.CutPrefix(d.name, "zookeeper.")
	_, inFile := p.places[name]
	if !prefixed || !inFile || p.isField(name) {
		p.config.Properties[d.name] = d.value
	}
	k, known := p.table.find(name)
	if !prefixed {
		if !known || k.origin != bare {
			return false
		}
		p.places[name] = place{file: d.from}
		p.apply(k, d.value, d.from, 0)
		return true
	}
	c := Complaint{Level: Warning, File: d.from}
	switch {
	case !known && isMember(name), known && k.origin == field:
		c.Text = "-D" + d.name + " has no effect, " + name + " is read from the file only"
		p.say(c)
	case !known:
		p.unknown(d.name, d.from, 0)
	case k.origin == bare:
		c.Text = "-D" + d.name + " has no effect, the property is " + name
		p.say(c)
	case inFile:
		// The file is read after the flags.
	default:
		p.places[name] = place{file: d.from}
		p.apply(k, d.value, d.from, 0)
	}
	return true
}

func (p *parser) isField(name string) bool {
	k, ok := p.table.find(name)
	return ok && k.origin <= fieldFlag
}

// arguments reads the form without a file.
func (p *parser) arguments() {
	args := p.in.Arguments
	if len(args) < 2 || len(args) > 4 {
		p.fail("", "Invalid number of arguments:["+strings.Join(args, ", ")+"]. "+Usage)
		return
	}
	p.config.MaxClientConnections = 0
	for i, value := range args {
		name := [...]string{"clientPort", "dataDir", "tickTime", "maxClientCnxns"}[i]
		p.apply(p.table.keys[name], value, "", 0)
	}
}
