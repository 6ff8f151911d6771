package sim

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"

	"gokeeper/server/auth"
	"gokeeper/server/proto"
)

// Who clients are and what that permits, written anew and simpler than package auth.

var anyone = proto.Identity{Scheme: auth.World, ID: "anyone"}

// secrets are the credentials that clients may have: users, and who may do everything.
var (
	secrets     = []string{"ann:a", "bob:b"}
	superSecret = "super:s"
)

// identity returns who somebody with the credentials is.
func identity(secret string) proto.Identity {
	user, _, _ := strings.Cut(secret, ":")
	sum := sha1.Sum([]byte(secret))
	return proto.Identity{Scheme: auth.Digest, ID: user + ":" + base64.StdEncoding.EncodeToString(sum[:])}
}

// proven returns the identities that credentials give.
func proven(secret string) []proto.Identity {
	if secret == superSecret {
		return []proto.Identity{{Scheme: auth.Super}, identity(secret)}
	}
	return []proto.Identity{identity(secret)}
}

// policy is that of all servers.
func policy() *auth.Policy { return &auth.Policy{SuperDigest: identity(superSecret).ID} }

// allows says whether a list permits one of the kinds of access to somebody.
func allows(acl []proto.ACL, ids []proto.Identity, perm proto.Perm) bool {
	return len(acl) == 0 || slices.ContainsFunc(ids, func(id proto.Identity) bool { return id.Scheme == auth.Super }) ||
		slices.ContainsFunc(acl, func(a proto.ACL) bool {
			return a.Perms&perm != 0 && (a.Identity == anyone || slices.Contains(ids, a.Identity))
		})
}

// fix returns the list that a node gets, or why it gets none.
func fix(acl []proto.ACL, ids []proto.Identity) ([]proto.ACL, proto.Error) {
	var fixed []proto.ACL
	for _, a := range acl {
		switch a.Scheme {
		case auth.World, auth.Digest, auth.IP:
			fixed = append(fixed, a)
		case auth.Auth:
			for _, id := range ids {
				if id.Scheme == auth.Digest {
					fixed = append(fixed, proto.ACL{Perms: a.Perms, Identity: id})
				}
			}
		default:
			return nil, proto.InvalidACL
		}
	}
	if len(fixed) == 0 {
		return nil, proto.InvalidACL
	}
	return fixed, proto.OK
}

// masked is a list as somebody sees it who may not change it.
func masked(acl []proto.ACL) []proto.ACL {
	acl = slices.Clone(acl)
	for i, a := range acl {
		if a.Scheme == auth.Digest {
			user, _, _ := strings.Cut(a.ID, ":")
			acl[i].ID = user + ":x"
		}
	}
	return acl
}

// acl draws a list for a node, most often one that permits everything.
func (c *client) acl() []proto.ACL {
	grant := func(perms proto.Perm, scheme, id string) proto.ACL {
		return proto.ACL{Perms: perms, Identity: proto.Identity{Scheme: scheme, ID: id}}
	}
	switch c.IntN(14) {
	case 0:
		return []proto.ACL{grant(proto.PermAll, auth.Auth, "")}
	case 1:
		return []proto.ACL{{Perms: proto.PermAll, Identity: identity(secrets[c.IntN(len(secrets))])}}
	case 2:
		return []proto.ACL{{Perms: proto.PermRead, Identity: anyone}, {Perms: proto.PermAll, Identity: identity(secrets[0])}}
	case 3: // several that differ and permit everything
		return append(proto.OpenACL(), grant(proto.PermAll, auth.IP, "10.0.0."+string(rune('1'+c.IntN(5)))))
	case 4:
		return []proto.ACL{grant(proto.PermAll, auth.IP, c.address())}
	case 5:
		return []proto.ACL{grant(proto.PermAll&^proto.PermRead, auth.World, anyone.ID)}
	case 6:
		if c.chance(3) {
			return []proto.ACL{grant(proto.PermAll, "nobody", "x")}
		}
	}
	return proto.OpenACL()
}
