package sasl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What is wrong with a JAAS file or one of its sections. All are wrapped, with the place.
var (
	// ErrJAAS says that the file cannot be read as one.
	ErrJAAS = errors.New("not a JAAS file")
	// ErrKerberos says that a section asks for Kerberos.
	ErrKerberos = errors.New("login by Kerberos (Krb5LoginModule) is not supported, only DigestLoginModule")
	// ErrModule says that a section asks for a login module that nobody here knows.
	ErrModule = errors.New("unknown login module, only org.apache.zookeeper.server.auth.DigestLoginModule is known")
	// ErrNoLogin says that a section has no username.
	ErrNoLogin = errors.New("no username in the JAAS section")
)

// Classes of login modules.
const (
	digestModule = "org.apache.zookeeper.server.auth.DigestLoginModule"
	kerberos     = "Krb5LoginModule"
)

// JAAS is a file of sections, by name, as Java's configuration of logins:
//
//	Server {
//	    org.apache.zookeeper.server.auth.DigestLoginModule required
//	    user_alice="secret"
//	    user_bob="other";
//	};
//	Client {
//	    org.apache.zookeeper.server.auth.DigestLoginModule required
//	    username="alice"
//	    password="secret";
//	};
type JAAS map[string]Section

// Section is what stands in the braces behind a name; one that is empty is none.
type Section []Module

// Module is a login module and its options.
type Module struct {
	Class   string
	Options map[string]string
}

// userPrefix begins the options that are users.
const userPrefix = "user_"

// Users returns the passwords of those who may log in, by name.
func (s Section) Users() (map[string]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	users := map[string]string{}
	for _, m := range s {
		for key, value := range m.Options {
			if name, ok := strings.CutPrefix(key, userPrefix); ok {
				users[name] = value
			}
		}
	}
	return users, nil
}

// Credentials returns who is to log in.
func (s Section) Credentials() (Credentials, error) {
	if err := s.check(); err != nil {
		return Credentials{}, err
	}
	for _, m := range s {
		if user, ok := m.Options["username"]; ok {
			return Credentials{user, m.Options["password"]}, nil
		}
	}
	return Credentials{}, ErrNoLogin
}

func (s Section) check() error {
	for _, m := range s {
		switch {
		case m.Class == digestModule:
		case strings.HasSuffix(m.Class, kerberos):
			return ErrKerberos
		default:
			return fmt.Errorf("%w: %s", ErrModule, m.Class)
		}
	}
	return nil
}

// FileName returns the name of the file that Java's java.security.auth.login.config names:
// a path or a URL, behind a second = where it is to be Java's only one.
func FileName(config string) string {
	return strings.TrimPrefix(strings.TrimPrefix(config, "="), "file:")
}

// ParseJAAS reads a file. property returns Java's system properties, which values may ask
// for as ${name}. What Java finds no sense in is an error, also where one could guess: a
// password that is not quoted may not begin with a digit, and a slash begins a comment.
func ParseJAAS(text []byte, property func(name string) (string, bool)) (JAAS, error) {
	p := jaasParser{tokens: jaasTokens{rest: string(text), line: 1}, property: property}
	p.next()
	file := JAAS{}
	for p.kind != jaasEnd {
		name, section, err := p.section()
		if _, twice := file[name]; err == nil && twice {
			err = fmt.Errorf("section %s comes twice", name)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrJAAS, p.tokens.line, err)
		}
		file[name] = section
	}
	return file, nil
}

type jaasParser struct {
	tokens   jaasTokens
	kind     jaasKind
	text     string
	property func(name string) (string, bool)
}

func (p *jaasParser) next() { p.kind, p.text = p.tokens.next() }

// is says whether the token is that sign.
func (p *jaasParser) is(sign string) bool { return p.kind == jaasSign && p.text == sign }

// word takes a word or quoted text.
func (p *jaasParser) word(what string) (string, error) {
	if p.kind != jaasWord {
		return "", p.unexpected(what)
	}
	text := p.text
	p.next()
	return text, nil
}

// sign takes one.
func (p *jaasParser) sign(sign string) error {
	if !p.is(sign) {
		return p.unexpected(sign)
	}
	p.next()
	return nil
}

func (p *jaasParser) unexpected(want string) error {
	if p.kind == jaasEnd {
		return fmt.Errorf("%s expected at the end of the file", want)
	}
	return fmt.Errorf("%s expected, not %q", want, p.text)
}

// section reads NAME { module module... };
func (p *jaasParser) section() (string, Section, error) {
	name, err := p.word("name of a section")
	if err == nil {
		err = p.sign("{")
	}
	var section Section
	for err == nil && !p.is("}") {
		var m Module
		m, err = p.module()
		section = append(section, m)
	}
	if err == nil {
		p.next()
		err = p.sign(";")
	}
	return name, section, err
}

// module reads CLASS FLAG key=value key=value...; and takes no notice of the flag: there
// is one module.
func (p *jaasParser) module() (Module, error) {
	m := Module{Options: map[string]string{}}
	var err error
	if m.Class, err = p.word("class of a login module"); err != nil {
		return m, err
	}
	flag, err := p.word("control flag")
	if err != nil {
		return m, err
	}
	if !slices.Contains([]string{"REQUIRED", "REQUISITE", "SUFFICIENT", "OPTIONAL"}, strings.ToUpper(flag)) {
		return m, fmt.Errorf("control flag %q is none of required, requisite, sufficient, optional", flag)
	}
	for !p.is(";") {
		if err := p.option(&m); err != nil {
			return m, err
		}
	}
	p.next()
	return m, nil
}

func (p *jaasParser) option(m *Module) error {
	key, err := p.word("option or ;")
	if err != nil {
		return err
	}
	if err := p.sign("="); err != nil {
		return err
	}
	value, err := p.word("value of " + key + ", in quotes,")
	if err != nil {
		return err
	}
	m.Options[key], err = p.expand(value)
	return err
}

// expand replaces ${name} by a property. ${{ and what has no end stay as they are.
func (p *jaasParser) expand(value string) (string, error) {
	var out strings.Builder
	for rest := value; ; {
		at := strings.Index(rest, "${")
		if at < 0 {
			out.WriteString(rest)
			return out.String(), nil
		}
		out.WriteString(rest[:at])
		rest = rest[at:]
		end, isText := strings.IndexByte(rest, '}'), strings.HasPrefix(rest, "${{")
		if isText {
			if end = strings.Index(rest, "}}"); end >= 0 {
				end++
			}
		}
		if end < 0 {
			out.WriteString(rest)
			return out.String(), nil
		}
		switch name := rest[2:end]; {
		case isText:
			out.WriteString(rest[:end+1])
		case name == "/":
			out.WriteByte('/')
		default:
			v, ok := p.property(name)
			if !ok {
				return "", fmt.Errorf("${%s} is no property that is set by -D%s=", name, name)
			}
			out.WriteString(v)
		}
		rest = rest[end+1:]
	}
}
