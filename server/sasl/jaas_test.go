package sasl

import (
	"bufio"
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func property(name string) (string, bool) { return "FOOBAR", name == "foo.bar" }

// TestJAASAsJava reads files as Java does.
func TestJAASAsJava(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/jaas.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	s := bufio.NewScanner(f)
	for s.Scan() {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		text, err := strconv.Unquote(s.Text())
		if err != nil || !s.Scan() {
			t.Fatal(s.Text(), err)
		}
		n++
		if got, want := describe(text), strings.TrimSpace(s.Text()); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	if n < 60 {
		t.Errorf("only %d files were read", n)
	}
}

// describe prints the sections A and B as the recording has them.
func describe(text string) string {
	file, err := ParseJAAS([]byte(text), property)
	if err != nil {
		return "error"
	}
	var out []string
	for _, name := range []string{"A", "B"} {
		if len(file[name]) == 0 {
			out = append(out, name+"-")
			continue
		}
		for _, m := range file[name] {
			name += "[" + m.Class
			for _, key := range slices.Sorted(maps.Keys(m.Options)) {
				name += "|" + key + "=" + m.Options[key]
			}
			name += "]"
		}
		out = append(out, name)
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(strings.Join(out, " "))
}

// TestSections wants users and credentials, and to hear of what is not supported.
func TestSections(t *testing.T) {
	t.Parallel()
	const file = `
Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="a" user_="b" user_user_x="c" userx="d"; };
Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="a"; };
Two { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="a";
      org.apache.zookeeper.server.auth.DigestLoginModule required user_eve="b" username="eve"; };
Kerberos { com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true; };
Other { org.example.Module required user_x="y"; };
`
	jaas, err := ParseJAAS([]byte(file), property)
	if err != nil {
		t.Fatal(err)
	}
	users := func(section string, want map[string]string, wrong error) {
		t.Helper()
		if got, err := jaas[section].Users(); !maps.Equal(got, want) || !errors.Is(err, wrong) {
			t.Errorf("%s: %q, %v", section, got, err)
		}
	}
	login := func(section string, want Credentials, wrong error) {
		t.Helper()
		if got, err := jaas[section].Credentials(); got != want || !errors.Is(err, wrong) {
			t.Errorf("%s: %q, %v", section, got, err)
		}
	}
	users("Server", map[string]string{"bob": "a", "": "b", "user_x": "c"}, nil)
	users("Client", nil, nil)
	users("Two", map[string]string{"bob": "a", "eve": "b"}, nil)
	users("Kerberos", nil, ErrKerberos)
	users("Other", nil, ErrModule)
	login("Client", Credentials{"bob", "a"}, nil)
	login("Two", Credentials{"eve", ""}, nil)
	login("Server", Credentials{}, ErrNoLogin)
	login("None", Credentials{}, ErrNoLogin)
	login("Kerberos", Credentials{}, ErrKerberos)
}

// TestJAASErrors wants the line, and what is missing there.
func TestJAASErrors(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		if _, err := ParseJAAS([]byte(text), property); !errors.Is(err, ErrJAAS) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	f("Server {\n m required\n user_x=1;\n};", `line 3: value of user_x, in quotes, expected, not "1"`)
	f("Server {\n m required;\n}", "line 3: ; expected at the end of the file")
	f("Server {\n /* \n\n*/ m always;\n};", `line 4: control flag "always" is none of required, requisite, sufficient, optional`)
	f(`Server { m required x="${home}"; };`, "line 1: ${home} is no property that is set by -Dhome=")
	f("A { };\nA { };", "line 2: section A comes twice")
}

// FuzzJAAS reads anything, and what it reads again when it is written down.
func FuzzJAAS(f *testing.F) {
	f.Add(`A { m required user_x="a\"b\101\n" y=b; n optional; }; // c`)
	f.Add("\"A\" { /* */ m Sufficient \"k\"=\"${foo.bar}${/}${{x}}${\"; };")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ParseJAAS([]byte(text), property)
		if err != nil {
			return
		}
		again, err := ParseJAAS([]byte(write(file)), property)
		if err != nil || !maps.EqualFunc(file, again, equal) {
			t.Fatalf("%q is %q, then %q, %v", text, file, again, err)
		}
	})
}

func equal(a, b Section) bool {
	return slices.EqualFunc(a, b, func(a, b Module) bool { return a.Class == b.Class && maps.Equal(a.Options, b.Options) })
}

// write returns the file with every text in quotes.
func write(file JAAS) string {
	text := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(s) + `"`
	}
	var out strings.Builder
	for name, section := range file {
		out.WriteString(text(name) + " {")
		for _, m := range section {
			out.WriteString(text(m.Class) + " required")
			for key, value := range m.Options {
				out.WriteString(" " + text(key) + "=" + text(value))
			}
			out.WriteString(";")
		}
		out.WriteString("};")
	}
	return out.String()
}
