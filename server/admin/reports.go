package admin

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/auth"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
)

func (c *Commands) srvr([]byte) string {
	s := c.source.Summary()
	return head(&s) + figures(&s)
}

func (c *Commands) stat([]byte) string {
	s := c.source.Summary()
	var b strings.Builder
	b.WriteString(head(&s))
	b.WriteString("Clients:\n")
	for _, x := range c.connectionsOf(c.secure) {
		b.WriteString(" " + remote(&x) + counts(&x) + ")\n")
	}
	b.WriteString("\n" + figures(&s))
	return b.String()
}

func head(s *Summary) string {
	out := "Zookeeper version: " + s.Version + "\n"
	if s.ReadOnly {
		out += "READ-ONLY mode; serving only read-only clients\n"
	}
	return out
}

func figures(s *Summary) string {
	out := fmt.Sprintf("Latency min/avg/max: %d/%s/%d\nReceived: %d\nSent: %d\nConnections: %d\nOutstanding: %d\n"+
		"Zxid: %v\nMode: %s\nNode count: %d\n", s.MinLatency, metrics.Average(s.AvgLatency), s.MaxLatency,
		s.Received, s.Sent, s.Connections, s.Outstanding, s.Zxid, s.Mode, s.Nodes)
	if p := s.Proposals; p != nil {
		out += fmt.Sprintf("Proposal sizes last/min/max: %d/%d/%d\n", p.Last, p.Min, p.Max)
	}
	return out
}

// remote is the address as Java prints a socket's.
func remote(c *Connection) string { return "/" + address(c.Remote) }

// address is the same without the slash, as the admin server has it.
func address(a netip.AddrPort) string {
	host := auth.AddressText(a.Addr())
	if a.Addr().Unmap().Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(a.Port()))
}

func counts(c *Connection) string {
	return fmt.Sprintf("[%x](queued=%d,recved=%d,sent=%d", c.Interest, c.Queued, c.Received, c.Sent)
}

// opNames are the short names of cons.
var opNames = map[proto.Op]string{
	proto.OpNotification: "NA", proto.OpPing: "PING", proto.OpCreateSession: "SESS", proto.OpMulti: "MULT",
	proto.OpMultiRead: "MLTR", proto.OpCreate: "CREA", proto.OpCreate2: "CREA", proto.OpCreateContainer: "CREA",
	proto.OpCreateTTL: "CREA", proto.OpDelete: "DELE", proto.OpSetData: "SETD", proto.OpReconfig: "RECO",
	proto.OpSetACL: "SETA", proto.OpCloseSession: "CLOS", proto.OpSync: "SYNC", proto.OpCheck: "CHEC",
	proto.OpExists: "EXIS", proto.OpGetData: "GETD", proto.OpSetWatches: "SETW", proto.OpSetWatches2: "STW2",
	proto.OpAddWatch: "ADDW", proto.OpGetACL: "GETA", proto.OpGetChildren: "GETC", proto.OpGetChildren2: "GETC",
	proto.OpGetAllChildrenNumber: "GETACN", proto.OpCheckWatches: "CHKW", proto.OpRemoveWatches: "REMW",
	proto.OpWhoAmI: "HOMI", proto.OpGetEphemerals: "GETE",
}

func (c *Commands) cons([]byte) string {
	var b strings.Builder
	for _, c := range c.connectionsOf(c.secure) {
		b.WriteString(" " + remote(&c) + counts(&c))
		if c.Session != 0 {
			fmt.Fprintf(&b, ",sid=%v,lop=%s,est=%d,to=%d", c.Session, opNames[c.LastOp], c.Established.UnixMilli(), c.Timeout)
			if c.LastCxid >= 0 {
				fmt.Fprintf(&b, ",lcxid=0x%x", c.LastCxid)
			}
			fmt.Fprintf(&b, ",lzxid=%v,lresp=%d,llat=%d,minlat=%d,avglat=%d,maxlat=%d",
				c.LastZxid, c.LastResponse, c.LastLatency, c.MinLatency, c.AvgLatency, c.MaxLatency)
		}
		b.WriteString(")\n")
	}
	return b.String() + "\n"
}

func (c *Commands) conf([]byte) string {
	f := c.source.Conf()
	data, logs := c.source.Sizes()
	out := fmt.Sprintf("clientPort=%d\nsecureClientPort=%d\ndataDir=%s\ndataDirSize=%d\ndataLogDir=%s\ndataLogSize=%d\n"+
		"tickTime=%d\nmaxClientCnxns=%d\nminSessionTimeout=%d\nmaxSessionTimeout=%d\nclientPortListenBacklog=%d\nserverId=%d\n",
		orNone(f.ClientPort), orNone(f.SecureClientPort), f.DataDir, data, f.LogDir, logs, f.Tick.Milliseconds(),
		f.MaxPerAddress, f.MinTimeout.Milliseconds(), f.MaxTimeout.Milliseconds(), f.Backlog, f.ServerID)
	m := f.Member
	if m == nil {
		return out
	}
	role := 0
	if m.Observer {
		role = 1
	}
	out += fmt.Sprintf("initLimit=%d\nsyncLimit=%d\nelectionAlg=3\nelectionPort=%s\nquorumPort=%s\npeerType=%d\n",
		m.InitLimit, m.SyncLimit, m.ElectionPort, m.QuorumPort, role)
	if m.Membership == nil {
		return out
	}
	return out + "membership: \n" + strings.Join(m.Membership, "\n") + fmt.Sprintf("\nversion=%x", m.Version)
}

