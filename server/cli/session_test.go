package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gokeeper/server/cli"
	"gokeeper/server/freeport"
)

// TestMistakesStay wants the shell to say what is wrong and to go on, where Java's ends.
func TestMistakesStay(t *testing.T) {
	address := serve(t)
	_, errs, code := call(t, "redo x\nset -v x / y\nset -b / !\nconnect a:x\nredo 0\nredo\nget /\n", "-server", address)
	want := "redo wants the number of a command, not \"x\"; history shows them\n" +
		"-v argument must be an int value, not \"x\"; stat shows the version\n" +
		"data is not base64, as -b says: illegal base64 data at input byte 0\n" +
		"connect: connect strings have the form host:port,host:port/chroot: \"a:x\" has no port between 1 and 65535\n" +
		"No redoing redos\n"
	if errs != want || code != 0 {
		t.Errorf("got %d\n%s\nwant\n%s", code, errs, want)
	}
}

// TestAfterTheEnd wants Java's word for whatever is tried without a session.
func TestAfterTheEnd(t *testing.T) {
	address := serve(t)
	out, _, code := call(t, "close\nls /\nprintwatches\nls -z\nnope\nhistory\nconnect\nls /\nquit\n", "-server", address)
	_, out, _ = strings.Cut(out, "state:Closed type:None path:null zxid: -1\n")
	history := "0 - close\n1 - ls /\n2 - printwatches\n3 - ls -z\n4 - nope\n5 - history\n"
	want := "Not connected\nprintwatches is on\nNot connected\nNot connected\n" + history + "Not connected\n" +
		connected + "[zookeeper]\n\nWATCHER::\n\nWatchedEvent state:Closed type:None path:null zxid: -1\n"
	if out != want || code != 0 {
		t.Errorf("got %d\n%s\nwant\n%s", code, out, want)
	}
}

// TestExitCode is that of the last command, however the session ends.
func TestExitCode(t *testing.T) {
	address := serve(t)
	for input, want := range map[string]int{
		"": 0, "ls /no": 1, "ls /no\nls /\n": 0, "nope\nquit\nls /\n": 127, "ls\n\n": 1, "ls /no\nprintwatches off\n": 0,
	} {
		if _, _, code := call(t, input, "-server", address); code != want {
			t.Errorf("%q: exit code %d, want %d", input, code, want)
		}
	}
}

// TestHistory keeps eleven entries in sight.
func TestHistory(t *testing.T) {
	address := serve(t)
	out, _, _ := call(t, strings.Repeat("printwatches on\n", 12)+"history\nredo 0\nhistory\n", "-server", address)
	var want strings.Builder
	for i := 2; i < 12; i++ {
		fmt.Fprintf(&want, "%d - printwatches on\n", i)
	}
	want.WriteString("12 - history\n")
	for i := 4; i < 12; i++ {
		fmt.Fprintf(&want, "%d - printwatches on\n", i)
	}
	want.WriteString("12 - history\n13 - printwatches on\n14 - history\n")
	if _, got, _ := strings.Cut(out, "disabled\n"); got != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got, want.String())
	}
}

// TestDeleteAll deletes in several batches.
func TestDeleteAll(t *testing.T) {
	address := serve(t)
	input := "create /a\n" + strings.Repeat("create -s /a/b-\n", 25) + "create /a/b-0000000003/c\ndeleteall /a -b 2\nls /\ndeleteall /\n"
	out, errs, code := call(t, input, "-server", address)
	if !strings.HasSuffix(out, "[zookeeper]\n") || !strings.HasSuffix(errs, "\nFailed to delete some node(s) in the subtree!\n") || code != 0 {
		t.Errorf("got %d\n%s\n%s", code, out, errs)
	}
}

// TestQuotaOfRoot is refused as in Java.
func TestQuotaOfRoot(t *testing.T) {
	address := serve(t)
	_, errs, code := call(t, "delquota /\nlistquota /\nsetquota -n 3 /\n", "-server", address)
	const wrong = "Invalid path string \"/zookeeper/quota//zookeeper_limits\" caused by empty node name specified @17\n"
	want := wrong + "absolute path is /zookeeper/quota//zookeeper_limits\n" + wrong + "Path must not end with / character\n"
	if errs != want || code != 1 {
		t.Errorf("got %d\n%s\nwant\n%s", code, errs, want)
	}
}

// TestHints wants what to do next below an error, when somebody is there to read it.
func TestHints(t *testing.T) {
	var out, errs buffer
	in := cli.ParseInvocation([]string{"-server", fmt.Sprint("127.0.0.1:", freeport.One(t)), "get", "/"})
	cli.New(in, cli.Config{Out: &out, Err: &errs, Hints: true, Location: time.UTC}).Run(t.Context())
	first, second, _ := strings.Cut(errs.String(), "\n")
	if first != "KeeperErrorCode = ConnectionLoss for /" || !strings.Contains(second, "connection refused") || !strings.Contains(second, "check -server") {
		t.Errorf("got %q", errs.String())
	}
}

// TestComplete completes the line in front of the cursor.
func TestComplete(t *testing.T) {
	address := serve(t)
	s := cli.New(cli.ParseInvocation([]string{"-server", address, "ls", "/"}), cli.Config{})
	defer s.Leave()
	f := func(before, want string) {
		t.Helper()
		var got []string
		for _, c := range s.Complete(before) {
			got = append(got, c.Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", before, got, want)
		}
	}
	f("del", "delete deleteall delquota")
	f("x", "")
	f("get -", "-s -w -b -x")
	f("get /", "/zookeeper")
	f("get -w /zookeeper/", "/zookeeper/config /zookeeper/quota")
	f("get /zookeeper/q", "/zookeeper/quota")
	f("get /no/", "")
	f("get x", "")
}
