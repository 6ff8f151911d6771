package config

import (
	"slices"
	"strconv"
	"strings"

	"gokeeper/server/quorum"
)

// A server whose configuration may change keeps it in files beside its own one:
//
//	zoo.cfg                    without members, says dynamicConfigFile=…
//	zoo.cfg.dynamic.VERSION    the committed members, version in hexadecimal
//	zoo.cfg.dynamic.next       what was seen last, until it is committed
//	zoo.cfg.bak                zoo.cfg as it was when it had the members

// DynamicName returns the name of the file with the members of that version that belongs
// to the configuration file.
func DynamicName(file string, version int64) string {
	return file + ".dynamic." + strconv.FormatUint(uint64(version), 16)
}

// NextName returns the name of the file with the members that were seen last.
func NextName(file string) string { return file + ".dynamic.next" }

// BackupName returns the name of the copy of a configuration file with members in it.
func BackupName(file string) string { return file + ".bak" }

// DynamicText returns the content of a dynamic file, with a line for the version where
// the name does not tell it.
func DynamicText(c quorum.Config, version bool) []byte {
	lines := c.Lines()
	if version {
		lines = strings.Split(c.String(), "\n")
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, "\n"))
}

// Rewrite returns the content of a configuration file without members, and which points
// to the dynamic file. The client address goes, too, when it is one of the members'.
// Unlike Java it leaves everything else as it is.
func Rewrite(static []byte, dynamic string, client bool) []byte {
	var out strings.Builder
	lines := naturalLines(static)
	for i := 0; i < len(lines); {
		first := i
		line := trimLeft(lines[i])
		comment := line == "" || line[0] == '#' || line[0] == '!'
		for i++; !comment && continues(line) && i < len(lines); i++ {
			line = trimLeft(lines[i])
		}
		logical := strings.Join(lines[first:i], "\n")
		if !comment && moves(logical, client) || i == len(lines) && logical == "" {
			continue
		}
		out.WriteString(logical + "\n")
	}
	out.WriteString("dynamicConfigFile=" + dynamic + "\n")
	return []byte(out.String())
}

// moves says whether a setting belongs to the dynamic file, or points to it.
func moves(line string, client bool) bool {
	entries := Properties([]byte(line))
	if len(entries) != 1 {
		return false
	}
	key := entries[0].Key
	for _, prefix := range []string{"server.", "group", "weight", "dynamicConfigFile", "peerType"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return client && strings.HasPrefix(key, "clientPort")
}
