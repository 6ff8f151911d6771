package admin

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

// fake is a source that says what it holds.
type fake struct {
	down        bool
	summary     Summary
	connections []Connection
	conf        Conf
	environment [][2]string
	tracker     Tracker
	ephemerals  []Owner
	watches     []Watch
	counts      [3]int
	data, logs  int64
	digests     []Digest
	gauges      []metrics.Line
	metrics     *metrics.Set

	statsReset, connectionsReset int
}

func (f *fake) Serving() bool              { return !f.down }
func (f *fake) Summary() Summary           { return f.summary }
func (f *fake) Connections() []Connection  { return f.connections }
func (f *fake) Conf() Conf                 { return f.conf }
func (f *fake) Environment() [][2]string   { return f.environment }
func (f *fake) Tracker() Tracker           { return f.tracker }
func (f *fake) Ephemerals() []Owner        { return f.ephemerals }
func (f *fake) Watches() []Watch           { return f.watches }
func (f *fake) WatchCounts() (c, p, w int) { return f.counts[0], f.counts[1], f.counts[2] }
func (f *fake) Sizes() (data, logs int64)  { return f.data, f.logs }
func (f *fake) Digests() []Digest          { return f.digests }
func (f *fake) Gauges() []metrics.Line     { return f.gauges }
func (f *fake) Metrics() *metrics.Set      { return f.metrics }
func (f *fake) ResetStats()                { f.statsReset++ }
func (f *fake) ResetConnections()          { f.connectionsReset++ }

func (f *fake) LastSnapshot() Snapshot { return Snapshot{} }

func (f *fake) Leader() (Leader, bool) { return Leader{}, false }

func (f *fake) Observers() []Observer { return nil }

func (f *fake) Voters() []Member { return nil }

func (f *fake) Zab() *Zab { return nil }

func (f *fake) InitialConfig() (string, bool) { return "", false }

func (f *fake) Properties() map[string]string { return nil }

func newFakeCommands() *Commands { return NewCommands(newFake(), all) }

func newFake() *fake { return &fake{metrics: metrics.New(), summary: Summary{Mode: "standalone"}} }

// parser reads facts back out of the answers of a Java server.
type parser struct {
	t    *testing.T
	name string
	text string // what is left
}

func open(t *testing.T, role, file string) *parser {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", role, file+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return &parser{t, role + "/" + file, string(b)}
}

// take cuts what the pattern matches off the front and returns the groups, nil if the
// text does not begin so.
func (p *parser) take(pattern string) []string {
	m := regexp.MustCompile(`\A(?:` + pattern + `)`).FindStringSubmatch(p.text)
	if m != nil {
		p.text = p.text[len(m[0]):]
	}
	return m
}

// must is take for what has to be there.
func (p *parser) must(pattern string) []string {
	p.t.Helper()
	m := p.take(pattern)
	if m == nil {
		p.t.Fatalf("%s: no %s at %q", p.name, pattern, p.text)
	}
	return m
}

func (p *parser) int(s string, base int) int64 {
	p.t.Helper()
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return int64(n)
}

func (p *parser) date(s string) time.Time {
	p.t.Helper()
	at, err := time.Parse(time.UnixDate, s)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return at
}

// summary reads the head and the figures of srvr, and connections between them.
func (p *parser) summary(f *fake) {
	s := &f.summary
	s.Version = p.must(`Zookeeper version: (.*)\n`)[1]
	s.ReadOnly = p.take(`READ-ONLY mode; serving only read-only clients\n`) != nil
	if p.take(`Clients:\n`) != nil {
		f.connections = p.connections()
		p.must(`\n`)
	}
	m := p.must(`Latency min/avg/max: (\d+)/([\d.]+)/(\d+)\nReceived: (\d+)\nSent: (\d+)\nConnections: (\d+)\nOutstanding: (\d+)\n` +
		`Zxid: 0x([0-9a-f]+)\nMode: (.*)\nNode count: (\d+)\n`)
	s.MinLatency, s.MaxLatency, s.Received, s.Sent = p.int(m[1], 10), p.int(m[3], 10), p.int(m[4], 10), p.int(m[5], 10)
	s.AvgLatency, _ = strconv.ParseFloat(m[2], 64)
	s.Connections, s.Outstanding, s.Zxid = int(p.int(m[6], 10)), int(p.int(m[7], 10)), proto.Zxid(p.int(m[8], 16))
	s.Mode, s.Nodes = m[9], int(p.int(m[10], 10))
	if m := p.take(`Proposal sizes last/min/max: (-1|\d+)/(-1|\d+)/(-1|\d+)\n`); m != nil {
		s.Proposals = &Sizes{}
		for i, to := range []*int64{&s.Proposals.Last, &s.Proposals.Min, &s.Proposals.Max} {
			*to, _ = strconv.ParseInt(m[i+1], 10, 64)
		}
	}
}

