package txnlog

import (
	"strconv"
	"strings"

	"gokeeper/server/proto"
)

// Prefix begins the name of every log file.
const Prefix = "log."

// Name returns the name of the file whose first record has the zxid.
func Name(zxid proto.Zxid) string { return Prefix + strconv.FormatUint(uint64(zxid), 16) }

// ParseName returns the zxid in a file's name. The name is a log's if its first part
// is "log" and its second a signed 64-bit hex number that is not negative; further
// parts do not matter, so log.1.fixed and log.1.bak are logs.
func ParseName(name string) (proto.Zxid, bool) {
	parts := strings.Split(name, ".")
	if len(parts) < 2 || parts[0] != "log" {
		return -1, false
	}
	n, err := strconv.ParseInt(parts[1], 16, 64)
	if err != nil || n < 0 {
		return -1, false
	}
	return proto.Zxid(n), true
}
