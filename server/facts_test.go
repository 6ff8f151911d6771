package server_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gokeeper/server"
	"gokeeper/server/proto"
)

// monitored returns the lines of mntr and their names in order.
func (r *running) monitored() (values map[string]string, names []string) {
	r.t.Helper()
	values = map[string]string{}
	for line := range strings.Lines(r.word("mntr")) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if _, twice := values[name]; !ok || twice {
			r.t.Errorf("line %q", line)
		}
		values[name] = value
		names = append(names, name)
	}
	return values, names
}

// TestMonitor compares the lines of a server that has worked with those of a Java
// server: the same names, version and state first, and values of the same form.
func TestMonitor(t *testing.T) {
	b, err := os.ReadFile("testdata/mntr.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, configure(t, t.TempDir()), server.Options{Version: "3.9.6-0, built on 2026-01-02 03:04 UTC"})
	c := r.mustConnect(nil)
	c.create("/app", "", proto.FlagPersistent)
	for range 16 {
		c.get("/app")
	}
	got, names := r.monitored()
	if len(names) < 2 || names[0] != "zk_version" || names[1] != "zk_server_state" {
		t.Errorf("begins with %.3q", names)
	}
	form := func(v string) string { return regexp.MustCompile(`[0-9]+`).ReplaceAllString(v, "N") }
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		ours, ok := got[name]
		switch {
		case !ok:
			t.Errorf("no line %s", name)
		case name != "zk_version" && form(ours) != form(value):
			t.Errorf("%s is %q, in Java's form it is %q", name, ours, value)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("Java has no line %s", name)
	}
}

// TestNumbers wants what clients did told in mntr, and forgotten after srst.
func TestNumbers(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	check := func(when string, want map[string]string) {
		t.Helper()
		got, _ := r.monitored()
		for name, value := range want {
			if got["zk_"+name] != value {
				t.Errorf("%s: %s is %q, want %q", when, name, got["zk_"+name], value)
			}
		}
	}
	check("fresh", map[string]string{
		"last_client_response_size": "-1", "min_client_response_size": "-1", "max_client_response_size": "-1",
		"cnt_readlatency": "0", "cnt_updatelatency": "0", "znode_count": "5", "global_sessions": "0",
	})
	c := r.mustConnect(nil)
	c.create("/app", strings.Repeat("x", 1000), proto.FlagPersistent) // xid 16, and so on
	c.create("/app/one", "", proto.FlagEphemeral)
	if _, code := c.reply(c.send(proto.OpCreate, createRecord("/app", "", 0))); code != proto.NodeExists {
		t.Errorf("creating again: %v", code)
	}
	for range 30 { // xids 19 to 48: two are looked at
		c.holds("/app", strings.Repeat("x", 1000))
	}
	c.do(proto.OpGetData, pathRecord("/app/one", true))
	c.do(proto.OpDelete, deleteRecord("/app/one"))
	check("worked", map[string]string{
		"cnt_readlatency": "31", "cnt_updatelatency": "4", "cnt_fsynctime": "5",
		"last_client_response_size": "16", "min_client_response_size": "16", "max_client_response_size": "1088",
		"znode_count": "6", "ephemerals_count": "0", "global_sessions": "1",
		"connection_request_count":              "1",
		"cnt_app_write_per_namespace":           "3",
		"sum_app_write_per_namespace":           strconv.Itoa(1000 + len("/app") + 2*len("/app/one")),
		"min_app_write_per_namespace":           strconv.Itoa(len("/app/one")),
		"cnt_app_read_per_namespace":            "32",
		"max_app_read_per_namespace":            strconv.Itoa(len("/app") + 1000 + 68),
		"avg_app_read_per_namespace":            "1072.0",
		"outstanding_requests":                  "0",
		"connection_drop_probability":           "0.0",
		"non_mtls_local_conn_count":             "0",
		"digest_mismatches_count":               "0",
		"cnxn_closed_without_zk_server_running": "0",
	})
	if got := r.word("srst"); got != "Server stats reset.\n" {
		t.Errorf("srst: %q", got)
	}
	check("after srst", map[string]string{
		"cnt_readlatency": "0", "cnt_updatelatency": "0", "p99_readlatency": "0", "cnt_fsynctime": "0",
		"last_client_response_size": "-1", "connection_request_count": "0", "cnt_app_write_per_namespace": "",
		"znode_count": "6", "global_sessions": "1",
	})
}

func deleteRecord(path string) []byte {
	r := proto.PathVersion{Path: []byte(path), Version: -1}
	return r.Append(nil)
}

// TestFacts wants the words to tell what one client has and does. Connections of words
// asked before may still be there, and bytes on their way out uncounted.
func TestFacts(t *testing.T) {
	dir := t.TempDir()
	r := start(t, configure(t, dir, "maxClientCnxns=7", "minSessionTimeout=5000"), server.Options{Version: "3.9.6-0, built on x"})
	c := r.mustConnect(nil)
	c.create("/app", "", proto.FlagPersistent)
	c.create("/app/e", "", proto.FlagEphemeral)
	for range 130 {
		c.do(proto.OpSetData, append(pathRecord("/app", false)[:8], 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff))
	}
	c.do(proto.OpGetData, pathRecord("/app", true))
	c.do(proto.OpGetChildren, pathRecord("/app", true))
	matches := func(word, pattern string) {
		t.Helper()
		if got := r.word(word); !regexp.MustCompile(`\A(?s:` + pattern + `)\z`).MatchString(got) {
			t.Errorf("%s: got\n%s\nwant\n%s", word, got, pattern)
		}
	}
	id, local := fmt.Sprintf("0x%x", uint64(c.session)), regexp.QuoteMeta(c.LocalAddr().String())
	date := `\w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ \d{4}`
	matches("ruok", "imok")
	matches("isro", "rw")
	matches("conf", fmt.Sprintf(`clientPort=%d\nsecureClientPort=-1\ndataDir=%s/version-2\ndataDirSize=\d+\ndataLogDir=%s/version-2\n`+
		`dataLogSize=\d+\ntickTime=2000\nmaxClientCnxns=7\nminSessionTimeout=5000\nmaxSessionTimeout=40000\nclientPortListenBacklog=-1\nserverId=0\n`,
		portOf(r), dir, dir))
	matches("dirs", `datadir_size: [1-9]\d*\nlogdir_size: [1-9]\d*\n`)
	matches("wchs", `1 connections watching 1 paths\nTotal watches:1\n`)
	matches("wchp", `/app\n\t`+id+`\n\n`)
	matches("wchc", id+`\n\t/app\n\n`)
	matches("hash", `80: \d+\n`)
	matches("dump", `SessionTracker dump:\nSession Sets \(1\)/\(1\):\n1 expire at `+date+`:\n\t`+id+`\nephemeral nodes dump:\nSessions with Ephemerals \(1\):\n`+
		id+`:\n\t/app/e\nConnections dump:\nConnections Sets \(\d\)/\(\d\):\n.*\tip: /`+local+` sessionId: `+id+`\n.*`)
	matches("cons", `.* /`+local+`\[[15]\]\(queued=0,recved=135,sent=135,sid=`+id+`,lop=GETC,est=\d+,to=30000,lcxid=0x95,lzxid=0x85,`+
		`lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+\)\n.*\n`)
	matches("crst", "Connection stats reset.\n")
	matches("cons", `.* /`+local+`\[[15]\]\(queued=0,recved=0,sent=0,sid=`+id+`,lop=NA,est=\d+,to=30000,lzxid=0xffffffffffffffff,`+
		`lresp=0,llat=0,minlat=0,avglat=0,maxlat=0\)\n.*\n`)
	matches("stat", `Zookeeper version: 3.9.6-0, built on x\nClients:\n.* /`+local+`\[[15]\]\(queued=0,recved=0,sent=0\)\n.*\nLatency min/avg/max: .*Node count: 7\n`)
	matches("envi", `Environment:\nzookeeper.version=3.9.6-0, built on x\n(\S+=.*\n){17}`)
	matches("xxxx", "")
}

func portOf(r *running) int {
	_, port, _ := strings.Cut(r.ClientAddr().String(), ":")
	n, _ := strconv.Atoi(port)
	return n
}

// TestWhitelistOfServer wants srvr always allowed and the rest as configured.
func TestWhitelistOfServer(t *testing.T) {
	r := start(t, configure(t, t.TempDir(), "4lw.commands.whitelist= ruok ,nosuch"), server.Options{})
	for word, want := range map[string]string{
		"ruok": "imok", "mntr": "mntr is not executed because it is not in the whitelist.\n", "srvr": "Zookeeper version: ",
	} {
		if got := r.word(word); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

// TestWordsMeanwhile asks for all words while clients come, work and go.
func TestWordsMeanwhile(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	var work sync.WaitGroup
	for w := range 3 {
		work.Go(func() {
			for n := range 15 {
				c, err := r.connect(nil)
				if err != nil {
					t.Error(err)
					return
				}
				path := fmt.Sprintf("/w%d-%d", w, n)
				if _, code := c.reply(c.send(proto.OpCreate, createRecord(path, "", proto.FlagEphemeral))); code != proto.OK {
					t.Errorf("create %s: %v", path, code)
				}
				c.reply(c.send(proto.OpGetData, pathRecord(path, true)))
				c.Close()
			}
		})
	}
	for range 5 {
		for _, word := range []string{"mntr", "cons", "stat", "dump", "wchs", "wchp", "wchc", "hash", "dirs", "conf", "srst", "crst"} {
			if got := r.word(word); got == "" && word != "hash" {
				t.Errorf("%s: no answer", word)
			}
		}
	}
	work.Wait()
}
