package proto

import "gokeeper/server/jute"

// EventType says what happened to a watched node.
type EventType int32

// Event types that a server sends.
const (
	EventNodeCreated         EventType = 1
	EventNodeDeleted         EventType = 2
	EventNodeDataChanged     EventType = 3
	EventNodeChildrenChanged EventType = 4
)

// stateSyncConnected is the only session state that a server puts into events, in
// read-only mode too.
const stateSyncConnected = 3

// NoZxid is in the header of events that no transaction caused, those of setWatches.
const NoZxid Zxid = -1

// AppendEvent appends a whole notification packet, length included.
func AppendEvent(b []byte, zxid Zxid, typ EventType, path string) []byte {
	b = jute.AppendInt(b, int32(16+12+len(path)))
	h := ReplyHeader{Xid: XidEvent, Zxid: zxid}
	b = h.Append(b)
	b = jute.AppendInt(b, int32(typ))
	b = jute.AppendInt(b, stateSyncConnected)
	return jute.AppendString(b, path)
}

// WatcherType selects watches in checkWatches and removeWatches.
type WatcherType int32

// Watcher types; others are a MarshallingError.
const (
	WatcherChildren            WatcherType = 1
	WatcherData                WatcherType = 2
	WatcherAny                 WatcherType = 3
	WatcherPersistent          WatcherType = 4
	WatcherPersistentRecursive WatcherType = 5
)

// AddWatchMode is the mode of addWatch.
type AddWatchMode int32

// Modes of addWatch; others are a MarshallingError.
const (
	AddPersistent          AddWatchMode = 0
	AddPersistentRecursive AddWatchMode = 1
)
