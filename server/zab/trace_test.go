package zab_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/txn"
	"gokeeper/server/zab"
)

// entry returns a transaction that is nothing but a header; mark tells those apart that
// two leaders give the same zxid.
func entry(zxid proto.Zxid, mark int64) zab.Entry {
	raw := jute.AppendLong(jute.AppendInt(jute.AppendLong(nil, mark), 0), int64(zxid))
	return zab.Entry{Zxid: zxid, Raw: jute.AppendInt(jute.AppendLong(raw, 0), -1)}
}

// ensemble returns a configuration with these members, some of which do not vote.
func ensemble(version int64, voters, observers []quorum.ServerID) quorum.Config {
	var b quorum.Builder
	add := func(ids []quorum.ServerID, role quorum.Role) {
		for _, id := range ids {
			if err := b.Set("server."+id.String(), fmt.Sprintf("h%d:2888:3888:%v", id, role)); err != nil {
				panic(err)
			}
		}
	}
	add(voters, quorum.Participant)
	add(observers, quorum.Observer)
	c, err := b.Config()
	if err != nil {
		panic(err)
	}
	return c.WithVersion(version)
}

// show prints a zxid as epoch:counter, both hexadecimal.
func show(z proto.Zxid) string {
	if z < 0 {
		return strconv.FormatInt(int64(z), 10)
	}
	return fmt.Sprintf("%x:%x", z.Epoch(), z.Counter())
}

// unshow reads what show prints.
func unshow(s string) proto.Zxid {
	if s == "-1" {
		return -1
	}
	e, c, ok := strings.Cut(s, ":")
	epoch, err1 := strconv.ParseInt(e, 16, 32)
	counter, err2 := strconv.ParseUint(c, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		panic(fmt.Sprintf("%q is no zxid", s))
	}
	return proto.NewZxid(epoch, uint32(counter))
}

func showEntries(entries []zab.Entry) string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = show(e.Zxid)
	}
	return strings.Join(out, " ")
}

// showPacket prints the type, the zxid, and what there is to say of the data.
func showPacket(p zab.Packet) string {
	s := p.Type.String() + " " + show(p.Zxid)
	d := jute.NewDecoder(p.Data)
	switch p.Type {
	case zab.FollowerInfo, zab.ObserverInfo:
		i, err := zab.ParseInfo(p.Data)
		if err != nil {
			panic(err)
		}
		s += fmt.Sprintf(" server %v", i.Server)
	case zab.AckEpoch:
		s += fmt.Sprintf(" epoch %d", d.Int())
	case zab.CommitAndActivate, zab.InformAndActivate:
		s += fmt.Sprintf(" leader %d", d.Long())
	case zab.NewLeader:
		if c, err := quorum.Parse(string(p.Data)); err == nil && c.Version > 1 {
			s += " " + showConfig(c)
		}
	}
	return s
}

func showPackets(packets []zab.Packet) string {
	out := make([]string, len(packets))
	for i, p := range packets {
		out[i] = showPacket(p)
	}
	return strings.Join(out, ", ")
}

// showAction prints an action in one line.
func showAction(a zab.Action) string {
	switch a := a.(type) {
	case zab.Send:
		if a.To == nil {
			return "send " + showPackets(a.Packets)
		}
		return strings.Trim(fmt.Sprint(a.To), "[]") + "← " + showPackets(a.Packets)
	case zab.StoreAccepted:
		return fmt.Sprintf("accepted epoch %d is durable", a.Epoch)
	case zab.StoreCurrent:
		return fmt.Sprintf("current epoch %d is durable", a.Epoch)
	case zab.Decided:
		return "decided " + show(a.Zxid)
	case zab.Seen:
		return "last seen " + showConfig(a.Config) + " is durable"
	case zab.Activate:
		s := "activate " + showConfig(a.Config) + " behind " + show(a.Zxid)
		if a.Designated {
			s += fmt.Sprintf(", %v leads", a.Leader)
		}
		return s
	case zab.Serve:
		return fmt.Sprintf("serve epoch %d", a.Epoch)
	case zab.Stop:
		return fmt.Sprintf("stop: %v", a.Reason)
	case zab.Bring:
		return fmt.Sprintf("%d← bring server %v from %s: %s", a.Link, a.Server, show(a.Peer), showPlan(a.Plan))
	case zab.Received:
		return fmt.Sprintf("%d→ %s", a.Link, showPacket(a.Packet))
	case zab.Close:
		return fmt.Sprintf("%d× %v", a.Link, a.Reason)
	case zab.Install:
		return "install the snapshot of " + show(a.Zxid)
	case zab.Truncate:
		return "truncate behind " + show(a.Zxid)
	case zab.Apply:
		return "apply " + showEntries(a.Entries)
	case zab.Save:
		return "save a snapshot"
	case zab.Log:
		return "log " + showEntries(a.Entries)
	case zab.Answered:
		return "answered " + showPacket(a.Packet)
	case zab.Pinged:
		return "pinged " + show(a.Zxid)
	}
	return fmt.Sprintf("%T %v", a, a)
}

// showConfig prints the version and the members, observers in parentheses.
func showConfig(c quorum.Config) string {
	var members []string
	for _, m := range c.Members {
		s := m.ID.String()
		if m.Role == quorum.Observer {
			s = "(" + s + ")"
		}
		members = append(members, s)
	}
	return show(proto.Zxid(c.Version)) + "=" + strings.Join(members, ",")
}

// reconfiguration returns the transaction that proposes a configuration of that version.
func reconfiguration(zxid proto.Zxid, f fields) zab.Entry {
	c := ensemble(int64(zxid), f.servers("voters"), f.servers("observers"))
	x := txn.Txn{Header: txn.Header{Zxid: zxid, Type: proto.OpReconfig}}
	x.Body = &txn.SetData{Path: proto.PathConfig, Data: []byte(c.String()), Version: -1}
	return zab.Entry{Zxid: zxid, Raw: x.Append(nil)}
}

func showPlan(p zab.Plan) string {
	s := strings.TrimSpace(fmt.Sprintf("%v %s %s", p.Op, show(p.Zxid), showEntries(p.Entries)))
	if p.Op == zab.Snap {
		s = strings.TrimSpace("SNAP " + showEntries(p.Entries))
	}
	if p.Disk {
		s += " or from disk up to " + showEntries(p.Window)
	}
	return s
}

// fields are the words name=value of a script's command.
type fields map[string]string

func (f fields) zxid(name string) proto.Zxid {
	if s, ok := f[name]; ok {
		return unshow(s)
	}
	return 0
}

func (f fields) number(name string, otherwise int64) int64 {
	s, ok := f[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (f fields) servers(name string) []quorum.ServerID {
	var ids []quorum.ServerID
	for s := range strings.SplitSeq(f[name], ",") {
		if s == "" {
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			panic(err)
		}
		ids = append(ids, quorum.ServerID(n))
	}
	return ids
}

// entries reads zxids and ranges of them: 1:1-1:5,2:1.
func entries(s string) []zab.Entry {
	var out []zab.Entry
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue
		}
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		for z := unshow(from); z <= unshow(to); z++ {
			out = append(out, entry(z, 0))
		}
	}
	return slices.Clip(out)
}
