package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gokeeper/server/proto"
	"gokeeper/server/storage"
	"gokeeper/server/toolkit"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

func (c *control) logCommand() *cobra.Command {
	return group("log", "look into transaction logs, and mend them", c.logShow(), c.logCheck(), c.logRepair(), c.logTruncate())
}

func (c *control) logShow() *cobra.Command {
	var asJSON bool
	var from, to zxidFlag
	cmd := &cobra.Command{
		Use: "show FILE|DIR...", Short: "print the transactions, as zkTxnLogToolkit.sh or as JSON lines", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := filesIn(args, txnlog.ParseName)
			if err != nil {
				return err
			}
			for _, f := range files {
				told, done := c.progressOf(f)
				opt := toolkit.LogOptions{JSON: asJSON, From: from.zxid, To: to.zxid, Zone: time.Local, Progress: told}
				_, end, err := toolkit.DumpLog(c.stdout, vfs.OS(), f, opt)
				done()
				if err != nil {
					return judged(err)
				}
				if end == txnlog.EndPartial {
					fmt.Fprintln(c.stderr, "Last transaction was partial.")
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines, data in base64")
	cmd.Flags().Var(&from, "from", "leave out what comes before")
	cmd.Flags().Var(&to, "to", "leave out what comes after")
	return cmd
}

// judged gives an error the exit code of its kind.
func judged(err error) error {
	var corrupt *txnlog.CorruptError
	if errors.As(err, &corrupt) {
		return exitError{exitDamaged, err}
	}
	return exitError{1, err}
}

func (c *control) logCheck() *cobra.Command {
	cmd := checkCommand(txnlog.ParseName, c.checkLog)
	cmd.Short = "read logs to their end and say what is wrong with them"
	cmd.Long = "Reads logs to their end: checksums, lengths, and whether zxids follow each other. An\n" +
		"unfinished record at the end is what a crash leaves and no damage.\n" + exitCodesHelp
	return cmd
}

func exitOrNil(code int) error {
	if code == 0 {
		return nil
	}
	return exitCode(code)
}

// logReport is what is printed about a log.
type logReport struct {
	File    string   `json:"file"`
	Records int      `json:"records"`
	First   string   `json:"first"`
	Last    string   `json:"last"`
	End     string   `json:"end"`
	Offset  int64    `json:"offset"`
	Damage  []string `json:"damage,omitempty"`
	Gaps    []string `json:"gaps,omitempty"`
}

func (c *control) checkLog(file string, asJSON bool) (int, error) {
	rep, err := txnlog.Check(vfs.OS(), file, 0)
	var corrupt *txnlog.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return 0, err
	}
	r := logReport{File: file, Records: rep.Records, First: rep.First.String(), Last: rep.Last.String(), End: rep.End.String(), Offset: rep.Offset}
	for _, bad := range rep.Bad {
		r.Damage = append(r.Damage, bad.Error())
	}
	if corrupt != nil {
		r.Damage, r.End = append(r.Damage, corrupt.Error()), "damaged"
	}
	code := 0
	for _, g := range rep.Gaps {
		r.Gaps = append(r.Gaps, fmt.Sprintf("offset %d: %v follows %v", g.Offset, g.Next, g.Prev))
		if g.Next.Epoch() == g.Prev.Epoch() {
			code = exitRemarks
		}
	}
	if len(r.Damage) > 0 {
		code = exitDamaged
	}
	c.printReport(asJSON, r, fmt.Sprintf("%s: %d records, zxid %v to %v, %s at %d", file, r.Records, rep.First, rep.Last, r.End, r.Offset), r.Damage, r.Gaps)
	return code, nil
}

// printReport prints a report as one JSON line, or as a line with others below it.
func (c *control) printReport(asJSON bool, report any, line string, below ...[]string) {
	if asJSON {
		_ = json.NewEncoder(c.stdout).Encode(report) // strings and numbers can be encoded
		return
	}
	fmt.Fprintln(c.stdout, line)
	for _, lines := range below {
		for _, l := range lines {
			fmt.Fprintln(c.stdout, "  "+l)
		}
	}
}

func (c *control) logRepair() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "repair FILE", Short: "correct wrong checksums, so that a server reads on", Args: cobra.ExactArgs(1),
		Long: "Corrects the checksums of damaged records. The damaged bytes remain as they are: look at\n" +
			"what is listed, and prefer a backup, or in an ensemble a copy from the leader, which a\n" +
			"member with an empty data directory gets by itself. What cannot be read at all is left\n" +
			"out with all that follows. The original stays beside the log under another name.\n\n" +
			"Without --yes it only says what it would do.",
		RunE: func(_ *cobra.Command, args []string) error { return c.repairLog(args[0], yes) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func (c *control) repairLog(file string, yes bool) error {
	rep, err := txnlog.Check(vfs.OS(), file, 0)
	var corrupt *txnlog.CorruptError
	switch {
	case err != nil && !errors.As(err, &corrupt):
		return exitError{1, err}
	case corrupt != nil && corrupt.Offset == 0:
		return exitError{1, err} // nothing of it can be read
	case corrupt == nil && len(rep.Bad) == 0:
		fmt.Fprintf(c.stdout, "%s is sound: %d records, nothing to repair\n", file, rep.Records)
		return nil
	}
	for _, bad := range rep.Bad {
		fmt.Fprintln(c.stdout, c.describe(file, bad))
	}
	if corrupt != nil {
		fmt.Fprintf(c.stdout, "offset %d: %v: nothing can be read from here on; it is left out with all that follows\n", corrupt.Offset, corrupt.Reason)
	}
	if !yes {
		return exitError{1, errors.New("nothing was changed: call it again with --yes to do it, or restore a backup")}
	}
	return c.rewriteLog(file, "damaged-", func(w io.Writer) error {
		_, _, err := txnlog.Repair(vfs.OS(), file, w, 0, func(_ txnlog.Record, bad *txnlog.CorruptError) (bool, error) { return bad != nil, nil })
		if corrupt != nil && errors.As(err, new(*txnlog.CorruptError)) {
			err = nil
		}
		return err
	})
}

// describe shows a damaged record.
func (c *control) describe(file string, bad *txnlog.CorruptError) string {
	f, err := vfs.OS().Open(file)
	if err != nil {
		return bad.Error()
	}
	defer f.Close()
	s, err := txnlog.NewScanner(f, file, 0)
	if err != nil {
		return bad.Error()
	}
	for {
		rec, err := s.Next()
		if err != nil && !errors.Is(err, txnlog.ErrChecksum) {
			return bad.Error()
		}
		if rec.Offset != bad.Offset {
			continue
		}
		t, err := txn.Decode(rec.Body, len(rec.Body))
		if err != nil {
			return fmt.Sprintf("offset %d: wrong checksum, and not readable as a transaction: %v", bad.Offset, err)
		}
		return fmt.Sprintf("offset %d: wrong checksum: %s", bad.Offset, toolkit.Line(&t, time.Local))
	}
}

// rewriteLog replaces a log by what write writes. The original stays beside it, under a
// name that no server takes for a log.
func (c *control) rewriteLog(file, prefix string, write func(w io.Writer) error) error {
	dir, base := filepath.Split(filepath.Clean(file))
	kept := filepath.Join(dir, prefix+base)
	if _, err := os.Stat(kept); err == nil {
		return exitError{1, fmt.Errorf("%s is there from an earlier call: move it away first", kept)}
	}
	lock, err := storage.Lock(vfs.OS(), filepath.Clean(dir), "gokeeper log")
	if err != nil {
		return exitError{1, err}
	}
	defer lock.Close()
	tmp := filepath.Join(dir, ".unfinished-"+base)
	if err := writeFile(tmp, write); err != nil {
		return exitError{1, errors.Join(err, os.Remove(tmp))}
	}
	if err := os.Link(file, kept); err != nil {
		return exitError{1, errors.Join(fmt.Errorf("keep the original: %w", err), os.Remove(tmp))}
	}
	err = os.Rename(tmp, file)
	if err == nil {
		err = vfs.OS().SyncDir(filepath.Clean(dir))
	}
	if err != nil {
		return exitError{1, err}
	}
	fmt.Fprintf(c.stdout, "%s was rewritten; the original is %s\n", file, kept)
	return nil
}

// writeFile makes a file, durably.
func writeFile(name string, write func(w io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	return errors.Join(write(w), w.Flush(), f.Sync(), f.Close())
}

func (c *control) logTruncate() *cobra.Command {
	var to zxidFlag
	cmd := &cobra.Command{
		Use: "truncate FILE --to ZXID", Short: "cut a log behind a transaction", Args: cobra.ExactArgs(1),
		Long: "Cuts a log behind the transaction, which must be in it. The original stays beside the log\n" +
			"under another name. Later logs and newer snapshots of the directory are named, since a\n" +
			"server would go on with them; to bring a whole directory back to a transaction use\n" +
			"`gokeeper backup` and `gokeeper restore --at`.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("to") {
				return errors.New("say behind which transaction: --to ZXID")
			}
			return c.truncateLog(args[0], to.zxid)
		},
	}
	cmd.Flags().Var(&to, "to", "last transaction that stays")
	return cmd
}

func (c *control) truncateLog(file string, to proto.Zxid) error {
	cut := 0
	err := c.rewriteLog(file, "whole-", func(w io.Writer) error {
		var err error
		cut, err = txnlog.CopyUpTo(vfs.OS(), file, w, 0, to)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "it ends with %v now, %d records were cut\n", to, cut)
	names, err := vfs.OS().ReadDir(filepath.Dir(file))
	if err != nil {
		return exitError{1, err}
	}
	for _, name := range names {
		zxid, ok := txnlog.ParseName(name)
		if !ok {
			zxid, ok = snapshotName(name)
		}
		if ok && zxid > to {
			fmt.Fprintf(c.stdout, "%s holds more than %v: move it away if a server is to go on there\n", name, to)
		}
	}
	return nil
}
