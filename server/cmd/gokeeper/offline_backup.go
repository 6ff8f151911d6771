package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gokeeper/server/backup"
	"gokeeper/server/proto"
	"gokeeper/server/vfs"
)

// authVariable holds what --auth would say, out of sight of who lists processes.
const authVariable = "GOKEEPER_BACKUP_AUTH"

// backupFlags are those of the command backup.
type backupFlags struct {
	data, logDir, server, auth string
	full, check                bool
}

func (c *control) backupCommand() *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use: "backup DIR (--data DATADIR | --server URL | --check)", Short: "copy the history of a server, also of one that runs", Args: cobra.ExactArgs(1),
		Long: `Keeps copies of a server's history in DIR, from which ` + "`gokeeper restore`" + ` makes a data
directory as it was at a transaction or a time.

--data reads the data directory of a server, which may be running, Java's too: a whole
snapshot and the log behind it, or, where DIR has an earlier backup of that history, what
the log has in addition. This is the way to have every moment in the backup; call it as
often as you want to be able to go back to, and before the logs are purged.

--server asks the admin server of a running one for a snapshot. It gives one moment, needs
no access to the disk, and works while nothing is written for a moment; with much to write
use --data. The credentials are "scheme:credentials", of one who has all permissions on /,
in --auth or $` + authVariable + `.

All is read to its end and checked while it is copied, and read again from where it was
written. --check does that with all of DIR.

Exit codes: 0 done, 1 could not be done, 2 wrong arguments, 5 the backup in DIR is damaged.`,
		RunE: func(_ *cobra.Command, args []string) error { return c.backup(args[0], f) },
	}
	cmd.Flags().StringVar(&f.data, "data", "", "data directory, as dataDir in zoo.cfg")
	cmd.Flags().StringVar(&f.logDir, "log-dir", "", "directory of the logs, as dataLogDir says; that of --data if left out")
	cmd.Flags().StringVar(&f.server, "server", "", "admin server, like http://127.0.0.1:8080")
	cmd.Flags().StringVar(&f.auth, "auth", "", "credentials for --server, like digest:user:password")
	cmd.Flags().BoolVar(&f.full, "full", false, "begin another generation with the newest snapshot")
	cmd.Flags().BoolVar(&f.check, "check", false, "read all of DIR, and say what it holds")
	cmd.MarkFlagsMutuallyExclusive("data", "server", "check")
	cmd.MarkFlagsOneRequired("data", "server", "check")
	return cmd
}

func (c *control) backup(dir string, f backupFlags) error {
	if f.check {
		return c.checkBackup(dir)
	}
	var res *backup.Result
	var err error
	if f.server != "" {
		res, err = c.backupServer(dir, f)
	} else {
		opt := backup.Options{DataDir: dataDir(f.data), Full: f.full, Now: time.Now()}
		if f.logDir != "" {
			opt.LogDir = dataDir(f.logDir)
		}
		bar, done := c.progress("copying", 0)
		opt.Progress = func(_ string, n int64) { bar(n) }
		res, err = backup.Take(vfs.OS(), dir, opt)
		done()
	}
	if err != nil {
		return backupJudged(err)
	}
	for _, p := range res.Passed {
		fmt.Fprintf(c.stderr, "damaged snapshot passed over: %s: see `gokeeper data check`\n", p)
	}
	g := res.Generation
	how := fmt.Sprintf("%d transactions were added to generation %s", res.Added, g.Dir)
	if res.New {
		how = fmt.Sprintf("generation %s was begun (%s), with %d transactions behind its snapshot", g.Dir, res.Reason, res.Added)
	}
	fmt.Fprintf(c.stdout, "%s; it holds %v to %v (%s)\n", how, proto.Zxid(g.From), proto.Zxid(g.Last), time.UnixMilli(g.LastTime).Format(time.RFC3339))
	return nil
}

func backupJudged(err error) error {
	if errors.Is(err, backup.ErrDamaged) {
		return exitError{exitDamaged, err}
	}
	return exitError{1, err}
}

func (c *control) checkBackup(dir string) error {
	told, done := c.telling()
	m, err := backup.Verify(vfs.OS(), dir, told)
	done()
	if err != nil {
		return backupJudged(err)
	}
	for _, line := range m.Describe() {
		fmt.Fprintln(c.stdout, line)
	}
	fmt.Fprintln(c.stdout, "all of it is sound")
	return nil
}

// fuzzyTries is how often a server is asked for a snapshot that nothing was written into.
const fuzzyTries = 5

// backupServer keeps a snapshot of a running server.
func (c *control) backupServer(dir string, f backupFlags) (*backup.Result, error) {
	var err error
	for try := range fuzzyTries {
		if try > 0 {
			time.Sleep(time.Duration(try) * 400 * time.Millisecond) // servers allow three a second
		}
		var stream io.ReadCloser
		if stream, err = c.askSnapshot(f); err != nil {
			return nil, err
		}
		var res *backup.Result
		res, err = backup.TakeStream(vfs.OS(), dir, f.server, stream, time.Now())
		stream.Close()
		if !errors.Is(err, backup.ErrFuzzy) {
			return res, err
		}
	}
	return nil, fmt.Errorf("%w, %d times: back up its data directory with --data", err, fuzzyTries)
}

