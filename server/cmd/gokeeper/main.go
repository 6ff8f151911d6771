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
	root.SetArgs(doubled(withoutScript(args)))
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

// withoutScript returns the arguments behind the name of the binary, or, where that is
// linked as one of Java's scripts, those that do what the script does. The name of a
// script may also be the first argument: the images' commands are zkServer.sh
// start-foreground, zkCli.sh and the like.
func withoutScript(args []string) []string {
	if filepath.Ext(args[0]) != ".sh" {
		args = args[1:]
	}
	if len(args) == 0 {
		return args
	}
	switch name := filepath.Base(args[0]); {
	case name == "zkServer.sh":
		return args[1:]
	case name == "zkCli.sh":
		return append([]string{"cli"}, args[1:]...)
	case filepath.Ext(name) == ".sh":
		return append([]string{name}, args[1:]...)
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
