package cli_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gokeeper/server/cli"
	"gokeeper/server/client"
	"gokeeper/server/freeport"
)

// javaAddress is the address of the server in the recordings.
const javaAddress = "127.0.0.1:2181"

// recording is a call of Java's shell, and what came of it.
type recording struct {
	file, command         string
	args                  []string
	stdin, stdout, stderr string
	interactive           bool
	code                  int
}

// recordings reads a file of testdata.
func recordings(t *testing.T, file string) (all []recording) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var r *recording
	section := new(string)
	for line := range strings.Lines(string(raw)) {
		if command, ok := strings.CutPrefix(line, "$ zkCli.sh"); ok {
			all = append(all, recording{file: file, command: strings.TrimSpace(command), args: shellWords(command)})
			r, section = &all[len(all)-1], new(string)
			continue
		}
		switch word := strings.Fields(line + " ."); {
		case line == "## stdin\n":
			section, r.interactive = &r.stdin, true
		case line == "## stdout\n":
			section = &r.stdout
		case line == "## stderr\n":
			section = &r.stderr
		case strings.HasPrefix(line, "## exit "):
			if r.code, err = strconv.Atoi(word[2]); err != nil {
				t.Fatal(err)
			}
			section = new(string)
		case strings.HasPrefix(line, "## note"):
		default:
			*section += line
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s: nothing recorded", file)
	}
	return all
}

// shellWords splits a command line of the recordings, which quote with '.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}

// play carries out a recording and returns what came of it.
func (r recording) play(t *testing.T, rename *strings.Replacer) recording {
	t.Helper()
	var args []string
	for _, a := range r.args {
		args = append(args, rename.Replace(a))
	}
	got := r
	got.stdout, got.stderr, got.code = call(t, rename.Replace(r.stdin), args...)
	return got
}

// call runs the shell in this process.
func call(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err buffer
	s := cli.New(cli.ParseInvocation(args), cli.Config{
		In: strings.NewReader(stdin), Out: &out, Err: &err, Version: "3.9.6", Location: time.UTC, ReadFile: os.ReadFile, Properties: properties,
	})
	code = s.Run(t.Context())
	return out.String(), err.String(), code
}

// properties reads name=value lines.
func properties(name string) (map[string]string, error) {
	all := map[string]string{}
	data, err := os.ReadFile(name)
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		all[name] = value
	}
	return all, err
}

// buffer is a buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// What differs from run to run.
var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?m)^([cmp]Zxid) = 0x[1-9a-f][0-9a-f]*$`), "$1 = ZXID"},
	{regexp.MustCompile(`(?m)^([cm]time) = ... ... .. ..:..:.. UTC 20..$`), "$1 = DATE"},
	{regexp.MustCompile(`zxid: \d+`), "zxid: ZXID"},
	{regexp.MustCompile(`(?m)^version=[1-9a-f][0-9a-f]*$`), "version=VERSION"},
	{regexp.MustCompile(`(?m)^[1-9a-f][0-9a-f]* (\d+\.\d+\.\d+\.\d+:)`), "VERSION $1"},
	{regexp.MustCompile(`(?m)^(ZooKeeper CLI version:) .*$`), "$1 VERSION"},
	{regexp.MustCompile(`\(CONNECTING\)`), "(CONNECTED)"},
}

// connected is the event that a single command may or may not live to see.
const connected = "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null zxid: -1\n"

// lists are printed in the order of somebody's hash table.
var (
	lists      = regexp.MustCompile(`(?m)^\[/.*\]$|^VERSION (\d\S*,\S*)$`)
	identities = regexp.MustCompile(`Auth scheme: User\n(?:[a-z0-9]+: .*\n)*`)
	exception  = regexp.MustCompile(`(?s)^Exception in thread.*|^org.apache.zookeeper.*\n\tat .*`)
)

// masked returns an output without what may differ.
func masked(text string, single bool) string {
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.with)
	}
	if single {
		text = strings.ReplaceAll(text, connected, "")
	}
	text = lists.ReplaceAllStringFunc(text, func(list string) string {
		items := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("[], ", r) })
		slices.Sort(items)
		return strings.Join(items, " ")
	})
	return identities.ReplaceAllStringFunc(text, func(list string) string {
		all := strings.Split(list, "\n")
		slices.Sort(all)
		return strings.Join(all, "\n")
	})
}

// compare wants both outputs and the exit code of the recording. Where Java ends with the
// trace of an exception, a line that says why is enough.
func (r recording) compare(t *testing.T, got recording) {
	t.Helper()
	if exception.MatchString(r.stderr) && strings.Count(got.stderr, "\n") == 1 {
		got.stderr = r.stderr
	}
	for _, c := range []struct{ what, got, want string }{
		{"standard output", got.stdout, r.stdout}, {"standard error", got.stderr, r.stderr},
		{"exit code", strconv.Itoa(got.code), strconv.Itoa(r.code)},
	} {
		if g, w := masked(c.got, !r.interactive), masked(c.want, !r.interactive); g != w {
			t.Errorf("%s: %s: %s:\n%s\nwant\n%s", r.file, r.command, c.what, g, w)
		}
	}
}

// digestOf is the id of a user of the scheme digest.
func digestOf(user, password string) string {
	sum := sha1.Sum([]byte(user + ":" + password))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

// TestRecordings carries out what was recorded with Java's shell and server, in the same
// order on one server.
func TestRecordings(t *testing.T) {
	address := serve(t, "extendedTypesEnabled=true", "enforceQuota=true", "reconfigEnabled=true",
		"DigestAuthenticationProvider.superDigest="+digestOf("super", "admin"))
	nobody := fmt.Sprint("127.0.0.1:", freeport.One(t))
	there := strings.NewReplacer(javaAddress, address, "127.0.0.1:21499", nobody, "-timeout 3000", "-timeout 100")
	back := strings.NewReplacer(address, javaAddress, nobody, "127.0.0.1:21499")
	for _, file := range []string{
		"general.txt", "default_logging.txt", "create.txt", "get.txt", "set.txt", "ls.txt", "stat.txt", "delete_deleteall.txt",
		"acl.txt", "quota.txt", "config_reconfig.txt", "misc.txt",
	} {
		for _, r := range recordings(t, file) {
			if slices.Equal(r.args, []string{"-server"}) {
				continue // it would connect to port 2181
			}
			got := r.play(t, there)
			got.stdout, got.stderr = back.Replace(got.stdout), back.Replace(got.stderr)
			r.stdout = logLine.ReplaceAllString(r.stdout, "")
			r.compare(t, got)
			for _, path := range expired[strings.TrimPrefix(r.command, "-server "+javaAddress+" ")] {
				remove(t, address, path)
			}
		}
	}
	sessions(t, address)
}

// logLine is what Java's shell prints besides with the logging configuration it comes with.
var logLine = regexp.MustCompile(`(?m)^(\d{4}-\d\d-\d\d .* - INFO .*|/usr/bin/java)\n`)

// expired are the nodes whose time was over after a command.
var expired = map[string][]string{
	"set -v 99 /a x":          {"/a/eph", "/a/es-0000000003"},
	"getAllChildrenNumber /q": {"/ttl1", "/ttl-0000000005"},
}

func remove(t *testing.T, address, path string) {
	t.Helper()
	c, err := client.Open(client.Config{Servers: address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if err := c.Delete(t.Context(), path, client.AnyVersion); err != nil {
		t.Fatal(err)
	}
}
