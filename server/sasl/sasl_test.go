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

// script reads a file of testdata: lines, each split at blanks, with what is in quotes
// unquoted. A comment ends a line.
func script(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		var words []string
		for rest := s.Text(); rest != "" && rest[0] != '#'; rest = strings.TrimLeft(rest, " ") {
			word, _, _ := strings.Cut(rest, " ")
			text := word
			if rest[0] == '"' {
				if word, err = strconv.QuotedPrefix(rest); err == nil {
					text, err = strconv.Unquote(word)
				}
				if err != nil {
					t.Fatalf("%s: %q: %v", name, rest, err)
				}
			}
			words, rest = append(words, text), rest[len(word):]
		}
		if len(words) > 0 {
			lines = append(lines, words)
		}
	}
	return lines
}

func services() map[string]Service {
	return map[string]Service{"clients": Clients, "members": Members}
}

// nonceOf returns a nonce of what Java said, up to the quote.
func nonceOf(t *testing.T, text, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, ","+name+`="`)
	nonce, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("no %s in %q", name, text)
	}
	return nonce
}

// TestServerAsJava has a server say what Java's has said.
func TestServerAsJava(t *testing.T) {
	t.Parallel()
	users := map[string]string{}
	lines := script(t, "server.txt")
	var server *Server
	password := func(user string) (string, bool) {
		if user == "super" && server.service == Clients { // superPassword was set
			return "sp", true
		}
		p, ok := users[user]
		return p, ok
	}
	exchanges, service := 0, Clients
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; line[0] {
		case "user":
			users[line[1]] = line[2]
			continue
		case "clients", "members":
			exchanges, service, server = exchanges+1, services()[line[0]], nil
			continue
		}
		token, want := lines[i][1], lines[i+1]
		i++
		if server == nil {
			server = NewServer(service, password, nonceOf(t, want[1], "nonce"))
		}
		answer, err := server.Next([]byte(token))
		user, done := server.User()
		switch {
		case want[0] == "!":
			if err == nil || errors.Is(err, ErrUnreadable) != (want[1] == "other") {
				t.Errorf("%v %q: %q, %v, Java throws %s", service, token, answer, err, want[1])
			}
		case err != nil || string(answer) != want[1] || done != (len(want) > 2) || done && user != want[2]:
			t.Errorf("%v %q: %q, %v, %q, want %q", service, token, answer, err, user, want)
		}
	}
	if exchanges < 100 {
		t.Errorf("only %d exchanges were read", exchanges)
	}
}

// TestClientAsJava has a client say what Java's has said.
func TestClientAsJava(t *testing.T) {
	t.Parallel()
	lines := script(t, "client.txt")
	exchanges := 0
	var begin []string
	var client *Client
	for i := 0; i < len(lines); i++ {
		if lines[i][0] != ">" {
			exchanges, begin, client = exchanges+1, lines[i], nil
			continue
		}
		token, want := lines[i][1], lines[i+1]
		i++
		if client == nil {
			cnonce := "none"
			if want[0] == "<" {
				cnonce = nonceOf(t, want[1], "cnonce")
			}
			client = NewClient(services()[begin[0]], Credentials{begin[1], begin[2]}, cnonce)
		}
		answer, err := client.Next([]byte(token))
		switch {
		case want[0] == "!":
			if err == nil {
				t.Errorf("%q: %q, Java throws", token, answer)
			}
		case err != nil, want[1] == "null" != (answer == nil), answer != nil && string(answer) != want[1]:
			t.Errorf("%q: %q, %v, want %q", token, answer, err, want)
		}
	}
	if exchanges < 40 {
		t.Errorf("only %d exchanges were read", exchanges)
	}
}

// TestBothSides lets the two sides meet.
func TestBothSides(t *testing.T) {
	t.Parallel()
	f := func(service Service, login Credentials, want error) {
		t.Helper()
		s := NewServer(service, func(user string) (string, bool) { return "pä€", user == "zoë" }, "server")
		c := NewClient(service, login, "client")
		token, err := s.Next(nil)
		for err == nil {
			if token, err = c.Next(token); err != nil || token == nil {
				break
			}
			token, err = s.Next(token)
		}
		if user, done := s.User(); !errors.Is(err, want) || done != (want == nil) || done && user != login.User {
			t.Errorf("%q: %v, %q, %v", login, err, user, done)
		}
	}
	for _, service := range services() {
		f(service, Credentials{"zoë", "pä€"}, nil)
		f(service, Credentials{"zoë", "pa"}, ErrRefused)
		f(service, Credentials{"zoe", "pä€"}, ErrRefused)
	}
}

// TestNoOtherIdentity wants nobody to become somebody else, as Java lets those whose name
// has a realm.
func TestNoOtherIdentity(t *testing.T) {
	t.Parallel()
	s := NewServer(Clients, func(string) (string, bool) { return "x", true }, "n")
	p := proof{uri: string(Clients), realm: "zk-sasl-md5", user: "a@b", password: "x", nonce: "n", cnonce: "c", authzid: new(string)}
	*p.authzid = "super"
	if _, err := s.Next(nil); err != nil {
		t.Fatal(err)
	}
	_, err := s.Next([]byte(`username="a@b",realm="zk-sasl-md5",nonce=n,cnonce=c,digest-uri="zookeeper/zk-sasl-md5",authzid=super,response=` +
		p.response("AUTHENTICATE")))
	if user, done := s.User(); err != nil || user != "a@b" || !done {
		t.Errorf("%q, %v, %v", user, done, err)
	}
}

// TestLongToken knows Java's limit.
func TestLongToken(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]error{maxToken: nil, maxToken + 1: ErrToken} {
		s := NewServer(Clients, nil, "n")
		if _, err := s.Next(make([]byte, size)); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
}

// FuzzTokens reads anything: both sides end with an error or an answer, and nobody is let
// in who does not know the password.
func FuzzTokens(f *testing.F) {
	f.Add(`realm="zk-sasl-md5",nonce="a\"b",charset=utf-8,algorithm=md5-sess`)
	f.Add(`charset=utf-8,username="bob" , realm=zk-sasl-md5,nonce=n,cnonce="c",digest-uri="zookeeper/zk-sasl-md5",response=0,qop=auth,maxbuf=1`)
	f.Add(`username="`)
	f.Fuzz(func(t *testing.T, token string) {
		s := NewServer(Clients, func(string) (string, bool) { return "secret", true }, "n")
		if _, err := s.Next(nil); err != nil {
			t.Fatal(err)
		}
		if answer, err := s.Next([]byte(token)); err == nil {
			t.Fatalf("let in: %q", answer)
		}
		c := NewClient(Clients, Credentials{"bob", "secret"}, "c")
		answer, err := c.Next([]byte(token))
		if err != nil {
			return
		}
		if d, err := parseDirectives(answer, []string{"nonce", "username"}); err != nil || d["username"] != "bob" {
			t.Fatalf("%q answers %q: %v, %v", token, answer, d, err)
		}
		if _, err := c.Next([]byte(token)); err == nil {
			t.Fatalf("%q is taken for a proof", token)
		}
	})
}

// known are the directives of the test below; the order of a map is none.
func known(d directives) []string { return slices.Sorted(maps.Keys(d)) }

// TestQuote wants every value back.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "a", `a"b`, `\`, `\"`, "a,b=c d", "ü\n"} {
		d, err := parseDirectives([]byte("x="+quote(value)+",y=z"), []string{"x", "y"})
		if err != nil || d["x"] != value || len(known(d)) != 2 {
			t.Errorf("%q: %q, %v", value, d, err)
		}
	}
}
