package cli

import (
	"context"
	"slices"
	"strings"
)

// command is one command of the shell.
type command struct {
	name  string
	usage string // Java's, behind the name; what follows a line break is printed with the command's own usage alone
	text  string // what it does
	flags flags
	words int  // how many it needs, the name included
	local bool // it works without a connection
	run   func(*Shell, context.Context, *arguments) (answer, error)
}

const (
	usageGet = "[-s] [-w] [-b] [-x] path\n" +
		" -b   Output data in base64 format\n" +
		" -s   Print znode stats additionally\n" +
		" -w   Watch for changes on the znode\n" +
		" -x   Output data in hexdump format\n"
	usageSet = "path data [-s] [-v version] [-b]\n" +
		" -b         Supply data in base64 format\n" +
		" -s         Print znode stats additionally\n" +
		" -v <arg>   Set with an expected version\n"
	usageAddWatch = "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE"
	usageReconfig = "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | " +
		"[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]"
)

// commands returns the table, in the order in which help shows it.
func commands() []command {
	return []command{
		{"addWatch", usageAddWatch, "watch a node until the watch is removed", "m:", 0, false, (*Shell).addWatch},
		{"addauth", "scheme auth", "add credentials to the session", "", 2, false, (*Shell).addAuth},
		{"close", "", "end the session", "", 0, false, (*Shell).close},
		{"config", "[-c] [-w] [-s]", "print the servers of the ensemble", "c w s", 0, false, (*Shell).config},
		{"connect", "host:port", "end the session and open another", "", 0, true, (*Shell).connect},
		{"create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]", "create a node: sequential, ephemeral, container, with a time to live in ms",
			"e s c t:", 2, false, (*Shell).create},
		{"delete", "[-v version] path", "delete a node without children", "v:", 2, false, (*Shell).delete},
		{"deleteall", "path [-b batch size]", "delete a node and all below it", "b:", 2, false, (*Shell).deleteAll},
		{"delquota", "[-n|-b|-N|-B] path", "remove a quota, or one of its limits", "n b N B", 0, false, (*Shell).delQuota},
		{"get", usageGet, "print a node's data", "s w b x", 2, false, (*Shell).get},
		{"getAcl", "[-s] path", "print who may do what with a node", "s", 2, false, (*Shell).getACL},
		{"getAllChildrenNumber", "path", "count the nodes below a node", "", 2, false, (*Shell).countAll},
		{"getEphemerals", "path", "list the session's ephemeral nodes", "", 0, false, (*Shell).ephemerals},
		{"history", "", "print the last commands", "", 0, true, (*Shell).history},
		{"listquota", "path", "print a quota and what it counts", "", 2, false, (*Shell).listQuota},
		{"ls", "[-s] [-w] [-R] path", "list a node's children, or all below it", "? s w R", 0, false, (*Shell).list},
		{"printwatches", "on|off", "print events or do not", "", 0, true, (*Shell).printWatches},
		{"quit", "", "end the session and the shell", "", 0, true, (*Shell).leaveShell},
		{"reconfig", usageReconfig, "change the servers of the ensemble", "s v: file: members: add: remove:", 0, false, (*Shell).reconfig},
		{"redo", "cmdno", "carry out a command of the history again", "", 0, true, (*Shell).redo},
		{"removewatches", "path [-c|-d|-a] [-l]", "remove watches: of children, data, any; -l without the server", "c d p r a l", 2, false, (*Shell).removeWatches},
		{"set", usageSet, "replace a node's data", "s v: b", 3, false, (*Shell).set},
		{"setAcl", "[-s] [-v version] [-R] path acl", "say who may do what with a node, or with all below it, too", "s v: R", 3, false, (*Shell).setACL},
		{"setquota", "-n|-b|-N|-B val path", "limit count or bytes below a node: -n, -b softly, -N, -B strictly", "n: b: N: B:", 0, false, (*Shell).setQuota},
		{"stat", "[-w] path", "print a node's state", "w", 2, false, (*Shell).stat},
		{"sync", "path", "let the server catch up with the leader", "", 2, false, (*Shell).sync},
		{"version", "", "print the shell's version", "", 0, false, (*Shell).version},
		{"whoami", "", "print whom the server takes this session for", "", 0, false, (*Shell).whoAmI},
	}
}

// find returns the command of the name.
func find(name string) (command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

// usageText is what a wrong use of the command is answered with.
func (c *command) usageText() string { return c.name + " " + c.usage }

// usage lists all commands as Java's shell does.
func usage() string {
	var b strings.Builder
	b.WriteString("ZooKeeper -server host:port -client-configuration properties-file cmd args\n")
	for _, c := range commands() {
		line, _, _ := strings.Cut(c.usageText(), "\n")
		b.WriteString("\t" + line + "\n")
	}
	return b.String()
}
