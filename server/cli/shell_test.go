package cli_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/cli"
)

// TestSingleCommand wants all of both outputs, without anything masked: the event comes
// before the result, and nothing when no server is asked.
func TestSingleCommand(t *testing.T) {
	address := serve(t)
	f := func(code int, stdout, stderr string, command ...string) {
		t.Helper()
		gotOut, gotErr, got := call(t, "", append([]string{"-server", address}, command...)...)
		stdout = "Connecting to " + address + "\n" + stdout
		if gotOut != stdout || gotErr != stderr || got != code {
			t.Errorf("%q: got %d\n%q\n%q\nwant %d\n%q\n%q", command, got, gotOut, gotErr, code, stdout, stderr)
		}
	}
	f(0, connected+"[zookeeper]\n", "", "ls", "/")
	f(0, connected, "Created /a\n", "create", "/a", "x")
	f(1, connected, "Node already exists: /a\n", "create", "/a")
	f(1, "", "Path must start with / character\n", "get", "a")
	f(0, "ZooKeeper CLI version: 3.9.6\n", "", "version")
	f(1, "", "-v argument must be an int value, not \"x\"; stat shows the version\n", "delete", "-v", "x", "/a")
	f(1, "", "data is not base64, as -b says: illegal base64 data at input byte 0\n", "set", "-b", "/a", "!!!")
	f(0, connected+"\nWATCHER::\n\nWatchedEvent state:Closed type:None path:null zxid: -1\n", "", "quit")
}

// TestEphemeral wants an ephemeral node of a single command to outlive it, as with Java's
// shell, and one of a session not to.
func TestEphemeral(t *testing.T) {
	address := serve(t)
	call(t, "", "-server", address, "create", "-e", "/single")
	call(t, "create -e /session\n", "-server", address)
	if out, _, _ := call(t, "", "-server", address, "ls", "/"); !strings.HasSuffix(out, "\n[single, zookeeper]\n") {
		t.Errorf("got %q", out)
	}
}

// TestBadInvocation wants a line that says what is wrong, and the exit code of Java's
// shell.
func TestBadInvocation(t *testing.T) {
	f := func(code int, want string, args ...string) {
		t.Helper()
		if _, got, exit := call(t, "", args...); got != want+"\n" || exit != code {
			t.Errorf("%q: %d, %q, want %d, %q", args, exit, got, code, want)
		}
	}
	f(1, `-timeout wants a number of milliseconds, not "abc"`, "-timeout", "abc", "version")
	f(1, `-server: connect strings have the form host:port,host:port/chroot: "a:x" has no port between 1 and 65535`, "-server", "a:x", "version")
	f(2, `-client-configuration /no: open /no: no such file or directory`, "-client-configuration", "/no", "version")
	f(127, strings.TrimSuffix(usageList(t), "\n")+"\nCommand not found: Command not found help", "help")
}

// usageList is the list of commands as it was recorded.
func usageList(t *testing.T) string {
	t.Helper()
	for _, r := range recordings(t, "general.txt") {
		if list, _, ok := strings.Cut(r.stderr, "Command not found"); ok {
			return list
		}
	}
	t.Fatal("no list of commands")
	return ""
}

func TestParseInvocation(t *testing.T) {
	in := cli.ParseInvocation([]string{"-server", "a", "-r", "-foo", "-waitforconnection", "--json", "-timeout", "5", "ls", "-R", "-server"})
	if in.Server != "a" || !in.ReadOnly || !in.Wait || !in.JSON || in.Timeout != "5" || !slices.Equal(in.Command, []string{"ls", "-R", "-server"}) {
		t.Errorf("got %+v", in)
	}
	in = cli.ParseInvocation([]string{"-r", "-server"})
	if in.Complaint != "Error: no argument found for option -server" || in.Server != "localhost:2181" || !in.ReadOnly {
		t.Errorf("got %+v", in)
	}
	if !cli.ParseInvocation([]string{"--help"}).Help || cli.ParseInvocation([]string{"get", "--help"}).Help {
		t.Error("help is asked for before the command alone")
	}
	help := cli.Help()
	for _, word := range []string{"-waitforconnection", "--json", "deleteall path [-b batch size]", "quit"} {
		if !strings.Contains(help, word) {
			t.Errorf("help does not tell of %s:\n%s", word, help)
		}
	}
}

