package auth

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// errSubject says that a name in a certificate cannot be read.
var errSubject = errors.New("not a distinguished name")

// attribute is one part of a distinguished name as it is encoded.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// keywords are the names of attributes in RFC 2253; others are told by number, and their
// values by their encoding.
var keywords = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// texts are the tags of values that Java takes for text, which it reads as UTF-8 whatever
// the tag says.
var texts = map[int]bool{
	asn1.TagUTF8String: true, asn1.TagPrintableString: true, asn1.TagT61String: true, asn1.TagIA5String: true,
	asn1.TagGeneralString: true, 28: true, asn1.TagBMPString: true, // 28: UniversalString
}

// SubjectName returns the name in a certificate as Java's X500Principal.getName writes it:
// RFC 2253, last part first. It is the id of scheme x509.
func SubjectName(raw []byte) (string, error) {
	var rdns []asn1.RawValue
	if rest, err := asn1.Unmarshal(raw, &rdns); err != nil || len(rest) > 0 {
		return "", errSubject
	}
	var parts []string
	for i := len(rdns) - 1; i >= 0; i-- {
		var set []attribute
		if rest, err := asn1.UnmarshalWithParams(rdns[i].FullBytes, &set, "set"); err != nil || len(rest) > 0 {
			return "", fmt.Errorf("%w: %w", errSubject, err)
		}
		var plus []string
		for _, a := range set {
			plus = append(plus, a.text())
		}
		parts = append(parts, strings.Join(plus, "+"))
	}
	return strings.Join(parts, ","), nil
}

func (a *attribute) text() string {
	name, known := keywords[a.Type.String()]
	if !known || !texts[a.Value.Tag] {
		if !known {
			name = a.Type.String()
		}
		return name + "=#" + hex.EncodeToString(a.Value.FullBytes)
	}
	return name + "=" + escapeValue(jute.JavaString(a.Value.Bytes))
}

// escapeValue escapes what has a meaning, spaces at either end, and null.
func escapeValue(s string) string {
	trimmed := strings.TrimLeft(s, " ")
	lead := len(s) - len(trimmed)
	trimmed = strings.TrimRight(trimmed, " ")
	trail := len(s) - lead - len(trimmed)
	var b strings.Builder
	b.WriteString(strings.Repeat(`\ `, lead))
	for i := range len(trimmed) {
		switch c := trimmed[i]; {
		case c == 0:
			b.WriteString(`\00`)
			continue
		case strings.IndexByte(",=+<>#;\"\\", c) >= 0:
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString(strings.Repeat(`\ `, trail))
	return b.String()
}

// Of returns the identities of a scheme.
func Of(ids []proto.Identity, scheme string) []proto.Identity {
	return slices.DeleteFunc(slices.Clone(ids), func(id proto.Identity) bool { return id.Scheme != scheme })
}

// Certified returns the identities of who has shown a certificate with this name.
func (p *Policy) Certified(name string) []proto.Identity {
	ids := []proto.Identity{{Scheme: X509, ID: name}}
	if p.X509Super != "" && name == p.X509Super {
		ids = append(ids, proto.Identity{Scheme: Super, ID: name})
	}
	return ids
}
