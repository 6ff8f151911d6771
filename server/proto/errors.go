package proto

import (
	"errors"
	"fmt"
)

// Error is an error code of the protocol, an ordinary outcome of a request. The
// zero value is success. Codes that a Java server never sends are left out.
type Error int32

// Error codes.
const (
	OK                       Error = 0
	RuntimeInconsistency     Error = -2 // result of an operation behind the failed one of a multi
	MarshallingError         Error = -5 // the record cannot be decoded
	Unimplemented            Error = -6 // unknown operation
	BadArguments             Error = -8 // invalid path, flags or TTL
	UnknownSession           Error = -12
	NewConfigNoQuorum        Error = -13
	ReconfigInProgress       Error = -14
	NoNode                   Error = -101
	NoAuth                   Error = -102
	BadVersion               Error = -103
	NoChildrenForEphemerals  Error = -108
	NodeExists               Error = -110
	NotEmpty                 Error = -111
	SessionExpired           Error = -112
	InvalidACL               Error = -114
	AuthFailed               Error = -115
	SessionMoved             Error = -118 // never sent: the connection is closed instead
	NotReadOnly              Error = -119
	EphemeralOnLocalSession  Error = -120
	NoWatcher                Error = -121
	ReconfigDisabled         Error = -123
	SessionClosedRequireSASL Error = -124
	QuotaExceeded            Error = -125
	ThrottledOp              Error = -127
)

var errorNames = map[Error]string{
	OK: "ok", RuntimeInconsistency: "runtime inconsistency", MarshallingError: "marshalling error",
	Unimplemented: "unimplemented", BadArguments: "bad arguments", UnknownSession: "unknown session",
	NewConfigNoQuorum: "no quorum of the new configuration", ReconfigInProgress: "reconfiguration in progress",
	NoNode: "no node", NoAuth: "no permission", BadVersion: "bad version",
	NoChildrenForEphemerals: "ephemerals have no children", NodeExists: "node exists", NotEmpty: "node has children",
	SessionExpired: "session expired", InvalidACL: "invalid ACL", AuthFailed: "authentication failed",
	SessionMoved: "session moved", NotReadOnly: "not allowed on a read-only server",
	EphemeralOnLocalSession: "ephemeral on a local session", NoWatcher: "no such watch",
	ReconfigDisabled: "reconfiguration disabled", SessionClosedRequireSASL: "authentication required",
	QuotaExceeded: "quota exceeded", ThrottledOp: "throttled",
}

// Error returns the outcome in words, or its number when the code is unknown.
func (e Error) Error() string {
	if s, ok := errorNames[e]; ok {
		return s
	}
	return fmt.Sprintf("error %d", int32(e))
}

// Errors of decoding records; all of them mean MarshallingError to a client.
var (
	// ErrNullID says that an ACL entry has no scheme or no id.
	ErrNullID = errors.New("scheme or id of an ACL entry is null")
	// ErrOp says that an operation is not allowed inside this multi.
	ErrOp = errors.New("operation not allowed in a multi")
	// ErrNoTTL says that a create of a multi has the flag of one with a TTL, and no TTL.
	ErrNoTTL = errors.New("flag of a node with a TTL, and no TTL")
	// ErrNullPath says that an operation of a multi names no node.
	ErrNullPath = errors.New("path is null")
	// ErrNullVector says that a vector that must be there is null.
	ErrNullVector = errors.New("vector is null")
)
