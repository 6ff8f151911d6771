package snapshot

import (
	"strconv"
	"strings"

	"gokeeper/server/proto"
)

// Prefix begins the name of every snapshot file.
const Prefix = "snapshot."

// Name returns the name of the file for the zxid at which writing starts.
func Name(zxid proto.Zxid, c Compression) string {
	return Prefix + strconv.FormatUint(uint64(zxid), 16) + c.Suffix()
}

// ParseName returns the zxid in a file's name. The name is a snapshot's if its first
// part is "snapshot" and its second a signed 64-bit hex number that is not negative;
// further parts do not matter, so snapshot.8.tmp and snapshot.8.bak are snapshots.
func ParseName(name string) (proto.Zxid, bool) {
	parts := strings.Split(name, ".")
	if len(parts) < 2 || parts[0] != "snapshot" {
		return -1, false
	}
	n, err := strconv.ParseInt(parts[1], 16, 64)
	if err != nil || n < 0 {
		return -1, false
	}
	return proto.Zxid(n), true
}
