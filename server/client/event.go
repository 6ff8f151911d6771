package client

import (
	"fmt"

	"gokeeper/server/proto"
)

// State is what a client is doing.
type State int32

// States. Closed and AuthFailed are final.
const (
	Connecting State = iota
	Connected
	ConnectedReadOnly // to a server without a quorum, which serves reads alone
	Closed            // by Close, or because the session has expired
	AuthFailed        // a server refused the credentials
)

var stateNames = []string{"CONNECTING", "CONNECTED", "CONNECTEDREADONLY", "CLOSED", "AUTH_FAILED"}

// String returns the name as Java's ZooKeeper.States has it.
func (s State) String() string { return stateNames[s] }

// alive says whether requests can still succeed.
func (s State) alive() bool { return s < Closed }

// SessionState is what an event says of the session. Java: Watcher.Event.KeeperState.
type SessionState int32

// Session states, with Java's numbers.
const (
	SessionDisconnected      SessionState = 0
	SessionSyncConnected     SessionState = 3
	SessionAuthFailed        SessionState = 4
	SessionConnectedReadOnly SessionState = 5
	SessionSASLAuthenticated SessionState = 6
	SessionClosed            SessionState = 7
	SessionExpired           SessionState = -112
)

var sessionStateNames = map[SessionState]string{
	SessionDisconnected: "Disconnected", SessionSyncConnected: "SyncConnected", SessionAuthFailed: "AuthFailed",
	SessionConnectedReadOnly: "ConnectedReadOnly", SessionSASLAuthenticated: "SaslAuthenticated", SessionClosed: "Closed", SessionExpired: "Expired",
}

// String returns Java's name.
func (s SessionState) String() string { return sessionStateNames[s] }

// EventType says what an event is about. Java: Watcher.Event.EventType.
type EventType int32

// Event types, with Java's numbers. None is about the session; those of removed watches
// come from the client itself.
const (
	EventNone                   EventType = -1
	EventNodeCreated                      = EventType(proto.EventNodeCreated)
	EventNodeDeleted                      = EventType(proto.EventNodeDeleted)
	EventNodeDataChanged                  = EventType(proto.EventNodeDataChanged)
	EventNodeChildrenChanged              = EventType(proto.EventNodeChildrenChanged)
	EventDataWatchRemoved       EventType = 5
	EventChildWatchRemoved      EventType = 6
	EventPersistentWatchRemoved EventType = 7
)

var eventNames = map[EventType]string{
	EventNone: "None", EventNodeCreated: "NodeCreated", EventNodeDeleted: "NodeDeleted",
	EventNodeDataChanged: "NodeDataChanged", EventNodeChildrenChanged: "NodeChildrenChanged",
	EventDataWatchRemoved: "DataWatchRemoved", EventChildWatchRemoved: "ChildWatchRemoved",
	EventPersistentWatchRemoved: "PersistentWatchRemoved",
}

// String returns Java's name.
func (t EventType) String() string { return eventNames[t] }

// Event is what a Watcher is told: a change of the session, or of a watched node.
type Event struct {
	State SessionState
	Type  EventType
	Path  string     // "" when it is about the session
	Zxid  proto.Zxid // of the change; -1 when it is unknown or there was none
}

// String returns the event as Java's WatchedEvent prints it, the zxid in decimal.
func (e Event) String() string {
	path := e.Path
	if path == "" {
		path = "null"
	}
	return fmt.Sprintf("WatchedEvent state:%v type:%v path:%s zxid: %d", e.State, e.Type, path, int64(e.Zxid))
}
