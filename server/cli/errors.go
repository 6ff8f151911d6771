package cli

import (
	"cmp"
	"errors"
	"fmt"

	"gokeeper/server/client"
	"gokeeper/server/proto"
)

// Exit codes of Java's shell.
const (
	exitOK            = 0
	exitFailed        = 1
	exitConfiguration = 2
	exitUnknown       = 127
)

// usageError is a command line that cannot be carried out.
type usageError string

// Error returns the text.
func (e usageError) Error() string { return string(e) }

// complaint is a refusal with which Java's shell ends well; programs are told that it is
// an error.
type complaint struct {
	text   string
	stdout bool // where Java prints it
}

// Error returns the text.
func (e complaint) Error() string { return e.text }

// configurationError is a client configuration that cannot be read.
type configurationError struct{ error }

// unknownCommand is a word that is no command.
type unknownCommand string

// Error returns Java's text.
func (e unknownCommand) Error() string { return "Command not found: Command not found " + string(e) }

// codeNames are Java's names of error codes.
var codeNames = map[proto.Error]string{
	proto.RuntimeInconsistency: "RuntimeInconsistency", proto.MarshallingError: "MarshallingError",
	proto.Unimplemented: "Unimplemented", proto.BadArguments: "BadArguments", proto.UnknownSession: "UnknownSession",
	proto.NewConfigNoQuorum: "NewConfigNoQuorum", proto.ReconfigInProgress: "ReconfigInProgress",
	proto.NoNode: "NoNode", proto.NoAuth: "NoAuth", proto.BadVersion: "BadVersion",
	proto.NoChildrenForEphemerals: "NoChildrenForEphemerals", proto.NodeExists: "NodeExists", proto.NotEmpty: "NotEmpty",
	proto.SessionExpired: "SessionExpired", proto.InvalidACL: "InvalidACL", proto.AuthFailed: "AuthFailed",
	proto.SessionMoved: "SessionMoved", proto.NotReadOnly: "NotReadOnly",
	proto.EphemeralOnLocalSession: "EphemeralOnLocalSession", proto.NoWatcher: "NoWatcher",
	proto.ReconfigDisabled: "ReconfigDisabled", proto.SessionClosedRequireSASL: "SessionClosedRequireSASL",
	proto.QuotaExceeded: "QuotaExceeded", proto.ThrottledOp: "ThrottledOp",
}

// codeTexts are the words that Java prints where they are not the name
// (KeeperException.getCodeMessage).
var codeTexts = map[proto.Error]string{
	proto.NotEmpty: "Directory not empty", proto.SessionExpired: "Session expired", proto.SessionMoved: "Session moved",
	proto.NotReadOnly: "Not a read-only call", proto.EphemeralOnLocalSession: "Ephemeral node on local session",
	proto.NoWatcher: "No such watcher", proto.ReconfigDisabled: "Reconfig is disabled",
	proto.SessionClosedRequireSASL: "Session closed because client failed to authenticate",
	proto.QuotaExceeded:            "Quota has exceeded", proto.ThrottledOp: "Op throttled due to high load",
}

// nodeTexts are what Java's shell says instead, in front of the path.
var nodeTexts = map[proto.Error]string{
	proto.NoNode: "Node does not exist: ", proto.NoChildrenForEphemerals: "Ephemerals cannot have children: ",
	proto.NodeExists: "Node already exists: ", proto.NotEmpty: "Node not empty: ", proto.NotReadOnly: "Not a read-only call: ",
	proto.InvalidACL: "Acl is not valid : ", proto.NoAuth: "Insufficient permission : ",
	proto.BadArguments: "Arguments are not valid : ", proto.BadVersion: "version No is not valid : ",
	proto.QuotaExceeded: "Quota has exceeded : ",
}

// Java's texts about reconfigurations, its spelling included.
const (
	textInProgress = "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"
	textNoQuorum   = "No quorum of new config is connected and up-to-date with the leader of last commmitted config - " +
		"try invoking reconfiguration after new servers are connected and synced"
)

// codeOf returns the protocol's code of an error, OK for none.
func codeOf(err error) (code proto.Error) {
	errors.As(err, &code)
	if errors.Is(err, client.ErrClosed) {
		code = proto.SessionExpired
	}
	return code
}

// keeperText is the text of Java's KeeperException.
func keeperText(err *client.OpError) string {
	name := "ConnectionLoss"
	if !errors.Is(err, client.ErrConnectionLoss) {
		code := codeOf(err)
		name = cmp.Or(codeTexts[code], codeNames[code], fmt.Sprintf("Unknown error %d", int32(code)))
	}
	if err.Path == "" {
		return "KeeperErrorCode = " + name
	}
	return "KeeperErrorCode = " + name + " for " + err.Path
}

// text is what Java's shell prints of an error (CliWrapperException).
func text(err error) string {
	var op *client.OpError
	if !errors.As(err, &op) {
		return err.Error()
	}
	code := codeOf(op)
	path := op.Path
	if path == "" && op.Op != proto.OpReconfig {
		path = "null"
	}
	switch {
	case errors.Is(err, client.ErrConnectionLoss):
	case code == proto.OK:
		return err.Error()
	case nodeTexts[code] != "":
		return nodeTexts[code] + path
	case code == proto.ReconfigInProgress:
		return textInProgress
	case code == proto.NewConfigNoQuorum:
		return textNoQuorum
	}
	return keeperText(op)
}

// exitCode is the exit code of an error.
func exitCode(err error) int {
	var unknown unknownCommand
	switch {
	case err == nil, errors.As(err, new(complaint)):
		return exitOK
	case errors.As(err, &unknown):
		return exitUnknown
	case errors.As(err, new(configurationError)):
		return exitConfiguration
	}
	return exitFailed
}

// hint is what to do next, "" when the text says it all.
func hint(err error) string {
	switch code := codeOf(err); {
	case errors.As(err, new(unknownCommand)):
		return "'gokeeper cli --help' lists the commands"
	case errors.Is(err, client.ErrConnectionLoss):
		return err.Error() + "; check -server and that a server runs there ('gokeeper status')"
	case code == proto.SessionExpired, errors.Is(err, errNotConnected):
		return "the session is over; 'connect' opens another"
	case code == proto.AuthFailed:
		return "the server refused the credentials and ended the connection; 'connect', then addauth with another scheme or secret"
	case code == proto.NoAuth:
		return "getAcl shows who may do this; addauth adds credentials"
	case code == proto.NotReadOnly:
		return "this server has no quorum; bring up more servers of the ensemble, or connect without -r"
	case code == proto.ReconfigDisabled:
		return "set reconfigEnabled=true in zoo.cfg and restart the servers"
	case code == proto.BadVersion:
		return "somebody changed it; read it again for its version"
	case code == proto.NotEmpty:
		return "deleteall deletes a node with all below it"
	}
	return ""
}

// codeName is a short name of the error for programs.
func codeName(err error) string {
	switch code := codeOf(err); {
	case errors.As(err, new(unknownCommand)):
		return "UnknownCommand"
	case errors.Is(err, client.ErrConnectionLoss):
		return "ConnectionLoss"
	case code != proto.OK:
		return cmp.Or(codeNames[code], "Unknown")
	case errors.As(err, new(*client.PathError)):
		return "BadPath"
	case errors.As(err, new(usageError)):
		return "Usage"
	}
	return "Refused"
}
