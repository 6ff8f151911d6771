package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gokeeper/server/proto"
)

func identity(text string) proto.Identity {
	scheme, id, _ := strings.Cut(text, ":")
	return proto.Identity{Scheme: scheme, ID: id}
}

func identities(texts ...string) []proto.Identity {
	var ids []proto.Identity
	for _, text := range texts {
		ids = append(ids, identity(text))
	}
	return ids
}

// entry reads PERMS:SCHEME:ID.
func entry(text string) proto.ACL {
	var perms proto.Perm
	_, _ = fmt.Sscan(text, &perms) // up to the colon
	_, rest, _ := strings.Cut(text, ":")
	return proto.ACL{Perms: perms, Identity: identity(rest)}
}

func list(texts ...string) []proto.ACL {
	var acl []proto.ACL
	for _, text := range texts {
		acl = append(acl, entry(text))
	}
	return acl
}

// The digests are Java's MessageDigest of super:admin and others.
func TestAuthenticate(t *testing.T) {
	const admin = "digest:super:xQJmxLMiHGwaqBvst5y6rkB6HQs="
	plain := Policy{}
	f := func(p Policy, scheme string, credentials []byte, want ...string) {
		t.Helper()
		got, err := p.Authenticate(scheme, credentials, netip.MustParseAddr("10.0.0.1"))
		if !slices.Equal(got, identities(want...)) || (err == proto.OK) != (want != nil) {
			t.Errorf("%s %q: got %q, %v, want %q", scheme, credentials, got, err, want)
		}
	}
	f(plain, "digest", []byte("super:admin"), admin)
	f(plain, "digest", []byte("bob:"), "digest:bob:tK1fpNO1hB0F++FhHpSq0Fa4tv0=")
	f(plain, "digest", []byte("x"), "digest:x:EfatjsUqKYSrqv18O1FlA3hcIHI=")
	f(plain, "digest", []byte{}, "digest::2jmj7l5rSw0yVb/vlWAYkK/YBwk=")
	f(plain, "digest", nil)
	f(plain, "digest", []byte("u😀\xe2\x82:p\xff"), "digest:u\xed\xa0\xbd\xed\xb8\x80\uFFFD:vrzg1DAhYUAN+ZAn2ALzXwvrJyk=")
	f(Policy{NoDigest: true}, "digest", []byte("super:admin"))
	f(Policy{DigestAlg: "sha-256"}, "digest", []byte("super:admin"), "digest:super:wtZw1Um4mq1rRKbXqxHs8ueodBP35/JhtBP/nwJ62WY=")
	f(Policy{SuperDigest: strings.TrimPrefix(admin, "digest:")}, "digest", []byte("super:admin"), "super:", admin)
	f(Policy{SuperDigest: strings.TrimPrefix(admin, "digest:")}, "digest", []byte("bob:"), "digest:bob:tK1fpNO1hB0F++FhHpSq0Fa4tv0=")
	f(plain, "ip", nil, "ip:10.0.0.1")
	for _, scheme := range []string{"", "world", "auth", "super", "x509", "sasl", "Digest"} {
		f(Policy{X509: true, SASL: true}, scheme, []byte("x"))
	}
}

// TestLoggedIn wants super users of SASL to be both.
func TestLoggedIn(t *testing.T) {
	p := Policy{SASL: true, SASLSupers: []string{"root", "admin"}}
	for user, want := range map[string][]proto.Identity{
		"bob": identities("sasl:bob"), "admin": identities("sasl:admin", "super:"), "super": identities("sasl:super"),
	} {
		if got := p.LoggedIn(user); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", user, got, want)
		}
	}
}

// TestEnsemble wants only a name that is another one refused, and no identity of any.
func TestEnsemble(t *testing.T) {
	f := func(p Policy, name string, want proto.Error) {
		t.Helper()
		if ids, err := p.Authenticate(Ensemble, []byte(name), netip.Addr{}); len(ids) != 0 || err != want {
			t.Errorf("%q of %q: %v, %v", name, p.Ensembles, ids, err)
		}
	}
	ours := Policy{Ensemble: true, Ensembles: []string{"x", "y"}}
	f(ours, "y", proto.OK)
	f(ours, "", proto.OK)
	f(ours, "z", proto.AuthFailed)
	f(Policy{Ensemble: true}, "z", proto.OK)
	f(Policy{Ensembles: []string{"x"}}, "x", proto.AuthFailed)
}

