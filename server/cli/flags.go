package cli

import (
	"regexp"
	"strings"
)

// flags are the options of a command, as in "s v:": names, those with a value marked by
// a colon.
type flags string

// find returns whether there is an option of the name, and whether it takes a value.
func (f flags) find(name string) (known, valued bool) {
	for o := range strings.FieldsSeq(string(f)) {
		if o, valued := strings.CutSuffix(o, ":"); o == name {
			return true, valued
		}
	}
	return false, false
}

// arguments are the words of a command, its name first, and its options.
type arguments struct {
	line   []string // as entered
	words  []string
	order  []string          // the options, as they came
	values map[string]string // theirs; "" for those without a value
}

// has says whether the option was given.
func (a *arguments) has(name string) bool { _, ok := a.values[name]; return ok }

// any says whether one of the options was given.
func (a *arguments) any(names ...string) bool {
	for _, n := range names {
		if a.has(n) {
			return true
		}
	}
	return false
}

// Texts of the parser that Java's shell uses, class names and all.
const (
	unrecognized = "org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: "
	noArgument   = "org.apache.commons.cli.MissingArgumentException: Missing argument for option: "
)

// parser reads the words of a command as commons-cli's DefaultParser does.
type parser struct {
	flags   flags
	out     arguments
	current string // the option whose value is still to come
}

// parse separates options and words. Options may stand anywhere, and several in one word.
func (f flags) parse(words []string) (*arguments, error) {
	p := parser{flags: f, out: arguments{line: words, values: map[string]string{}}}
	for i, w := range words {
		switch {
		case p.current != "" && !p.option(w):
			p.give(w)
		case w == "--":
			p.out.words = append(p.out.words, words[i+1:]...)
			return &p.out, p.end()
		case strings.HasPrefix(w, "-") && w != "-":
			if err := p.read(w); err != nil {
				return nil, err
			}
		default:
			p.out.words = append(p.out.words, w)
		}
	}
	return &p.out, p.end()
}

var negative = regexp.MustCompile(`^-\d+(\.\d*)?$`)

// option says whether a word that could be a value is an option instead.
func (p *parser) option(w string) bool {
	if !strings.HasPrefix(w, "-") || w == "-" || negative.MatchString(w) {
		return false
	}
	name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
	if name == "" {
		return w == "--"
	}
	whole, _ := p.flags.find(name)
	first, _ := p.flags.find(name[:1])
	return whole || first
}

// give is the value that the current option waits for; the first one counts.
func (p *parser) give(value string) {
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if p.out.values[p.current] == "" {
		p.out.values[p.current] = value
	}
	p.current = ""
}

// begin notes an option.
func (p *parser) begin(name string, valued bool) error {
	if err := p.end(); err != nil {
		return err
	}
	p.out.order = append(p.out.order, name)
	if !p.out.has(name) {
		p.out.values[name] = ""
	}
	if valued {
		p.current = name
	}
	return nil
}

// end wants no option to wait for its value.
func (p *parser) end() error {
	if p.current != "" {
		return usageError(noArgument + p.current)
	}
	return nil
}

// read reads a word of options: -s, -v=5, -v5 or several letters, -sw.
func (p *parser) read(w string) error {
	name, value, assigned := strings.Cut(strings.TrimLeft(w, "-"), "=")
	known, valued := p.flags.find(name)
	switch {
	case strings.HasPrefix(w, "--"), assigned && !(known && valued):
		return usageError(unrecognized + w)
	case known:
		if err := p.begin(name, valued); err != nil || !assigned {
			return err
		}
		p.give(value)
		return nil
	}
	for i := range name {
		known, valued := p.flags.find(name[i : i+1])
		if !known {
			return usageError(unrecognized + w)
		}
		if err := p.begin(name[i:i+1], valued); err != nil {
			return err
		}
		if valued && i+1 < len(name) {
			p.give(name[i+1:])
			return nil
		}
	}
	return nil
}
