package toolkit

import (
	"fmt"
	"strconv"
	"time"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
)

// Line returns a transaction as TxnLogToolkit prints it, with the time in the zone. A
// list of ACLs has line breaks in it, as in Java.
func Line(t *txn.Txn, zone *time.Location) string {
	b := fmt.Appendf(nil, "%s session 0x%x cxid 0x%x zxid 0x%x %s", date(t.Time, shortDate, zone),
		uint64(t.Session), uint32(t.Cxid), uint64(t.Zxid), t.Type)
	if c, ok := t.Body.(*txn.CloseSession); ok && c.NoPaths {
		return string(b)
	}
	return string(appendBody(append(b, ' '), t.Body))
}

// appendBody appends what stands behind the name of the operation.
func appendBody(b []byte, body txn.Body) []byte {
	switch x := body.(type) {
	case *txn.Create:
		return appendCreate(b, x)
	case *txn.SetData:
		b = append(append(b, x.Path...), ',')
		return appendNumber(append(appendText(b, x.Data), ','), int64(x.Version))
	case *txn.Delete:
		return append(append(b, '\''), x.Path...)
	case *txn.SetACL:
		return appendSetACL(b, x)
	case *txn.Check:
		return appendNumber(append(append(append(b, '\''), x.Path...), ','), int64(x.Version))
	case *txn.CreateSession:
		return appendNumber(b, int64(x.Timeout))
	case *txn.CloseSession:
		b = append(b, "v{"...)
		for i, p := range x.Paths {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, '\''), p...)
		}
		return append(b, '}')
	case *txn.Error:
		return appendNumber(b, int64(x.Code))
	case *txn.Multi:
		return appendMulti(b, x)
	}
	return b
}

func appendNumber(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func appendCreate(b []byte, c *txn.Create) []byte {
	b = append(append(b, c.Path...), ',')
	b = append(appendText(b, c.Data), ",["...)
	for i, a := range c.ACL {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, "%d,s{'%s,'%s}\n", a.Perms, a.Scheme, a.ID)
	}
	b = append(b, "],"...)
	if c.Type == proto.OpCreate || c.Type == proto.OpCreate2 {
		b = append(strconv.AppendBool(b, c.Ephemeral), ',')
	}
	b = appendNumber(b, int64(c.ParentCversion))
	if c.Type == proto.OpCreateTTL {
		b = appendNumber(append(b, ','), c.TTL)
	}
	return b
}

// appendSetACL shows the record as Java's generated classes do.
func appendSetACL(b []byte, s *txn.SetACL) []byte {
	b = append(append(append(b, '\''), s.Path...), ",v{"...)
	for i, a := range s.ACL {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "s{%d,s{'%s,'%s}}", a.Perms, a.Scheme, a.ID)
	}
	return appendNumber(append(b, "},"...), int64(s.Version))
}

// appendMulti shows the operations' bytes as they are.
func appendMulti(b []byte, m *txn.Multi) []byte {
	for i, op := range m.Ops {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(append(b, op.Type.String()...), ':')
		b = appendText(b, op.Body.Append(nil))
	}
	return b
}
