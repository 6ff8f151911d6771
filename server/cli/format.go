package cli

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gokeeper/server/proto"
)

// hexNumber is a number as Java prints zxids and session ids.
func hexNumber(n int64) string { return fmt.Sprintf("0x%x", uint64(n)) }

// statText are the eleven lines of a node's state.
func (s *Shell) statText(st *proto.Stat) string {
	date := func(ms int64) string {
		return time.UnixMilli(ms).In(s.cfg.Location).Format("Mon Jan 02 15:04:05 MST 2006")
	}
	var b strings.Builder
	for _, l := range []struct {
		name  string
		value any
	}{
		{"cZxid", st.Czxid}, {"ctime", date(st.Ctime)}, {"mZxid", st.Mzxid}, {"mtime", date(st.Mtime)}, {"pZxid", st.Pzxid},
		{"cversion", st.Cversion}, {"dataVersion", st.Version}, {"aclVersion", st.Aversion},
		{"ephemeralOwner", hexNumber(st.EphemeralOwner)}, {"dataLength", st.DataLength}, {"numChildren", st.NumChildren},
	} {
		fmt.Fprintf(&b, "%s = %v\n", l.name, l.value)
	}
	return b.String()
}

// statDoc is the same for programs: zxids and ids in hex, since they are too large for the
// numbers of JSON, times in UTC.
func statDoc(st *proto.Stat) doc {
	date := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	return doc{
		"cZxid": st.Czxid.String(), "ctime": date(st.Ctime), "mZxid": st.Mzxid.String(), "mtime": date(st.Mtime),
		"pZxid": st.Pzxid.String(), "cversion": st.Cversion, "dataVersion": st.Version, "aclVersion": st.Aversion,
		"ephemeralOwner": hexNumber(st.EphemeralOwner), "dataLength": st.DataLength, "numChildren": st.NumChildren,
	}
}

// dataDoc puts data into a document: as text, or in base64 where it is none or that is
// asked for.
func dataDoc(d doc, data []byte, encoded bool) doc {
	switch {
	case data == nil:
		d["data"] = nil
	case encoded || !utf8.Valid(data):
		d["data"], d["encoding"] = base64.StdEncoding.EncodeToString(data), "base64"
	default:
		d["data"] = string(data)
	}
	return d
}

// plainText is data as text; what is none becomes U+FFFD.
func plainText(data []byte) string {
	if data == nil {
		return "null"
	}
	return string([]rune(string(data)))
}

// Parts of a hex dump as Netty prints it.
const (
	dumpHead = "         +-------------------------------------------------+\n" +
		"         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n" + dumpLine + "\n"
	dumpLine = "+--------+-------------------------------------------------+----------------+"
)

// hexDump is data in rows of sixteen bytes.
func hexDump(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(dumpHead)
	for at := 0; at < len(data); at += 16 {
		row := data[at:min(at+16, len(data))]
		var digits, chars strings.Builder
		for _, c := range row {
			digits.WriteString(" " + hex.EncodeToString([]byte{c}))
			if c < 0x20 || c > 0x7e {
				c = '.'
			}
			chars.WriteByte(c)
		}
		fmt.Fprintf(&b, "|%08x|%-48s |%-16s|\n", at, digits.String(), chars.String())
	}
	b.WriteString(dumpLine)
	return b.String()
}

// permLetters are the letters of permissions, in the order in which they are printed.
var permLetters = []struct {
	letter rune
	perm   proto.Perm
}{
	{'c', proto.PermCreate}, {'d', proto.PermDelete}, {'r', proto.PermRead}, {'w', proto.PermWrite}, {'a', proto.PermAdmin},
}

func permText(p proto.Perm) string {
	var b strings.Builder
	for _, l := range permLetters {
		if p&l.perm != 0 {
			b.WriteRune(l.letter)
		}
	}
	return b.String()
}
