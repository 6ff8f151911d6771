package integration

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// comparableWords are the four-letter words that the differential test asks in between, and what is none.
var comparableWords = []string{"srvr", "stat", "cons", "dump", "wchs", "wchc", "wchp", "mntr", "conf", "isro", "ruok", "gtmk", "srst", "crst",
	"stmk\x00\x00\x00\x00\x00\x00\x01\x32", "\xff\xf4\xff\xfd", "RUOK", "abcd", "ruok\n", "srvr and more"}

// shortWords have an answer of less than 2048 characters.
var shortWords = []string{"srvr", "stat", "cons", "wchs", "conf", "isro", "ruok", "gtmk", "srst", "crst", "stmk", "RUOK", "abcd"}

// wordLimit is how long the servers may take to count what happened last: a connection that ended, a packet that was sent.
const wordLimit = 5 * time.Second

// compareWord asks a member of both sides a four-letter word until the answers agree.
func compareWord(t *testing.T, sides []*side, place int, word string) {
	t.Helper()
	long := !slices.Contains(shortWords, word[:4]) // Java counts each 2048 characters of an answer as one packet
	if long || word == "srst" || word == "crst" {
		compareWord(t, sides, place, "srvr") // what has been sent is counted
	}
	for limit := time.Now().Add(wordLimit); ; {
		var said [2][]string
		for i, s := range sides {
			said[i] = s.said(s.members[place], word)
		}
		if word == "mntr" {
			said[0] = alike(said[0], said[1])
		}
		if long {
			resetCounts(sides, place) // else what is said next differs by this answer
		}
		if slices.Equal(said[0], said[1]) {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%q to member %d of %s\n\t%s\nonly %s says\n\t%s\nonly %s says\n\t%s", word, place, sides[0].server.name, strings.Join(said[0], "\n\t"),
				sides[0].server.name, strings.Join(without(said[0], said[1]), "\n\t"),
				sides[1].server.name, strings.Join(without(said[1], said[0]), "\n\t"))
		}
		<-time.After(20 * time.Millisecond)
	}
}

func resetCounts(sides []*side, place int) {
	for _, s := range sides {
		s.members[place].word("srst")
	}
}

// alike returns the metrics that the others have as well. Java's mntr ends early if there are limits that it cannot read.
func alike(metrics, others []string) []string {
	return slices.DeleteFunc(metrics, func(l string) bool {
		name, _, _ := strings.Cut(l, "\t")
		return !slices.ContainsFunc(others, func(o string) bool { return strings.HasPrefix(o, name+"\t") })
	})
}

// without returns the lines that are not among the others.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(others, l) })
}

// said returns a server's answer to a word in comparable lines.
func (s *side) said(of *server, word string) []string {
	text := of.word(word)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	switch word[:4] {
	case "wchc", "wchp", "dump":
		return s.blocks(lines)
	case "wchs": // Java counts connections whose watches have all fired as well
		_, lines[0], _ = strings.Cut(lines[0], " ")
	case "mntr":
		return slices.DeleteFunc(lines, func(l string) bool { return !comparableMetric(l) })
	case "conf":
		lines = slices.DeleteFunc(lines, func(l string) bool { return variesConf.MatchString(l) })
		for i, l := range lines {
			lines[i] = s.configured(l)
		}
	case "srvr", "stat", "cons":
		for i, l := range lines {
			lines[i] = s.statLine(l)
		}
		slices.Sort(lines)
	}
	return lines
}

var (
	variesConf  = regexp.MustCompile(`^(clientPort|dataDir|dataDirSize|dataLogDir|dataLogSize|serverId|electionPort|quorumPort)=`)
	variesStat  = regexp.MustCompile(`^(Zookeeper version:|Latency min/avg/max:)`)
	zxidLine    = regexp.MustCompile(`^Zxid: 0x([0-9a-f]+)$`)
	remote      = regexp.MustCompile(`/127\.0\.0\.1:\d+`)
	variesConn  = regexp.MustCompile(`(queued|est|lresp|llat|minlat|avglat|maxlat)=[^,)]*`)
	sessionHex  = regexp.MustCompile(`0x[0-9a-f]{8,}`)
	lastZxid    = regexp.MustCompile(`lzxid=0x([0-9a-f]+)`)
	countOfSets = regexp.MustCompile(`Sets \(\d+\)/`)
	expireAt    = regexp.MustCompile(`^\d+ expire at `)
)

func comparableMetric(line string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "zk_"), "\t")
	return slices.Contains([]string{"znode_count", "watch_count", "ephemerals_count", "approximate_data_size", "global_sessions", "local_sessions",
		"num_alive_connections", "packets_received", "packets_sent", "outstanding_requests", "server_state", "digest_mismatches_count"}, name)
}

// statLine makes a line of srvr, stat or cons comparable.
func (s *side) statLine(l string) string {
	if variesStat.MatchString(l) {
		return variesStat.FindString(l)
	}
	zxid := func(format *regexp.Regexp, l string) string {
		m := format.FindStringSubmatch(l)
		if m == nil {
			return l
		}
		n, err := strconv.ParseInt(m[1], 16, 64)
		if err != nil {
			return l
		}
		return strings.Replace(l, m[0], "zxid of "+s.label(n), 1)
	}
	l = zxid(zxidLine, zxid(lastZxid, l))
	return s.named(variesConn.ReplaceAllString(remote.ReplaceAllString(l, "remote"), "$1"))
}

// named replaces session ids by what they stand for.
func (s *side) named(l string) string {
	return sessionHex.ReplaceAllStringFunc(l, func(hex string) string {
		id, err := strconv.ParseUint(hex, 0, 64)
		if err != nil {
			return hex
		}
		return s.owner(int64(id))
	})
}

// blocks makes a list of headings, each with indented lines, comparable: the lines with what they stand under, sorted. A
// heading says nothing more: those of sessions in dump are times, and Java goes on to list sessions that have nothing any
// more. The connections at the end of dump, which Java lists for a while after they have ended, are left out.
func (s *side) blocks(lines []string) []string {
	var blocks []string
	section, head := "", ""
	for _, l := range lines {
		if l == "Connections dump:" {
			break
		}
		l = s.named(countOfSets.ReplaceAllString(l, "Sets "))
		switch {
		case strings.HasPrefix(l, "\t"):
			blocks = append(blocks, section+head+l)
		case strings.HasSuffix(l, "dump:"):
			section, head = l+" ", ""
		case expireAt.MatchString(l):
			head = ""
		case strings.Contains(l, "Sets "):
			blocks = append(blocks, section+l)
		default:
			head = l
		}
	}
	slices.Sort(blocks)
	return blocks
}
