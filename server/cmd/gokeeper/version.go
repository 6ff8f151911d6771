package main

import (
	"fmt"
	"strings"
)

// compatible is the version of ZooKeeper whose behaviour this server has. Monitoring
// agents and client libraries read and compare it.
const compatible = "3.9.6"

// serverVersion is the version string of srvr, mntr and envi, in Java's form:
// number-commit, built on date.
func serverVersion() string {
	return fmt.Sprintf("%s-%s, built on %s", compatible, hash(), built())
}

// hash is the commit, forty digits as in Java's builds.
func hash() string {
	if commit == "" {
		return strings.Repeat("0", 40)
	}
	return commit
}

// built is the build date in Java's form.
func built() string {
	if date == "" {
		return "1970-01-01 00:00 UTC"
	}
	return date
}

// version prints Java's line, which scripts read, and our own version beside it.
func (c *control) version([]string) error {
	fmt.Fprintf(c.stderr, "Gokeeper %s (commit %s)\n", version, hash())
	fmt.Fprintf(c.stdout, "Apache ZooKeeper, version %s %s\n", compatible, built())
	return nil
}
