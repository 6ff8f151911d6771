package integration

import (
	"cmp"
	"fmt"
	"hash/adler32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An entry is one record of a transaction log.
type entry struct {
	session    int64
	cxid       int32
	zxid, time int64
	typ        int32
	rest       []byte // the body and the digest
}

// logEntries reads all transaction logs of a server that has ended, in order.
func logEntries(t *testing.T, s *server) []entry {
	t.Helper()
	files := s.files(t, "log.")
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(logZxid(a), logZxid(b)) })
	var entries []entry
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		i := in{b: b}
		if header := string(i.take(16)); header != "ZKLG\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("%s begins with %x", name, header)
		}
		for len(i.b) >= 12 {
			sum, n := i.i64(), int(i.i32())
			if n == 0 { // padding
				if strings.Trim(string(i.b), "\x00") != "" {
					t.Errorf("%s: padding is not zero", name)
				}
				break
			}
			body := i.take(n)
			if end := i.take(1)[0]; i.err != nil || end != 'B' || sum != int64(adler32.Checksum(body)) {
				t.Fatalf("%s: record %d: checksum %x, end %x, %v", name, len(entries), sum, end, i.err)
			}
			entries = append(entries, newEntry(body))
		}
	}
	return entries
}

func newEntry(body []byte) entry {
	i := in{b: body}
	return entry{session: i.i64(), cxid: i.i32(), zxid: i.i64(), time: i.i64(), typ: i.i32(), rest: i.b}
}

// logZxid returns the number in a log file's name.
func logZxid(path string) int64 {
	_, hex, _ := strings.Cut(filepath.Base(path), ".")
	n, err := strconv.ParseInt(hex, 16, 64)
	if err != nil {
		return -1
	}
	return n
}

// Types of transactions that the comparison looks into.
const (
	txnError         = -1
	txnCreateSession = -10
	txnCloseSession  = -11
)

// text returns an entry in comparable form.
func (s *side) text(e entry, digests bool) string {
	if _, known := s.sessions[e.session]; !known && e.typ == txnCreateSession {
		s.sessions[e.session] = fmt.Sprint("s", len(s.sessions))
	}
	i := in{b: e.rest}
	if e.typ == txnError && s.server.name != "gokeeper" { // Java adds a digest to the error of a multi of reads
		i.b = i.b[:min(len(i.b), 4)]
	}
	digest := ""
	if digests && e.typ != txnError {
		n := max(len(i.b)-12, 0)
		d := in{b: i.b[n:]}
		i.b, digest = i.b[:n], fmt.Sprintf(" digest version %d", d.i32())
	}
	if e.typ == opMulti {
		failed(i.b)
	}
	body := s.configured(fmt.Sprintf("%q", i.b))
	if e.typ == txnCloseSession && len(i.b) > 0 { // the paths have no order
		body = sorted(i.strs()) + fmt.Sprintf(" rest %x %v", i.b, i.err)
	}
	if s.ensemble() {
		body += fmt.Sprintf(" zxid %#x", e.zxid)
	}
	return fmt.Sprintf("session %s cxid %d type %d %s%s", s.owner(e.session), e.cxid, e.typ, body, digest)
}

// failed marks all transactions of a multi that failed as errors. Java does so when it applies it, which may be before or
// after it has written it.
func failed(multi []byte) {
	i := in{b: multi}
	var types [][]byte
	wrong := false
	for n := i.i32(); n > 0 && i.err == nil; n-- {
		typ := i.take(4)
		types = append(types, typ)
		wrong = wrong || string(typ) == "\xff\xff\xff\xff"
		i.buf()
	}
	for _, typ := range types {
		if wrong && i.err == nil {
			copy(typ, "\xff\xff\xff\xff")
		}
	}
}

// compareLogs compares the transaction logs of a member of two sides whose servers have ended. Digests cannot be the same:
// they depend on times. Zxids can where all requests can be decoded, as ensembles get them: Java takes none for others.
func compareLogs(t *testing.T, sides []*side, place int, digests bool) {
	t.Helper()
	logs := [2][]entry{logEntries(t, sides[0].members[place]), logEntries(t, sides[1].members[place])}
	for n := range max(len(logs[0]), len(logs[1])) {
		var text [2]string
		for i, s := range sides {
			text[i] = "nothing"
			if n < len(logs[i]) {
				text[i] = s.text(logs[i][n], digests)
			}
		}
		if text[0] != text[1] {
			t.Fatalf("record %d of the log: of %s\n\t%.2000s\nbut of %s\n\t%.2000s", n, sides[0].server.name, text[0], sides[1].server.name, text[1])
		}
	}
	for n := 1; n < len(logs[0]); n++ {
		if before, e := logs[0][n-1], logs[0][n]; e.zxid != before.zxid+1 || e.time < before.time {
			t.Errorf("record %d of our log has zxid %#x and time %d, behind %#x and %d", n, e.zxid, e.time, before.zxid, before.time)
		}
	}
	t.Logf("%d records of the logs are the same", len(logs[0]))
}
