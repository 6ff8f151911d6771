// Command gokeeper is the server and its tools in one binary. It is called in the
// manner of zkServer.sh:
//
//	gokeeper [--config DIR] start|start-foreground|stop|restart|status|healthcheck|version|print-cmd [zoo.cfg]
//	gokeeper cli [-server host:port] [command]       zkCli.sh, with its own exit codes
//	gokeeper top [-server host:port,...] [--once]   what servers do, live
//	gokeeper completion bash|zsh|fish                a script that completes all of this
//
// Tools that work on files are commands of their own, see offline.go; the names of Java's
// scripts (zkTxnLogToolkit.sh …) are commands, too.
//
// This package alone reads arguments and environment, handles signals and decides exit
// codes, which are those of Java's server: 0 for a normal end, 1 for a failure while
// starting or running, 2 for wrong arguments or configuration, 3 for a data directory
// that is missing or not writable, 4 for a port of the admin server that is taken.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Stamped by the linker; see the Makefile.
var (
	version = "dev"
	commit  = ""
	date    = ""
)

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run executes the command line and returns the exit code.
func run(args []string, stdout, stderr *os.File) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(doubled(withoutScript(args[1:])))
	err := root.Execute()
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(stderr, exit.err)
		}
		return exit.code
	}
	fmt.Fprintf(stderr, "gokeeper: %v\nRun 'gokeeper --help' for usage.\n", err)
	return 2
}

// withoutScript takes the name of a script for what this binary does instead of it: the
// images' commands are zkServer.sh start-foreground, zkCli.sh and the like.
func withoutScript(args []string) []string {
	if len(args) == 0 {
		return args
	}
	switch filepath.Base(args[0]) {
	case "zkServer.sh":
		return args[1:]
	case "zkCli.sh":
		return append([]string{"cli"}, args[1:]...)
	}
	return args
}

// exitError ends the process with a code; err is printed when it is not nil.
type exitError struct {
	code int
	err  error
}

// Error returns what is printed.
func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e exitError) Unwrap() error { return e.err }