// TestJSON wants one document a command on standard output, errors with a code that is
// not 0, and no event but those of nodes.
func TestJSON(t *testing.T) {
	address := serve(t)
	f := func(code int, want string, command ...string) {
		t.Helper()
		out, _, got := call(t, "", append([]string{"-server", address, "--json"}, command...)...)
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatalf("%q: %v in %q", command, err, out)
		}
		delete(v, "stat")
		if e, ok := v["error"].(map[string]any); ok {
			delete(e, "hint")
		}
		short, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if string(short) != want || got != code || strings.Count(out, "\n") != 1 {
			t.Errorf("%q: got %d, %s, want %d, %s", command, got, short, code, want)
		}
	}
	f(0, `{"path":"/a"}`, "create", "/a", "x y")
	f(0, `{"data":"x y","path":"/a"}`, "get", "/a")
	f(0, `{"data":"eCB5","encoding":"base64","path":"/a"}`, "get", "-b", "/a")
	f(0, `{"children":["a","zookeeper"],"path":"/"}`, "ls", "/")
	f(0, `{"nodes":["/a"],"path":"/a"}`, "ls", "-R", "/a")
	f(0, `{"path":"/a"}`, "stat", "/a")
	f(0, `{"acl":[{"id":"anyone","perms":"cdrwa","scheme":"world"}],"path":"/a"}`, "getAcl", "/a")
	f(0, `{"path":"/a"}`, "setAcl", "/a", "world:anyone:cdrwa")
	f(0, `{"path":"/a"}`, "set", "-b", "/a", "/w==")
	f(0, `{"data":"/w==","encoding":"base64","path":"/a"}`, "get", "/a")
	f(0, `{"count":0,"path":"/a"}`, "getAllChildrenNumber", "/a")
	f(0, `{"nodes":[],"prefix":"/"}`, "getEphemerals")
	f(0, `{"identities":[{"scheme":"ip","user":"127.0.0.1"}]}`, "whoami")
	f(0, `{"path":"/"}`, "sync", "/")
	f(0, `{"clients":[],"config":"","version":""}`, "config")
	f(0, `{"path":"/a","quota":{"byteHardLimit":-1,"bytes":-1,"count":3,"countHardLimit":-1}}`, "setquota", "-n", "3", "/a")
	f(0, `{"path":"/a","quota":{"byteHardLimit":-1,"bytes":-1,"count":3,"countHardLimit":-1}}`, "listquota", "/a")
	f(0, `{"path":"/a"}`, "delquota", "/a")
	f(0, `{"history":[{"command":"null","number":0}]}`, "history")
	f(0, `{"printwatches":"on"}`, "printwatches")
	f(0, `{"version":"3.9.6"}`, "version")
	f(0, `{"deleted":1,"path":"/a"}`, "deleteall", "/a")
	f(1, `{"error":{"code":"NoNode","message":"Node does not exist: /a","path":"/a"}}`, "get", "/a")
	f(1, `{"error":{"code":"Refused","message":"quota for /a does not exist."}}`, "listquota", "/a")
	f(1, `{"error":{"code":"BadPath","message":"Path must start with / character"}}`, "stat", "a")
	f(1, `{"error":{"code":"Usage","message":"ls [-s] [-w] [-R] path"}}`, "ls")
	f(127, `{"error":{"code":"UnknownCommand","message":"Command not found: Command not found nope"}}`, "nope")
	out, errs, code := call(t, "create /w\nget -w /w\nset /w x\nclose\nget /w\n", "-server", address, "--json")
	var kinds []string
	for line := range strings.Lines(out) {
		var v struct {
			Event, Error map[string]string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		kinds = append(kinds, v.Event["type"]+v.Error["message"])
	}
	if strings.Join(kinds, ",") != ",,NodeDataChanged,,,Not connected" || errs != "" || code != 1 {
		t.Errorf("got %q, %q, %d from\n%s", kinds, errs, code, out)
	}
}