var ops = map[string]proto.Op{"NA": 0, "PING": proto.OpPing, "GETC": proto.OpGetChildren2, "SESS": proto.OpCreateSession,
	"GETD": proto.OpGetData, "SETD": proto.OpSetData}

func (p *parser) connections() (all []Connection) {
	for {
		m := p.take(` /([\d.]+:\d+)\[(\d)\]\(queued=(\d+),recved=(\d+),sent=(\d+)`)
		if m == nil {
			return all
		}
		c := Connection{Remote: netip.MustParseAddrPort(m[1]), Interest: int(p.int(m[2], 16)), Queued: int(p.int(m[3], 10)),
			Received: p.int(m[4], 10), Sent: p.int(m[5], 10), LastCxid: -1}
		if m := p.take(`,sid=0x([0-9a-f]+),lop=([A-Z]+),est=(\d+),to=(\d+)`); m != nil {
			op, known := ops[m[2]]
			if !known {
				p.t.Fatalf("%s: operation %s", p.name, m[2])
			}
			c.Session, c.LastOp = proto.SessionID(p.int(m[1], 16)), op
			c.Established, c.Timeout = time.UnixMilli(p.int(m[3], 10)), int32(p.int(m[4], 10))
			if m := p.take(`,lcxid=0x([0-9a-f]+)`); m != nil {
				c.LastCxid = p.int(m[1], 16)
			}
			m := p.must(`,lzxid=0x([0-9a-f]+),lresp=(\d+),llat=(\d+),minlat=(\d+),avglat=(\d+),maxlat=(\d+)`)
			c.LastZxid, c.LastResponse, c.LastLatency = proto.Zxid(p.int(m[1], 16)), p.int(m[2], 10), p.int(m[3], 10)
			c.MinLatency, c.AvgLatency, c.MaxLatency = p.int(m[4], 10), p.int(m[5], 10), p.int(m[6], 10)
		}
		p.must(`\)\n`)
		all = append(all, c)
	}
}

func (p *parser) conf(f *fake) {
	number := func(key string) int {
		return int(p.int(strings.Replace(p.must(key + `=(-?\d+)\n`)[1], "-1", "0", 1), 10))
	}
	c := &f.conf
	c.ClientPort, c.SecureClientPort = number("clientPort"), number("secureClientPort")
	c.DataDir = p.must(`dataDir=(.*)\n`)[1]
	f.data = int64(number("dataDirSize"))
	c.LogDir = p.must(`dataLogDir=(.*)\n`)[1]
	f.logs = int64(number("dataLogSize"))
	ms := func(key string) time.Duration { return time.Duration(number(key)) * time.Millisecond }
	c.Tick, c.MaxPerAddress = ms("tickTime"), number("maxClientCnxns")
	c.MinTimeout, c.MaxTimeout = ms("minSessionTimeout"), ms("maxSessionTimeout")
	p.must(`clientPortListenBacklog=-1\n`)
	c.Backlog, c.ServerID = -1, int64(number("serverId"))
	if p.text == "" {
		return
	}
	m := &MemberConf{InitLimit: number("initLimit"), SyncLimit: number("syncLimit")}
	p.must(`electionAlg=3\n`)
	m.ElectionPort, m.QuorumPort = p.must(`electionPort=(.*)\n`)[1], p.must(`quorumPort=(.*)\n`)[1]
	m.Observer = number("peerType") == 1
	c.Member = m
	if p.take(`membership: \n`) == nil {
		return
	}
	for s := p.take(`(server\..*)\n`); s != nil; s = p.take(`(server\..*)\n`) {
		m.Membership = append(m.Membership, s[1])
	}
	m.Version = p.int(p.must(`version=([0-9a-f]+)\z`)[1], 16)
}

func (p *parser) buckets(title string) (all []Bucket, there bool) {
	if p.take(title+` \(\d+\)/\(\d+\):\n`) == nil {
		return nil, false
	}
	for m := p.take(`\d+ expire at (.*):\n`); m != nil; m = p.take(`\d+ expire at (.*):\n`) {
		all = append(all, Bucket{At: p.date(m[1]), Sessions: p.sessions()})
	}
	return all, true
}

