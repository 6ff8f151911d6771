package cli

import (
	"fmt"
	"strings"
	"testing"
)

// TestFlags wants options read as commons-cli's parser reads them.
func TestFlags(t *testing.T) {
	f := func(flags flags, line, want string) {
		t.Helper()
		a, err := flags.parse(strings.Fields(line))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(a.words, a.values)
		}
		if got != want {
			t.Errorf("%q of %q: got %s, want %s", line, flags, got, want)
		}
	}
	f("s v:", "set /a x", "[set /a x] map[]")
	f("s v:", "set -s /a -v 2 x", "[set /a x] map[s: v:2]")
	f("s v:", "set /a -v -5", "[set /a] map[v:-5]")
	f("s v:", "set /a -v -x", "[set /a] map[v:-x]")
	f("s v:", "set /a -v5 -sv 6", "[set /a] map[s: v:5]")
	f("s v:", "set /a -v=7", "[set /a] map[v:7]")
	f("s v:", "set -- -s -v", "[set -s -v] map[]")
	f("s v:", "set - x", "[set - x] map[]")
	f("s v:", `set /a -v "3"`, "[set /a] map[v:3]")
	f("s w R", "ls -sR /", "[ls /] map[R: s:]")
	f("v: add: remove:", "reconfig -add a=1 -remove 3", "[reconfig] map[add:a=1 remove:3]")
	f("s v:", "set /a -v", noArgument+"v")
	f("s v:", "set /a -v -s", noArgument+"v")
	f("s v:", "set -z /a", unrecognized+"-z")
	f("s v:", "set -sz /a", unrecognized+"-sz")
	f("s v:", "set -s=1", unrecognized+"-s=1")
	f("s v:", "set --v 1", unrecognized+"--v")
	f("s v:", "set -5", unrecognized+"-5")
}

// TestSplit wants lines taken apart as in Java.
func TestSplit(t *testing.T) {
	for line, want := range map[string]string{
		"ls /":                    `["ls" "/"]`,
		"   ls   /  ":             `["ls" "/"]`,
		`create /a "hello world"`: `["create" "/a" "hello world"]`,
		`create /a 'it is "q"'`:   `["create" "/a" "it is \"q\""]`,
		`create /a ""`:            `["create" "/a" ""]`,
		`create /a "open`:         `["create" "/a" "open"]`,
		`create /a a"b c"d`:       `["create" "/a" "a\"b" "c\"d"]`,
		`#comment`:                `["#comment"]`,
		"":                        `[]`,
		"  \t ":                   `[]`,
		"\"":                      `[]`,
	} {
		if got := fmt.Sprintf("%q", split(line)); got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}

func TestHexDump(t *testing.T) {
	const want = dumpHead +
		"|00000000| 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f |................|\n" +
		"|00000010| 7e 7f 80                                        |~..             |\n" + dumpLine
	data := make([]byte, 16)
	for i := range data {
		data[i] = byte(i)
	}
	if got := hexDump(append(data, 0x7e, 0x7f, 0x80)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLimits(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := parseLimits([]byte(in)).String(); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	f("count=1,bytes=2", "count=1,bytes=2")
	f("count=1,bytes=2=;byteHardLimit=3;countHardLimit=4", "count=1,bytes=2=;byteHardLimit=3;countHardLimit=4")
	f("", "count=-1,bytes=-1")
	f("count=,bytes=x", "count=-1,bytes=-1")
}

// TestTable wants every command to have all that the shell shows of it, in order.
func TestTable(t *testing.T) {
	last := ""
	for _, c := range commands() {
		if c.text == "" || c.run == nil || c.name <= last {
			t.Errorf("%q: text %q, behind %q", c.name, c.text, last)
		}
		last = c.name
		if strings.Contains(c.name, " ") {
			t.Errorf("%q is no word", c.name)
		}
	}
}