// askSnapshot asks the admin server for a snapshot.
func (c *control) askSnapshot(f backupFlags) (io.ReadCloser, error) {
	url := f.server
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	req, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(url, "/")+"/commands/snapshot?streaming=true", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: say --server http://HOST:PORT", err)
	}
	if auth := cmp.Or(f.auth, c.env(authVariable)); auth != "" {
		scheme, credentials, _ := strings.Cut(auth, ":")
		req.Header.Set("Authorization", scheme+" "+credentials)
	}
	client := http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: is the admin server of the configuration on (admin.enableServer), and is that its address (admin.serverPort)?", err)
	}
	if resp.StatusCode == http.StatusOK && resp.Header.Get("Content-Type") == "application/octet-stream" {
		return resp.Body, nil
	}
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	resp.Body.Close()
	return nil, errors.Join(fmt.Errorf("%s answers %s: %s (%s)", f.server, resp.Status, strings.TrimSpace(string(said)), advice(resp.StatusCode)), err)
}

// advice says what to do about a refusal.
func advice(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "give the right credentials with --auth"
	case http.StatusForbidden:
		return "they need all permissions on /: take the super user's"
	case http.StatusServiceUnavailable:
		return "admin.snapshot.enabled is false: set it, or use --data"
	case http.StatusTooManyRequests:
		return "it allows no more for now: wait and call it again"
	}
	return "see its log, or use --data"
}

func (c *control) restoreCommand() *cobra.Command {
	var to backup.Target
	var at string
	cmd := &cobra.Command{
		Use: "restore BACKUP --to DATADIR [--at ZXID|TIME]", Short: "make a data directory of a backup, as it was at a transaction or a time", Args: cobra.ExactArgs(1),
		Long: `Makes the data directory what the backup holds: all of it, or with --at up to and including
the transaction (0x…), or up to the last one that is not later than the time (like
2026-11-27T10:00:00Z, or without a zone in the local one).

The files that are needed are verified before anything else; a damaged one is refused with
the place of the damage. Data that is there already is refused too, unless --replace moves
it aside, under a name beside it. No server may run there.

In an ensemble stop all members, and restore the same on each of them before the first
starts again: a member that still has what came later would bring it back. Clients that have seen
later transactions are refused by a standalone server until it has gone past them: restart
them. An ensemble gets there with its next leader.

Exit codes: 0 done, 1 could not be done, 2 wrong arguments, 5 the backup is damaged.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if to.DataDir == "" {
				return errors.New("say where to: --to DATADIR")
			}
			point, err := pointOf(at)
			if err != nil {
				return err
			}
			return c.restore(args[0], point, to)
		},
	}
	cmd.Flags().StringVar(&to.DataDir, "to", "", "data directory, as dataDir in zoo.cfg")
	cmd.Flags().StringVar(&to.LogDir, "log-dir", "", "directory of the logs, as dataLogDir says; that of --to if left out")
	cmd.Flags().StringVar(&at, "at", "", "transaction or time to which the history goes; the end if left out")
	cmd.Flags().BoolVar(&to.Replace, "replace", false, "move data that is there aside")
	return cmd
}

// pointOf reads a transaction or a time.
func pointOf(at string) (backup.Point, error) {
	if at == "" {
		return backup.Point{}, nil
	}
	if strings.HasPrefix(at, "0x") {
		if n, err := strconv.ParseInt(at[2:], 16, 64); err == nil && n > 0 {
			return backup.Point{Zxid: proto.Zxid(n)}, nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, at); err == nil {
		return backup.Point{Time: t.UnixMilli()}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, at, time.Local); err == nil {
			return backup.Point{Time: t.UnixMilli()}, nil
		}
	}
	return backup.Point{}, fmt.Errorf("--at %s: say a transaction like 0x100000005, or a time like 2026-11-27T10:00:00Z", at)
}

func (c *control) restore(dir string, p backup.Point, to backup.Target) error {
	told, done := c.telling()
	to.DataDir, to.Now, to.Told = dataDir(to.DataDir), time.Now(), told
	if to.LogDir != "" {
		to.LogDir = dataDir(to.LogDir)
	}
	res, err := backup.Restore(vfs.OS(), dir, p, to)
	done()
	if err != nil {
		return backupJudged(err)
	}
	fmt.Fprintf(c.stdout, "%s is as it was behind %v, from generation %s\n", to.DataDir, res.Last, res.Generation.Dir)
	for _, old := range res.Replaced {
		fmt.Fprintf(c.stdout, "what was there is %s now\n", old)
	}
	if res.Generation.AcceptedEpoch != nil {
		fmt.Fprintln(c.stdout, "it comes from a member of an ensemble: restore the same on all others before one of them starts")
	}
	return nil
}
