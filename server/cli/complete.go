package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"gokeeper/server/client"
	"gokeeper/server/proto"
)

// Candidate is what a word could become.
type Candidate struct{ Value, Text string }

// completeLimit is how long a completion waits for the server.
const completeLimit = 2 * time.Second

// candidates completes a word of a command line: the first is a command, what begins with
// a dash an option, and with a slash a node. children lists the names below a node.
func candidates(words []string, current string, children func(path string) []string) []Candidate {
	var out []Candidate
	add := func(value, text string) {
		if strings.HasPrefix(value, current) {
			out = append(out, Candidate{value, text})
		}
	}
	switch {
	case len(words) == 0:
		for _, c := range commands() {
			add(c.name, c.text)
		}
	case strings.HasPrefix(current, "/"):
		dir := current[:strings.LastIndexByte(current, '/')+1]
		above := strings.TrimSuffix(dir, "/")
		if above == "" {
			above = proto.PathRoot
		}
		names := children(above)
		slices.Sort(names)
		for _, name := range names {
			add(dir+name, "")
		}
	case strings.HasPrefix(current, "-"):
		c, _ := find(words[0])
		for o := range strings.FieldsSeq(string(c.flags)) {
			add("-"+strings.TrimSuffix(o, ":"), "")
		}
	}
	return out
}

// children lists a node's children, none when they cannot be had soon.
func children(ctx context.Context, zk *client.Client, path string) []string {
	ctx, cancel := context.WithTimeout(ctx, completeLimit)
	defer cancel()
	names, _, err := zk.Children(ctx, path, false)
	if err != nil {
		return nil
	}
	return names
}

// Complete completes the line in front of the cursor. It returns how the last word of the
// line could go on.
func (s *Shell) Complete(before string) []Candidate {
	words := split(before)
	current := ""
	if n := len(words); n > 0 && !strings.HasSuffix(before, " ") {
		words, current = words[:n-1], words[n-1]
	}
	return candidates(words, current, func(path string) []string {
		zk, err := s.zk()
		if err != nil {
			return nil
		}
		return children(context.Background(), zk, path)
	})
}

// CompleteInvocation completes a command line of the shell itself: options, then a command
// with its words. Nodes are those of the server that the options name.
func CompleteInvocation(args []string, current string) []Candidate {
	in := ParseInvocation(args)
	if in.Complaint != "" { // the word is the argument of an option
		return nil
	}
	if in.Command == nil && strings.HasPrefix(current, "-") {
		var out []Candidate
		for _, o := range Options {
			if strings.HasPrefix(o.Name, current) {
				out = append(out, Candidate{o.Name, o.Text})
			}
		}
		return out
	}
	return candidates(in.Command, current, func(path string) []string {
		zk, err := client.Open(client.Config{Servers: in.Server, ReadOnly: in.ReadOnly})
		if err != nil {
			return nil
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), completeLimit)
			defer cancel()
			_ = zk.Close(ctx)
		}()
		return children(context.Background(), zk, path)
	})
}
