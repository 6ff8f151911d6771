package prep

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

var rewrite = flag.Bool("rewrite", false, "write what came of the scripts into testdata")

// TestScripts runs testdata/*.txt: in each line a command, "=>", and what comes of it.
//
//	new [extended] [quota] [nopaths]   a fresh server with these settings
//	as SESSION [SCHEME:ID]...          who sends what follows
//	session SESSION [CODE [local]]     the tracker refuses the session, or only ephemerals, or no more
//	local                              the sessions that follow are local to the server
//	apply [N]                          the N oldest outstanding transactions, or all
//	multi OP; OP...
//	OP PATH [VALUE] [v=VERSION] [flags=] [data=] [acl=] [ttl=]
//
// What comes of an operation is its transaction: of a create the parent's new cversion,
// of others the new version. Paths and values may be quoted; null is null.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts:", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{world: newWorld(t, Config{}), session: 1}
			lines := strings.Split(string(text), "\n")
			for i, line := range lines {
				command, want, _ := strings.Cut(line, "=>")
				if command = strings.TrimSpace(command); command == "" || command[0] == '#' {
					continue
				}
				got := s.run(strings.Fields(command))
				if got != strings.TrimSpace(want) && !*rewrite {
					t.Errorf("%s:%d: %s\ngot  %s\nwant%s", name, i+1, command, got, want)
				}
				if lines[i] = command; got != "" {
					lines[i] = fmt.Sprintf("%-50s => %s", command, got)
				}
			}
			s.apply(len(s.outstanding))
			if *rewrite {
				err = os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// script is a world that reads commands.
type script struct {
	*world
	session proto.SessionID
	ids     []proto.Identity
	local   bool // the session is known to be local
}

func (s *script) run(words []string) string {
	args := words[1:]
	switch words[0] {
	case "new":
		s.apply(len(s.outstanding))
		has := func(word string) bool { return strings.Contains(strings.Join(args, " "), word) }
		cfg := Config{ExtendedTypes: has("extended"), EnforceQuota: has("quota"), NoClosePaths: has("nopaths"), Reconfig: has("reconfig")}
		s.world, s.session, s.ids = newWorld(s.t, cfg), 1, nil
		s.local = false
	case "as":
		s.session, s.ids = proto.SessionID(s.number(args[0])), nil
		for _, arg := range args[1:] {
			scheme, id, _ := strings.Cut(arg, ":")
			s.ids = append(s.ids, proto.Identity{Scheme: scheme, ID: id})
		}
	case "session":
		id := proto.SessionID(s.number(args[0]))
		delete(s.refused, id)
		if len(args) > 1 {
			s.refused[id] = refusal{proto.Error(s.number(args[1])), len(args) > 2}
		}
	case "local":
		s.local = true
	case "apply":
		n := len(s.outstanding)
		if len(args) > 0 {
			n = int(s.number(args[0]))
		}
		s.apply(n)
	default:
		op, body := s.request(words)
		x := s.prepare(Request{Session: s.session, Cxid: 7, Op: op, Body: body, IDs: s.ids, Local: s.local})
		return show(x.Body)
	}
	return ""
}

func (s *script) number(text string) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

var ops = map[string]proto.Op{
	"create": proto.OpCreate, "create2": proto.OpCreate2, "createContainer": proto.OpCreateContainer,
	"createTTL": proto.OpCreateTTL, "delete": proto.OpDelete, "setData": proto.OpSetData, "setACL": proto.OpSetACL,
	"check": proto.OpCheck, "multi": proto.OpMulti, "deleteContainer": proto.OpDeleteContainer,
	"createSession": proto.OpCreateSession, "closeSession": proto.OpCloseSession, "reconfig": proto.OpReconfig,
}

// request returns the operation that the words ask for and its record.
func (s *script) request(words []string) (proto.Op, []byte) {
	op, known := ops[words[0]]
	if !known {
		s.t.Fatalf("unknown operation %q", words)
	}
	if op == proto.OpMulti {
		return op, s.multi(words[1:])
	}
	a := s.arguments(words[1:])
	switch op {
	case proto.OpCreate, proto.OpCreate2, proto.OpCreateContainer, proto.OpCreateTTL:
		r := proto.CreateRequest{Path: a.path, Data: a.data, ACL: a.acl, Flags: int32(a.flags), TTL: a.ttl}
		return op, r.Append(nil, op)
	case proto.OpSetData:
		r := proto.SetDataRequest{Path: a.path, Data: a.data, Version: a.version}
		return op, r.Append(nil)
	case proto.OpSetACL:
		r := proto.SetACLRequest{Path: a.path, ACL: a.acl, Version: a.version}
		return op, r.Append(nil)
	case proto.OpCreateSession:
		return op, jute.AppendInt(nil, int32(s.number(words[1])))
	case proto.OpDeleteContainer:
		return op, jute.AppendBuffer(nil, a.path)
	case proto.OpCloseSession:
		return op, nil
	case proto.OpReconfig:
		return op, jute.AppendLong(bytesOf(0xff, 12), -1)
	}
	r := proto.PathVersion{Path: a.path, Version: a.version}
	return op, r.Append(nil)
}

// bytesOf returns n times the byte; 0xff four times is a null.
func bytesOf(b byte, n int) []byte { return []byte(strings.Repeat(string([]byte{b}), n)) }

func (s *script) multi(words []string) []byte {
	var b []byte
	for op := range strings.SplitSeq(strings.Join(words, " "), ";") {
		if words := strings.Fields(op); len(words) > 0 {
			typ, body := s.request(words)
			h := proto.MultiHeader{Op: typ, Err: -1}
			b = append(h.Append(b), body...)
		}
	}
	return proto.AppendMultiEnd(b)
}

type arguments struct {
	path, data []byte
	acl        []proto.ACL
	version    int32
	flags, ttl int64
}

func (s *script) arguments(words []string) arguments {
	a := arguments{acl: proto.OpenACL(), data: []byte{}, version: -1}
	for i, word := range words {
		key, value, named := strings.Cut(word, "=")
		switch {
		case i == 0:
			a.path = s.text(word)
		case !named:
			s.t.Fatalf("%q: no key", word)
		case key == "data":
			a.data = s.text(value)
		case key == "acl":
			a.acl = s.acl(value)
		case key == "v":
			a.version = int32(s.number(value))
		case key == "flags":
			a.flags = s.number(value)
		case key == "ttl":
			a.ttl = s.number(value)
		default:
			s.t.Fatalf("unknown key %q", key)
		}
	}
	return a
}

// text reads a word that may be quoted, or null.
func (s *script) text(word string) []byte {
	if word == "null" {
		return nil
	}
	if strings.HasPrefix(word, `"`) {
		var err error
		if word, err = strconv.Unquote(word); err != nil {
			s.t.Fatal(err)
		}
	}
	return []byte(word)
}

// acl reads PERMS:SCHEME:ID,...
func (s *script) acl(text string) []proto.ACL {
	if text == "null" {
		return nil
	}
	acl := []proto.ACL{}
	for entry := range strings.SplitSeq(text, ",") {
		if part := strings.SplitN(entry, ":", 3); len(part) == 3 {
			acl = append(acl, proto.ACL{Perms: proto.Perm(s.number(part[0])), Identity: proto.Identity{Scheme: part[1], ID: part[2]}})
		}
	}
	return acl
}
