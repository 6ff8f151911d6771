package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"gokeeper/server/proto"
	"gokeeper/server/toolkit"
	"gokeeper/server/vfs"
)

// Exit codes of the tools that judge files, besides 0 for sound, 1 for what could not be
// looked at or done, and 2 for wrong arguments.
const (
	exitRemarks = 4 // usable, but something was lost or differs
	exitDamaged = 5 // a server would refuse it
)

const exitCodesHelp = `
Exit codes: 0 sound, 1 could not be done, 2 wrong arguments, 4 usable with what the
remarks say, 5 damaged: a server refuses it.`

// addOffline adds the tools that work on files.
func (c *control) addOffline(root *cobra.Command) {
	for _, cmd := range []*cobra.Command{c.logCommand(), c.snapshotCommand(), c.dataCommand(), c.backupCommand(), c.restoreCommand(), c.recoverCommand()} {
		root.AddCommand(cmd)
	}
	for _, script := range toolkit.Scripts {
		root.AddCommand(&cobra.Command{
			Use: script, Hidden: true, DisableFlagParsing: true,
			Short: "Java's tool of that name, with its arguments and output",
			RunE:  func(_ *cobra.Command, args []string) error { return c.script(script, args) },
		})
	}
}

// group returns a command that only has others below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("say what to do: %s %s", cmd.CommandPath(), strings.Join(names(below), "|"))
	}}
	cmd.AddCommand(below...)
	return cmd
}

func names(commands []*cobra.Command) []string {
	var out []string
	for _, c := range commands {
		out = append(out, c.Name())
	}
	return out
}

// script runs a tool as Java's script of that name does. zkCleanup.sh looks into the
// configuration for the directories.
func (c *control) script(name string, args []string) error {
	if name == "zkCleanup.sh" {
		s := c.read(nil)
		if s.DataDir == "" {
			return exitError{1, errors.New("there is no data directory to clean up: set ZOOCFGDIR to the directory of zoo.cfg")}
		}
		dirs := []string{s.DataDir}
		if s.DataLogDir != "" && s.DataLogDir != s.DataDir {
			dirs = []string{s.DataLogDir, s.DataDir}
		}
		args = append(dirs, args...)
	}
	streams := toolkit.Streams{In: os.Stdin, Out: c.stdout, Err: c.stderr, FS: vfs.OS(), Zone: time.Local, Now: time.Now}
	if code := toolkit.Run(name, args, streams); code != 0 {
		return exitCode(code)
	}
	return nil
}

// progress returns a function that is told how many of the bytes are done, 0 if their
// number is not known, and one that ends the bar. Nothing is shown unless standard error is
// a terminal.
func (c *control) progress(what string, total int64) (told func(n int64), done func()) {
	if !isatty.IsTerminal(c.stderr.Fd()) {
		return func(int64) {}, func() {}
	}
	if total == 0 {
		total = -1
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(c.stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	// Where the bar cannot be drawn there is nobody to tell.
	return func(n int64) {
		if total > 0 {
			n = min(n, total)
		}
		_ = bar.Set64(n)
	}, func() { _ = bar.Finish() }
}

// progressOf is progress of a file whose content is printed meanwhile: on the same
// terminal the two would mix.
func (c *control) progressOf(file string) (told func(n int64), done func()) {
	if isatty.IsTerminal(c.stdout.Fd()) {
		return func(int64) {}, func() {}
	}
	return c.progress(filepath.Base(file), size(file))
}

// telling returns what shows which file is being read, and what takes that away again. On
// anything but a terminal nothing is shown.
func (c *control) telling() (told func(name string), done func()) {
	if !isatty.IsTerminal(c.stderr.Fd()) {
		return func(string) {}, func() {}
	}
	const clear = "\r\x1b[K"
	return func(name string) { fmt.Fprintf(c.stderr, clear+"reading %s", name) }, func() { fmt.Fprint(c.stderr, clear) }
}

// size returns the length of a file, 0 if it is not known.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// checkCommand is a command that checks files of the kind, one after the other, and exits
// with the worst of the codes that check returns.
func checkCommand(kind func(name string) (proto.Zxid, bool), check func(file string, asJSON bool) (int, error)) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check FILE|DIR...", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := filesIn(args, kind)
			if err != nil {
				return err
			}
			worst := 0
			for _, f := range files {
				code, err := check(f, asJSON)
				if err != nil {
					return exitError{1, err}
				}
				worst = max(worst, code)
			}
			return exitOrNil(worst)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return cmd
}

// filesIn returns the paths of files: those that are named, and from directories, which
// may be data directories, those whose name is of the kind.
func filesIn(paths []string, kind func(name string) (proto.Zxid, bool)) ([]string, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, exitError{1, fmt.Errorf("%w: name a file, or a data directory", err)}
		}
		if !info.IsDir() {
			files = append(files, p)
			continue
		}
		found := 0
		for _, dir := range []string{p, filepath.Join(p, "version-2")} {
			names, err := vfs.OS().ReadDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, exitError{1, err}
			}
			for _, name := range names {
				if _, ok := kind(name); ok {
					files = append(files, filepath.Join(dir, name))
					found++
				}
			}
		}
		if found == 0 {
			return nil, exitError{1, fmt.Errorf("%s holds no such file: name a file, or a data directory", p)}
		}
	}
	return files, nil
}

// zxidFlag is a zxid on the command line, as 0x… or decimal.
type zxidFlag struct{ zxid proto.Zxid }

// String returns the value.
func (z *zxidFlag) String() string {
	if z.zxid == 0 {
		return ""
	}
	return z.zxid.String()
}

// Set reads the value.
func (z *zxidFlag) Set(text string) error {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil || n < 0 {
		return errors.New("a zxid is a number like 0x100000005")
	}
	z.zxid = proto.Zxid(n)
	return nil
}

// Type names the kind of value in help texts.
func (z *zxidFlag) Type() string { return "zxid" }