// sessions reads lines with a tab and a session.
func (p *parser) sessions() (ids []proto.SessionID) {
	for m := p.take(`\t0x([0-9a-f]+)\n`); m != nil; m = p.take(`\t0x([0-9a-f]+)\n`) {
		ids = append(ids, proto.SessionID(p.int(m[1], 16)))
	}
	return ids
}

func (p *parser) dump(f *fake) {
	p.must(`SessionTracker dump:\n`)
	t := &f.tracker
	t.Local, t.HasLocal = p.buckets("Local Session Sets")
	if t.Buckets, t.TracksGlobal = p.buckets("(?:Global )?Session Sets"); !t.TracksGlobal {
		p.must(`Global Sessions\(\d+\):\n`)
		for m := p.take(`0x(.*)\t(\d+)ms\n`); m != nil; m = p.take(`0x(.*)\t(\d+)ms\n`) {
			t.Global = append(t.Global, Timeout{proto.SessionID(p.int(m[1], 16)), int32(p.int(m[2], 10))})
		}
	}
	p.must(`ephemeral nodes dump:\nSessions with Ephemerals \(\d+\):\n`)
	for m := p.take(`0x(.*):\n`); m != nil; m = p.take(`0x(.*):\n`) {
		o := Owner{Session: proto.SessionID(p.int(m[1], 16))}
		for m := p.take(`\t(/.*)\n`); m != nil; m = p.take(`\t(/.*)\n`) {
			o.Paths = append(o.Paths, m[1])
		}
		f.ephemerals = append(f.ephemerals, o)
	}
	p.must(`Connections dump:\n`)
	if p.take(`Connections Sets \(\d+\)/\(\d+\):\n`) == nil {
		return // a Java server on Netty says nothing here
	}
	for m := p.take(`\d+ expire at (.*):\n`); m != nil; m = p.take(`\d+ expire at (.*):\n`) {
		for c := p.take(`\tip: /(.*) sessionId: 0x(.*)\n`); c != nil; c = p.take(`\tip: /(.*) sessionId: 0x(.*)\n`) {
			f.connections = append(f.connections, Connection{Remote: netip.MustParseAddrPort(c[1]),
				Session: proto.SessionID(p.int(c[2], 16)), Expires: p.date(m[1])})
		}
	}
}

// watches reads what is listed under the paths of wchp.
func (p *parser) watches(f *fake) {
	for m := p.take(`(/.*)\n`); m != nil; m = p.take(`(/.*)\n`) {
		f.watches = append(f.watches, Watch{m[1], p.sessions()})
	}
	p.must(`\n`)
}

// watchers reads what is listed under the sessions of wchc, one at most.
func (p *parser) watchers(f *fake) {
	id := proto.SessionID(p.int(p.must(`0x(.*)\n`)[1], 16))
	for m := p.take(`\t(/.*)\n`); m != nil; m = p.take(`\t(/.*)\n`) {
		f.watches = append(f.watches, Watch{m[1], []proto.SessionID{id}})
	}
	p.must(`\n`)
}

func (p *parser) environment(f *fake) {
	p.must(`Environment:\n`)
	for m := p.take(`([^=\n]+)=(.*)\n`); m != nil; m = p.take(`([^=\n]+)=(.*)\n`) {
		f.environment = append(f.environment, [2]string{m[1], m[2]})
	}
}

func (p *parser) digests(f *fake) {
	for m := p.take(`([0-9a-f]+): (\d+)\n`); m != nil; m = p.take(`([0-9a-f]+): (\d+)\n`) {
		f.digests = append(f.digests, Digest{proto.Zxid(p.int(m[1], 16)), uint64(p.int(m[2], 10))})
	}
}

func (p *parser) dirs(f *fake) {
	m := p.must(`datadir_size: (\d+)\nlogdir_size: (\d+)\n`)
	f.data, f.logs = p.int(m[1], 10), p.int(m[2], 10)
}

func (p *parser) watchCounts(f *fake) {
	m := p.must(`(\d+) connections watching (\d+) paths\nTotal watches:(\d+)\n`)
	for i := range f.counts {
		f.counts[i] = int(p.int(m[i+1], 10))
	}
}

func (p *parser) readOnly(f *fake) {
	switch mode := p.must(`.*`)[0]; mode {
	case "rw", "ro", "null":
		f.summary.ReadOnly, f.down = mode == "ro", mode == "null"
	default:
		p.t.Fatalf("%s: %q", p.name, mode)
	}
}

// cons reads the connections and the empty line behind them.
func (p *parser) cons(f *fake) {
	f.connections = p.connections()
	p.must(`\n`)
}

// nothing is for words whose answer depends on nothing.
func (p *parser) nothing(*fake) { p.text = "" }
