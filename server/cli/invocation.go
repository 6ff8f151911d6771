package cli

import (
	"fmt"
	"slices"
	"strings"
)

// Invocation is a command line of the shell taken apart.
type Invocation struct {
	Server        string   // connect string
	Timeout       string   // of the session, in milliseconds, as given
	ReadOnly      bool     // a server without a quorum will do
	Wait          bool     // begin when connected, or not at all
	Configuration string   // properties file of a Java client; "" for none
	JSON          bool     // results and errors as JSON documents
	Help          bool     // asked for help, and nothing else
	Command       []string // what to do; nothing for a session with many commands
	Complaint     string   // an option that lacks its argument; the defaults hold
}

// Options of the shell's command line, for help and completion.
var Options = []struct{ Name, Argument, Text string }{
	{"-server", "HOST:PORT[,HOST:PORT...][/CHROOT]", "servers to connect to, and the node to live under (localhost:2181)"},
	{"-timeout", "MS", "session timeout to ask for, in milliseconds (30000)"},
	{"-r", "", "accept a server that has no quorum and serves reads alone"},
	{"-waitforconnection", "", "wait up to the timeout for a connection, otherwise fail"},
	{"-client-configuration", "FILE", "properties file of a Java client"},
	{"--json", "", "print one JSON document for each command, and errors as JSON too"},
}

// ParseInvocation reads a command line. As in Java, options end at the first word that
// does not begin with a dash, and unknown ones are passed over; an option without its
// argument ends the options.
func ParseInvocation(args []string) Invocation {
	in := Invocation{Server: "localhost:2181", Timeout: "30000"}
	takes := map[string]*string{"-server": &in.Server, "-timeout": &in.Timeout, "-client-configuration": &in.Configuration}
	sets := map[string]*bool{
		"-r": &in.ReadOnly, "-waitforconnection": &in.Wait, "--json": &in.JSON, "-json": &in.JSON,
		"-h": &in.Help, "-help": &in.Help, "--help": &in.Help,
	}
	for i := 0; i < len(args); i++ {
		switch value, flag := takes[args[i]], sets[args[i]]; {
		case flag != nil:
			*flag = true
		case value != nil && i+1 == len(args):
			in.Complaint = "Error: no argument found for option " + args[i]
			return in
		case value != nil:
			i++
			*value = args[i]
		case !strings.HasPrefix(args[i], "-"):
			in.Command = slices.Clone(args[i:])
			return in
		}
	}
	return in
}

// Help returns what there is to say about the command line.
func Help() string {
	var b strings.Builder
	b.WriteString("Options, before the command:\n")
	for _, o := range Options {
		fmt.Fprintf(&b, "  %-28s %s\n", strings.TrimSpace(o.Name+" "+shortened(o.Argument)), o.Text)
	}
	b.WriteString("\nCommands:\n")
	for _, c := range commands() {
		usage, _, _ := strings.Cut(c.usage, "\n")
		usage, _, _ = strings.Cut(usage, " #")
		fmt.Fprintf(&b, "  %s\n        %s\n", strings.TrimSpace(c.name+" "+usage), c.text)
	}
	return b.String()
}

// shortened keeps the column of options narrow.
func shortened(argument string) string {
	name, _, _ := strings.Cut(argument, ":")
	return name
}
