package integration

import "strings"

func (g generator) write() action {
	switch g.IntN(13) {
	case 0, 1, 2:
		return action{op: opDelete, body: g.changed().i32(g.version())}
	case 3, 4:
		return action{op: opSetData, body: g.changed().buf(g.data()).i32(g.version())}
	case 5:
		return action{op: opSetACL, body: append(g.changed(), g.acl()...).i32(g.version())}
	case 6, 7:
		return g.multi()
	case 8:
		return g.quota()
	}
	p := g.create(true)
	return action{op: p.op, body: p.body}
}

// create makes a create of any kind; odd ones only if they are allowed.
func (g generator) create(odd bool) part {
	op := pick[int32](g, opCreate, opCreate, opCreate, opCreate2, opCreate2, opCreateContainer, opCreateTTL)
	path := g.path()
	flags := pick[int32](g, persistent, persistent, persistent, ephemeral, ephemeral, persistentSequential, ephemeralSequential)
	ttl := pick[int64](g, 1<<40-1, 3600000)
	odd = odd && g.one(12)
	switch {
	case op == opCreateTTL && odd:
		flags, ttl = pick[int32](g, 0, 1, 4, 7, 5, 6), pick[int64](g, 0, 1<<40, 1<<62)
	case op == opCreateTTL:
		flags = pick[int32](g, withTTL, sequentialWithTTL)
	case op == opCreateContainer && odd:
		flags = pick[int32](g, 5, 6, 7, -1)
	case op == opCreateContainer:
		flags = container
	case odd:
		flags = pick[int32](g, 5, 6, 7, -1, 100)
	}
	sequential := flags == persistentSequential || flags == ephemeralSequential || flags == sequentialWithTTL
	if sequential && !g.one(4) {
		path = strings.TrimSuffix(path, "/") + pick(g, "-", "/")
	}
	name := out(nil).str(path)
	if odd && !g.members && g.one(4) {
		name = out(nil).null()
	}
	body := append(name.buf(g.data()), g.acl()...).i32(flags)
	if op == opCreateTTL {
		body = body.i64(ttl)
	}
	return part{op, body}
}

func (g generator) multi() action {
	var parts []part
	for range pick(g, 0, 1, 2, 2, 3, 3, 4, 12) {
		parts = append(parts, g.partOfMulti())
	}
	if g.one(20) && !g.local {
		parts = append(parts, pick(g, part{opGetData, watched(g.path(), false)}, part{opExists, watched(g.path(), false)},
			part{opSetACL, append(out(nil).str("/a").acl(open), 0, 0, 0, 0)}, part{opDeleteContainer, out(nil).str("/a")}, part{opReconfig, nil},
			part{99, nil}, part{opMulti, nil}, part{opCloseSession, nil}, part{0, nil}))
	}
	return action{op: opMulti, body: multi(parts...)}
}

func (g generator) partOfMulti() part {
	switch g.IntN(6) {
	case 0:
		return part{opDelete, g.changed().i32(g.version())}
	case 1:
		return part{opSetData, g.changed().buf(g.data()).i32(g.version())}
	case 2:
		return part{opCheck, g.changed().i32(g.version())}
	case 3: // one that succeeds, so that the others matter
		return part{opCheck, at(pick(g, "/", "/zookeeper"), pick[int32](g, -1, 0))}
	}
	return g.create(!g.members && g.one(5))
}

// quota makes, changes or removes the nodes of a quota.
func (g generator) quota() action {
	base := "/zookeeper/quota" + pick(g, "/a", "/a", "/b", "/a/b")
	path := base + pick(g, "", "/zookeeper_limits", "/zookeeper_limits", "/zookeeper_stats", "/zookeeper_stats")
	text := pick(g, "count=5,bytes=100", "count=-1,bytes=-1", "count=2,bytes=-1=;byteHardLimit=60;countHardLimit=3", "count=0,bytes=0",
		"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=-1", "countHardLimit=1", "bytes=10,count=1", "count=3;other=5,", "")
	if strings.HasSuffix(path, "limits") && g.one(10) {
		text = pick(g, "count=many", "count", ";count=1", "bytes==", "\xff")
	}
	switch g.IntN(8) {
	case 0:
		return action{op: opDelete, body: at(path, -1)}
	case 1, 2:
		return action{op: opSetData, body: setData(path, []byte(text), -1)}
	case 3:
		return action{op: opGetData, body: watched(path, g.one(2))}
	case 4:
		return action{op: opCreate, body: create(path, []byte(text), open, persistent)}
	}
	parts := []part{{opCreate, create(base, nil, open, persistent)}, {opCreate, create(base+"/zookeeper_limits", []byte(text), open, persistent)},
		{opCreate, create(base+"/zookeeper_stats", []byte("count=0,bytes=0"), open, persistent)}}
	return action{op: opMulti, body: multi(parts[pick(g, 0, 0, 0, 1):]...)}
}
