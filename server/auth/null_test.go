package auth

import (
	"testing"

	"gokeeper/server/proto"
)

// TestFixNull gives lists in which a client left out schemes and ids. Answers are those
// of Java 3.9.6; the client kazoo sends the id of auth as null.
func TestFixNull(t *testing.T) {
	entry := func(scheme, id string) proto.ACL {
		return proto.ACL{Perms: proto.PermAll, Identity: proto.Identity{Scheme: scheme, ID: id}}
	}
	me := []proto.Identity{{Scheme: IP, ID: "127.0.0.1"}, {Scheme: Digest, ID: "u:hash"}}
	null := entry(Auth, proto.Null)
	for _, c := range []struct {
		acl  []proto.ACL
		want proto.Error
	}{
		{[]proto.ACL{null}, proto.OK},
		{[]proto.ACL{null, null}, proto.MarshallingError},
		{[]proto.ACL{entry(Auth, ""), null}, proto.MarshallingError},
		{[]proto.ACL{null, entry(Auth, "")}, proto.OK},
		{[]proto.ACL{entry(World, proto.Null)}, proto.MarshallingError},
		{[]proto.ACL{entry(Digest, proto.Null)}, proto.MarshallingError},
		{[]proto.ACL{entry(IP, proto.Null)}, proto.MarshallingError},
		{[]proto.ACL{entry(X509, proto.Null)}, proto.InvalidACL},
		{[]proto.ACL{entry("foo", proto.Null)}, proto.InvalidACL},
		{[]proto.ACL{entry(proto.Null, proto.Null)}, proto.InvalidACL},
		{[]proto.ACL{entry(World, "anyone"), entry(proto.Null, "x")}, proto.MarshallingError},
	} {
		var p Policy
		got, err := p.Fix(c.acl, me)
		if err != c.want {
			t.Errorf("%q: %v, want %v", c.acl, err, c.want)
		}
		for _, a := range got {
			if a.Identity != me[1] {
				t.Errorf("%q becomes %q", c.acl, got)
			}
		}
	}
}
