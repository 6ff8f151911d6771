package auth

import (
	"slices"

	"gokeeper/server/proto"
)

var anyone = proto.Identity{Scheme: World, ID: "anyone"}

// Allows says whether the list grants perm, or any bit of it, to one of the
// identities. An empty list grants everything to everybody.
func (p *Policy) Allows(acl []proto.ACL, ids []proto.Identity, perm proto.Perm) bool {
	if p.SkipACL || len(acl) == 0 {
		return true
	}
	for i := range ids {
		if ids[i].Scheme == Super {
			return true
		}
	}
	for i := range acl {
		if acl[i].Perms&perm == 0 {
			continue
		}
		if acl[i].Identity == anyone {
			return true
		}
		for j := range ids {
			if ids[j].Scheme == acl[i].Scheme && p.matches(acl[i].ID, ids[j].ID, acl[i].Scheme) {
				return true
			}
		}
	}
	return false
}

// matches says whether an ACL id of the scheme names the identity.
func (p *Policy) matches(aclID, id, scheme string) bool {
	switch scheme {
	case Digest:
		return aclID == id
	case IP:
		return ipMatches(aclID, id)
	case X509:
		return p.X509 && (aclID == id || p.X509Super != "" && id == p.X509Super)
	case SASL:
		return p.SASL && (aclID == id || id == Super || p.AnySASL != "" && aclID == p.AnySASL)
	}
	return false
}

// Fix validates a list that a client sends and replaces the scheme auth by what the
// client is. The result has no exact duplicates among what was sent.
func (p *Policy) Fix(acl []proto.ACL, ids []proto.Identity) ([]proto.ACL, proto.Error) {
	unique := make([]proto.ACL, 0, len(acl))
	for i, a := range acl {
		if nullEqual(a, acl[:i]) {
			return nil, proto.MarshallingError
		}
		if !slices.Contains(unique, a) {
			unique = append(unique, a)
		}
	}
	if len(unique) == 0 {
		return nil, proto.InvalidACL
	}
	fixed := make([]proto.ACL, 0, len(unique))
	for _, a := range unique {
		if a.Scheme != Auth {
			if err := p.check(a.Identity); err != proto.OK {
				return nil, err
			}
			fixed = append(fixed, a)
			continue
		}
		n := len(fixed)
		for _, id := range ids {
			if p.provesWho(id.Scheme) {
				fixed = append(fixed, proto.ACL{Perms: a.Perms, Identity: id})
			}
		}
		if len(fixed) == n {
			return nil, proto.InvalidACL
		}
	}
	return fixed, proto.OK
}

// nullEqual says whether comparing an entry with those before it meets a null of its
// own, which Java cannot compare.
func nullEqual(a proto.ACL, before []proto.ACL) bool {
	for _, b := range before {
		switch {
		case a.Perms != b.Perms:
		case a.Scheme == proto.Null, a.Scheme == b.Scheme && a.ID == proto.Null:
			return true
		}
	}
	return false
}

// check says whether an ACL entry of a client may name the identity.
func (p *Policy) check(id proto.Identity) proto.Error {
	switch {
	case p.Valid(id):
		return proto.OK
	case id.ID == proto.Null && p.provides(id.Scheme):
		return proto.MarshallingError
	}
	return proto.InvalidACL
}

// provides says whether somebody looks at ids of the scheme.
func (p *Policy) provides(scheme string) bool {
	return scheme == World || scheme == IP || p.provesWho(scheme)
}

// provesWho says whether an identity of the scheme is somebody, rather than an address.
func (p *Policy) provesWho(scheme string) bool {
	switch scheme {
	case Digest:
		return !p.NoDigest
	case X509:
		return p.X509
	case SASL:
		return p.SASL
	}
	return false
}

// Valid says whether an ACL entry may name the identity.
func (p *Policy) Valid(id proto.Identity) bool {
	switch id.Scheme {
	case World:
		return id == anyone
	case Digest:
		return !p.NoDigest && validDigest(id.ID)
	case IP:
		_, ok := parsePrefix(id.ID)
		return ok
	case X509:
		return p.X509 && validName(id.ID)
	case SASL:
		return p.SASL && validPrincipal(id.ID)
	}
	return false
}

// MaskDigest returns the list with the secrets of digest ids replaced by x, as getACL
// shows it to who may not change it.
func MaskDigest(acl []proto.ACL) []proto.ACL {
	out := slices.Clone(acl)
	for i := range out {
		if out[i].Scheme == Digest {
			out[i].ID = UserName(out[i].Identity) + ":x"
		}
	}
	return out
}
