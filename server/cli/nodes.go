package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/client"
	"gokeeper/server/proto"
)

// maxTTL is the longest time to live, in milliseconds.
const maxTTL = 1<<40 - 1

// version returns the expected version of an option, AnyVersion without it.
func (a *arguments) version() (int32, error) {
	if !a.has("v") {
		return client.AnyVersion, nil
	}
	n, err := strconv.ParseInt(a.values["v"], 10, 32)
	if err != nil {
		return 0, usageError(fmt.Sprintf("-v argument must be an int value, not %q; stat shows the version", a.values["v"]))
	}
	return int32(n), nil
}

// createFlags returns the kind of node that the options ask for, and its time to live.
func createFlags(a *arguments) (flags int32, ttl int64, err error) {
	if a.has("c") && a.any("e", "s") {
		return 0, 0, usageError("-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.")
	}
	if a.has("t") {
		if ttl, err = strconv.ParseInt(a.values["t"], 10, 64); err != nil {
			return 0, 0, usageError("-t argument must be a long value")
		}
	}
	switch {
	case a.has("t") && a.has("e"):
		return 0, 0, usageError("TTLs cannot be used with Ephemeral znodes")
	case a.has("t") && a.has("c"):
		return 0, 0, usageError("TTLs cannot be used with Container znodes")
	case a.has("t") && (ttl <= 0 || ttl > maxTTL):
		return 0, 0, usageError(fmt.Sprint("ttl must be positive and cannot be larger than: ", maxTTL))
	case a.has("t") && a.has("s"):
		return proto.FlagPersistentSequentialTTL, ttl, nil
	case a.has("t"):
		return proto.FlagPersistentTTL, ttl, nil
	case a.has("c"):
		return proto.FlagContainer, 0, nil
	}
	if a.has("e") {
		flags |= proto.FlagEphemeral
	}
	if a.has("s") {
		flags |= proto.FlagSequential
	}
	return flags, 0, nil
}

func (s *Shell) create(ctx context.Context, a *arguments) (answer, error) {
	flags, ttl, err := createFlags(a)
	if err != nil {
		return answer{}, err
	}
	n := client.Node{Path: a.words[1], ACL: proto.OpenACL(), Flags: flags, TTL: time.Duration(ttl) * time.Millisecond}
	if len(a.words) > 2 {
		n.Data = []byte(a.words[2])
	}
	if len(a.words) > 3 {
		n.ACL = s.parseACL(a.words[3])
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	path, stat, err := zk.Create(ctx, n)
	var op *client.OpError
	switch {
	case errors.Is(err, proto.InvalidACL) && errors.As(err, &op):
		return answer{err: keeperText(op)}, err
	case errors.Is(err, proto.EphemeralOnLocalSession):
		return answer{err: "Unable to create ephemeral node on a local session"}, err
	case err != nil:
		return answer{}, err
	}
	if flags == proto.FlagEphemeral || flags == proto.FlagEphemeralSequential {
		s.keep(s.in.Command != nil)
	}
	return answer{err: "Created " + path, doc: doc{"path": path, "stat": statDoc(&stat)}}, nil
}

func (s *Shell) get(ctx context.Context, a *arguments) (answer, error) {
	a, err := s.oldWatch(a, "get", "get [-s] [-w] path")
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	data, stat, err := zk.Get(ctx, a.words[1], a.has("w"))
	if err != nil {
		return answer{}, err
	}
	shown := plainText(data)
	switch {
	case a.has("x") && data == nil:
		shown = hexDump([]byte(shown))
	case a.has("x"):
		shown = hexDump(data)
	case a.has("b"):
		shown = base64.StdEncoding.EncodeToString([]byte(shown))
		if data != nil {
			shown = base64.StdEncoding.EncodeToString(data)
		}
	}
	return s.withStat(a, shown+"\n", &stat, dataDoc(doc{"path": a.words[1]}, data, a.any("b", "x"))), nil
}

// withStat is an answer with the node's state, in text when that is asked for.
func (s *Shell) withStat(a *arguments, out string, stat *proto.Stat, d doc) answer {
	if a.has("s") {
		out += s.statText(stat)
	}
	d["stat"] = statDoc(stat)
	return answer{out: out, doc: d}
}

// oldWatch understands the syntax of 3.4, a word behind the path. As in Java, the third
// word of the line becomes the option, whichever that is.
func (s *Shell) oldWatch(a *arguments, name, now string) (*arguments, error) {
	if len(a.words) <= 2 {
		return a, nil
	}
	s.out.note(fmt.Sprintf("'%s path [watch]' has been deprecated. Please use '%s' instead.", name, now))
	c, _ := find(name)
	words := slices.Clone(a.line)
	words[2] = "-w"
	return c.flags.parse(words)
}

func (s *Shell) set(ctx context.Context, a *arguments) (answer, error) {
	data := []byte(a.words[2])
	if a.has("b") {
		var err error
		if data, err = base64.StdEncoding.DecodeString(a.words[2]); err != nil {
			return answer{}, usageError(fmt.Sprintf("data is not base64, as -b says: %v", err))
		}
	}
	version, err := a.version()
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	stat, err := zk.Set(ctx, a.words[1], data, version)
	if err != nil {
		return answer{}, err
	}
	return s.withStat(a, "", &stat, doc{"path": a.words[1]}), nil
}

func (s *Shell) stat(ctx context.Context, a *arguments) (answer, error) {
	a, err := s.oldWatch(a, "stat", "stat [-w] path")
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	stat, err := zk.Exists(ctx, a.words[1], a.has("w"))
	if err != nil {
		return answer{}, err
	}
	return answer{out: s.statText(&stat), doc: doc{"path": a.words[1], "stat": statDoc(&stat)}}, nil
}

// helpList is what ls -? prints.
const helpList = "usage: ls [options] path\n -?   help\n -R   recurse\n -s   stat\n -w   watch\n"

func (s *Shell) list(ctx context.Context, a *arguments) (answer, error) {
	var help string
	if a.has("?") {
		help = helpList
	}
	a, err := s.oldWatch(a, "ls", "ls [-w] path")
	if err != nil {
		return answer{out: help}, err
	}
	if len(a.words) < 2 {
		c, _ := find("ls")
		return answer{out: help}, usageError(c.usageText())
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	path := a.words[1]
	if a.has("R") {
		paths := []string{}
		err := walk(ctx, zk, path, a.has("w"), func(p string) error { paths = append(paths, p); return nil })
		return answer{out: help + lines(paths), doc: doc{"path": path, "nodes": paths}}, err
	}
	names, stat, err := zk.Children(ctx, path, a.has("w"))
	if err != nil {
		return answer{out: help}, err
	}
	slices.Sort(names)
	return s.withStat(a, help+"["+strings.Join(names, ", ")+"]\n", &stat, doc{"path": path, "children": names}), nil
}

// lines ends each text with a line break.
func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

func (s *Shell) countAll(ctx context.Context, a *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	n, err := zk.CountAll(ctx, a.words[1])
	if err != nil {
		return answer{}, err
	}
	return answer{out: fmt.Sprintln(n), doc: doc{"path": a.words[1], "count": n}}, nil
}

func (s *Shell) ephemerals(ctx context.Context, a *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	prefix := "/"
	if len(a.words) > 1 {
		prefix = a.words[1]
	}
	paths, err := zk.Ephemerals(ctx, prefix)
	if err != nil {
		return answer{}, err
	}
	return answer{out: "[" + strings.Join(paths, ", ") + "]\n", doc: doc{"prefix": prefix, "nodes": paths}}, nil
}
