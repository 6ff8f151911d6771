package audit

import (
	"slices"
	"testing"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

func TestUsers(t *testing.T) {
	f := func(names, ip string, ids ...proto.Identity) {
		t.Helper()
		if gotNames, gotIP := users(ids); gotNames != names || gotIP != ip {
			t.Errorf("%v: got %q and %q, want %q and %q", ids, gotNames, gotIP, names, ip)
		}
	}
	ip := proto.Identity{Scheme: "ip", ID: "10.0.0.1"}
	bob := proto.Identity{Scheme: "digest", ID: "bob:secret"}
	f("", "")
	f("10.0.0.1", "10.0.0.1", ip)
	f("bob,10.0.0.1", "10.0.0.1", ip, bob)
	f("bob,10.0.0.1", "10.0.0.1", ip, bob, proto.Identity{Scheme: "digest", ID: "bob:other"})
	f("super,10.0.0.1", "10.0.0.1", ip, proto.Identity{Scheme: "super"}, proto.Identity{Scheme: "digest", ID: "super:x"})
	f("cn=x", "", proto.Identity{Scheme: "x509", ID: "cn=x"})
}

func TestACLText(t *testing.T) {
	acl := []proto.ACL{{Perms: proto.PermAll, Identity: proto.Identity{Scheme: "world", ID: "anyone"}},
		{Perms: proto.PermWrite | proto.PermCreate, Identity: proto.Identity{Scheme: "digest", ID: "a:b"}}}
	if got, want := aclText(acl), "world:anyone:cdrwadigest:a:b:cw"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestKept is about what is no change, and what cannot be decoded.
func TestKept(t *testing.T) {
	f := func(op proto.Op, body []byte, x txn.Body, want ...string) {
		t.Helper()
		r := Request{Op: op, Body: body, Txn: &txn.Txn{Body: x}}
		var got []string
		for _, k := range r.Records() {
			got = append(got, k.Operation+" "+k.Znode+" "+k.Result)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", op, got, want)
		}
	}
	f(proto.OpCloseSession, nil, &txn.CloseSession{})
	f(proto.OpSync, nil, nil)
	f(proto.OpDelete, []byte{0, 0, 0, 9}, &txn.Error{Code: proto.MarshallingError}, "delete  failure")
	f(proto.OpMulti, nil, &txn.Multi{})
	f(proto.OpMulti, nil, &txn.Error{Code: proto.MarshallingError}, "multiOperation  failure")
	f(proto.OpReconfig, nil, &txn.SetData{}, "reconfig  success")
}