func orNone(port int) int {
	if port == 0 {
		return -1
	}
	return port
}

func (c *Commands) dump([]byte) string {
	var b strings.Builder
	b.WriteString("SessionTracker dump:\n")
	t := c.source.Tracker()
	if t.HasLocal {
		writeSets(&b, "Local Session Sets", t.Local)
	}
	switch {
	case t.TracksGlobal && t.HasLocal:
		writeSets(&b, "Global Session Sets", t.Buckets)
	case t.TracksGlobal:
		writeSets(&b, "Session Sets", t.Buckets)
	default:
		fmt.Fprintf(&b, "Global Sessions(%d):\n", len(t.Global))
		for _, s := range t.Global {
			fmt.Fprintf(&b, "%v\t%dms\n", s.Session, s.Milliseconds)
		}
	}
	owners := c.source.Ephemerals()
	fmt.Fprintf(&b, "ephemeral nodes dump:\nSessions with Ephemerals (%d):\n", len(owners))
	for _, o := range owners {
		fmt.Fprintf(&b, "%v:\n", o.Session)
		for _, p := range o.Paths {
			b.WriteString("\t" + p + "\n")
		}
	}
	b.WriteString("Connections dump:\n")
	c.writeConnections(&b)
	return b.String()
}

// writeSets writes buckets: their number and that of all sessions, then each.
func writeSets(b *strings.Builder, title string, buckets []Bucket) {
	total := 0
	for _, x := range buckets {
		total += len(x.Sessions)
	}
	fmt.Fprintf(b, "%s (%d)/(%d):\n", title, len(buckets), total)
	for _, x := range buckets {
		fmt.Fprintf(b, "%d expire at %s:\n", len(x.Sessions), javaDate(x.At))
		for _, id := range x.Sessions {
			fmt.Fprintf(b, "\t%v\n", id)
		}
	}
}

// javaDate is java.util.Date's text.
func javaDate(t time.Time) string { return t.Format("Mon Jan 02 15:04:05 MST 2006") }

// writeConnections writes the connections by the time at which they would be closed.
func (c *Commands) writeConnections(b *strings.Builder) {
	conns := c.connectionsOf(c.secure)
	slices.SortStableFunc(conns, func(x, y Connection) int {
		return cmp.Or(x.Expires.Compare(y.Expires), cmp.Compare(y.Session, x.Session))
	})
	var sets [][]Connection
	for i, c := range conns {
		if i == 0 || !c.Expires.Equal(conns[i-1].Expires) {
			sets = append(sets, nil)
		}
		sets[len(sets)-1] = append(sets[len(sets)-1], c)
	}
	fmt.Fprintf(b, "Connections Sets (%d)/(%d):\n", len(sets), len(conns))
	for _, set := range sets {
		fmt.Fprintf(b, "%d expire at %s:\n", len(set), javaDate(set[0].Expires))
		for _, c := range set {
			fmt.Fprintf(b, "\tip: %s sessionId: %v\n", remote(&c), c.Session)
		}
	}
}

func (c *Commands) wchs([]byte) string {
	connections, paths, watches := c.source.WatchCounts()
	return fmt.Sprintf("%d connections watching %d paths\nTotal watches:%d\n", connections, paths, watches)
}

func (c *Commands) wchp([]byte) string {
	var b strings.Builder
	for _, x := range c.source.Watches() {
		b.WriteString(x.Path + "\n")
		for _, id := range x.Sessions {
			fmt.Fprintf(&b, "\t%v\n", id)
		}
	}
	return b.String() + "\n"
}

func (c *Commands) wchc([]byte) string {
	order, paths := bySession(c.source.Watches())
	var b strings.Builder
	for _, id := range order {
		fmt.Fprintf(&b, "%v\n", id)
		for _, p := range paths[id] {
			b.WriteString("\t" + p + "\n")
		}
	}
	return b.String() + "\n"
}

// bySession turns watches by path into paths by session, and returns the sessions in
// order.
func bySession(watches []Watch) (order []proto.SessionID, paths map[proto.SessionID][]string) {
	paths = map[proto.SessionID][]string{}
	for _, x := range watches {
		for _, id := range x.Sessions {
			if paths[id] == nil {
				order = append(order, id)
			}
			paths[id] = append(paths[id], x.Path)
		}
	}
	slices.Sort(order)
	return order, paths
}