// TestValid holds what Java's providers accept, odd as it is.
func TestValid(t *testing.T) {
	all, plain := Policy{X509: true, SASL: true}, Policy{}
	f := func(p Policy, want bool, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if p.Valid(identity(text)) != want {
				t.Errorf("%q: valid is %v", text, !want)
			}
		}
	}
	f(plain, true, "world:anyone", "digest:a:b", "digest::b", "digest:a:b:", "digest:a:b::")
	f(plain, false, "world:", "world:Anyone", "digest:", "digest:x", "digest:a:", "digest::", "digest:a:b:c", "digest:::b")
	f(plain, true, "ip:1.2.3.4", "ip:0.0.0.0/0", "ip:10.0.0.0/32", "ip:010.+0.-0.00004/+08", "ip:::1", "ip:::/128", "ip:1:2:3:4:5:6:7:8/0",
		"ip:1:2:3:4:5:6:7::", "ip:FE80::0001/64")
	f(plain, false, "ip:", "ip:1.2.3", "ip:1.2.3.4.5", "ip:1.2..4", "ip:1.2.3.256", "ip:1.2.3.-1", "ip: 1.2.3.4", "ip:1.2.3.4/", "ip:1.2.3.4/33",
		"ip:1.2.3.4/-1", "ip:1.2.3.4/x", "ip:1.2.3.4/8/8", "ip:::1/129", "ip:::ffff:1.2.3.4", "ip:fe80::1%eth0", "ip:1::2::3", "ip:12345::", "ip:host")
	f(plain, false, "x509:CN=a", "sasl:a", "super:", "super:a", "auth:", ":", "Digest:a:b")
	f(all, true, "x509:", "x509:CN=a", "x509: cn =a, O=b+C=DEU; OU=", "x509:CN=", `x509:CN="a,b"`, `x509:CN=a\,b`, "x509:1.2.840=a", "x509:OID.1.2=a", "x509:DNQ=a")
	f(all, false, "x509: ", "x509:a", "x509:CN=a,b", "x509:CN=a,", "x509:=a", `x509:\`, "x509:SN=a", "x509:1=a", "x509:1.x=a", "x509:1..2=a", "x509:1.=a", "x509:,")
	f(all, true, "sasl:", "sasl:a", "sasl:a/host", "sasl:a@REALM", "sasl:a/host@REALM", "sasl:/", "sasl:a/b/c", "sasl:a b", "sasl:@", "sasl:a/@")
	f(all, false, "sasl:a@b@c", "sasl:a@b/c", "sasl:a/b/c@d", "sasl:a@@")
	f(Policy{NoDigest: true}, false, "digest:a:b")
}

func TestFix(t *testing.T) {
	f := func(p Policy, ids []proto.Identity, acl, want []proto.ACL) {
		t.Helper()
		got, err := p.Fix(acl, ids)
		if !slices.Equal(got, want) || (err == proto.OK) != (want != nil) || want == nil && err != proto.InvalidACL {
			t.Errorf("%q: got %q, %v, want %q", acl, got, err, want)
		}
	}
	plain, me := Policy{}, identities("ip:10.0.0.1", "digest:bob:pw", "super:", "sasl:bob")
	f(plain, me, nil, nil)
	f(plain, me, list("31:world:anyone", "1:digest:x"), nil)
	f(plain, me, list("1:world:anyone", "31:digest:a:b", "1:world:anyone", "2:world:anyone"), list("1:world:anyone", "31:digest:a:b", "2:world:anyone"))
	f(plain, me, list("0:world:anyone", "255:world:anyone"), list("0:world:anyone", "255:world:anyone"))
	f(plain, me, list("5:auth:whatever"), list("5:digest:bob:pw"))
	f(Policy{SASL: true}, me, list("5:auth:"), list("5:digest:bob:pw", "5:sasl:bob"))
	f(plain, me, list("5:digest:bob:pw", "5:auth:", "5:auth:x"), list("5:digest:bob:pw", "5:digest:bob:pw", "5:digest:bob:pw"))
	f(plain, me[:1], list("31:auth:"), nil)
	f(Policy{NoDigest: true}, me, list("31:auth:"), nil)
	f(plain, nil, list("31:world:anyone", "31:auth:"), nil)
	f(plain, me, list("31:super:"), nil)
	f(Policy{SkipACL: true}, me, list("31:digest:x"), nil)
}

func TestAllows(t *testing.T) {
	f := func(p Policy, who string, acl []proto.ACL, perm proto.Perm, want bool) {
		t.Helper()
		var ids []proto.Identity
		if who != "" {
			ids = identities("ip:10.0.0.1", who)
		}
		if got := p.Allows(acl, ids, perm); got != want {
			t.Errorf("%q, %q, %d: got %v", who, acl, perm, got)
		}
	}
	plain, mixed := Policy{}, list("1:world:anyone", "2:digest:bob:pw", "16:digest:bob:pw")
	f(plain, "", mixed, proto.PermRead, true)
	f(plain, "", mixed, proto.PermWrite, false)
	f(plain, "", mixed, proto.PermRead|proto.PermAdmin, true) // either does
	f(plain, "digest:bob:pw", mixed, proto.PermWrite, true)
	f(plain, "digest:bob:pw", mixed, proto.PermAdmin, true)
	f(plain, "digest:bob:pw", mixed, proto.PermDelete, false)
	f(plain, "digest:bob:PW", mixed, proto.PermWrite, false)
	f(plain, "sasl:bob:pw", mixed, proto.PermWrite, false)
	f(plain, "super:", list("0:world:anyone"), proto.PermAll, true)
	f(plain, "", nil, proto.PermAll, true)
	f(plain, "", list("31:digest:super:"), proto.PermAll, false)
	f(Policy{SkipACL: true}, "", list("0:world:anyone"), proto.PermAll, true)
	for acl, want := range map[string]bool{
		"10.0.0.1": true, "10.0.0.2": false, "10.0.0.2/31": false, "10.0.0.0/31": true, "10.255.0.0/8": true, "11.0.0.0/7": true,
		"010.000.+0.01": true, "0.0.0.0/0": true, "::/0": false, "::ffff:a00:1": false,
	} {
		f(plain, "ip:", list("31:ip:"+acl), proto.PermRead, want)
	}
	f(plain, "ip:0:0:0:0:0:0:0:1", list("31:ip:::1"), proto.PermRead, true)
	f(plain, "ip:fe80:0:0:0:1:0:0:1", list("31:ip:fe80::/64"), proto.PermRead, true)
	f(plain, "ip:fe80:0:0:1:1:0:0:1", list("31:ip:fe80::/64"), proto.PermRead, false)

	x509, sasl := Policy{X509: true, X509Super: "CN=root"}, Policy{SASL: true, AnySASL: "any"}
	f(x509, "x509:CN=a", list("31:x509:CN=a"), proto.PermRead, true)
	f(x509, "x509:CN=b", list("31:x509:CN=a"), proto.PermRead, false)
	f(x509, "x509:CN=root", list("31:x509:CN=a"), proto.PermRead, true)
	f(x509, "x509:CN=root", list("31:digest:a:b"), proto.PermRead, false)
	f(Policy{X509: true}, "x509:", list("31:x509:CN=a"), proto.PermRead, false)
	f(plain, "x509:CN=a", list("31:x509:CN=a"), proto.PermRead, false)
	f(sasl, "sasl:a", list("31:sasl:a"), proto.PermRead, true)
	f(sasl, "sasl:a", list("31:sasl:b"), proto.PermRead, false)
	f(sasl, "sasl:super", list("31:sasl:b"), proto.PermRead, true)
	f(sasl, "sasl:a", list("31:sasl:any"), proto.PermRead, true)
	f(Policy{SASL: true}, "sasl:a", list("31:sasl:"), proto.PermRead, false)
	f(plain, "sasl:a", list("31:sasl:a"), proto.PermRead, false)
}

func TestShown(t *testing.T) {
	before := list("1:digest:bob:secret", "2:digest::s", "4:ip:1.2.3.4", "8:sasl:bob:x")
	want := list("1:digest:bob:x", "2:digest::x", "4:ip:1.2.3.4", "8:sasl:bob:x")
	if got := MaskDigest(before); !slices.Equal(got, want) || before[0] != entry("1:digest:bob:secret") {
		t.Errorf("masked %q to %q", before, got)
	}
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "10.0.0.1", "::1": "0:0:0:0:0:0:0:1", "fe80::ab:1%eth0": "fe80:0:0:0:0:0:ab:1",
	} {
		if got := AddressText(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	p := Policy{Enforced: []string{"sasl", "x509"}}
	if none := (&Policy{}); !none.Satisfied(nil) || p.Satisfied(identities("ip:1", "digest:a:b")) || !p.Satisfied(identities("ip:1", "x509:CN=a")) {
		t.Error("enforced schemes are one of which must be there")
	}
}

// FuzzACL wants no id, whoever made it up, to do harm, and what is matched to be valid.
func FuzzACL(f *testing.F) {
	for _, id := range []string{"10.0.0.0/8", "::1/64", "a:b", `CN="a,b`, "a/b@C", `\`, "1.2.3.4/99999999999999999999"} {
		f.Add(id, "10.0.0.1")
	}
	f.Fuzz(func(t *testing.T, aclID, id string) {
		p := Policy{X509: true, SASL: true}
		for _, scheme := range []string{"world", "digest", "ip", "x509", "sasl", "auth"} {
			valid := p.Valid(proto.Identity{Scheme: scheme, ID: aclID})
			matched := p.Allows([]proto.ACL{{Perms: 1, Identity: proto.Identity{Scheme: scheme, ID: aclID}}}, []proto.Identity{{Scheme: scheme, ID: id}}, 1)
			if matched && !valid && (scheme == "ip" || scheme == "world") {
				t.Errorf("%s %q matches %q and is not valid", scheme, aclID, id)
			}
		}
		MaskDigest([]proto.ACL{{Identity: proto.Identity{Scheme: "digest", ID: aclID}}})
	})
}
