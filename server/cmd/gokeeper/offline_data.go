package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gokeeper/server/storage"
	"gokeeper/server/vfs"
)

func (c *control) dataCommand() *cobra.Command {
	return group("data", "look into data directories", c.dataCheck())
}

func (c *control) dataCheck() *cobra.Command {
	var asJSON bool
	var logDir string
	cmd := &cobra.Command{
		Use: "check DIR", Short: "say what is in a data directory, whether it is whole, and what a server would do with it", Args: cobra.ExactArgs(1),
		Long: "Reads all snapshots and logs of a data directory to their end, and tries what a server does\n" +
			"at its start. Nothing is changed. A server may be running there; what it is just writing\n" +
			"shows as unfinished. It takes as much memory as a server.\n\n" +
			"note    normal, worth knowing\nremark  a server starts, but something is damaged, lost or superfluous\n" +
			"damage  a server refuses to start\n" + exitCodesHelp,
		RunE: func(_ *cobra.Command, args []string) error { return c.checkData(args[0], logDir, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	cmd.Flags().StringVar(&logDir, "log-dir", "", "directory of the logs, as dataLogDir says; DIR if left out")
	return cmd
}

// dataDir returns the data directory that the path means: people name the one below, too.
func dataDir(path string) string {
	if filepath.Base(filepath.Clean(path)) == "version-2" {
		return filepath.Dir(filepath.Clean(path))
	}
	return path
}

func (c *control) checkData(dir, logDir string, asJSON bool) error {
	opt := storage.Options{DataDir: dataDir(dir)}
	if logDir != "" {
		opt.LogDir = dataDir(logDir)
	}
	if _, err := os.Stat(filepath.Join(opt.DataDir, "version-2")); err != nil {
		return exitError{1, fmt.Errorf("%w: name a data directory, as dataDir in zoo.cfg does", err)}
	}
	told, done := c.telling()
	in, err := storage.Inspect(vfs.OS(), opt, told)
	done()
	if err != nil {
		return exitError{1, err}
	}
	for _, s := range in.Snapshots {
		c.printSnapshotState(s, asJSON)
	}
	for _, l := range in.Logs {
		c.printLogState(l, asJSON)
	}
	c.printOutcome(in, asJSON)
	for _, f := range in.Findings {
		line := fmt.Sprintf("%v: %s", f.Severity, f.Text)
		if f.File != "" {
			line = fmt.Sprintf("%v: %s %s", f.Severity, f.File, f.Text)
		}
		c.printReport(asJSON, map[string]string{"severity": f.Severity.String(), "file": f.File, "text": f.Text}, line)
	}
	switch in.Worst() {
	case storage.Damage:
		return exitCode(exitDamaged)
	case storage.Remark:
		return exitCode(exitRemarks)
	}
	return nil
}

func (c *control) printSnapshotState(s storage.SnapshotState, asJSON bool) {
	r := map[string]any{"snapshot": s.Name, "zxid": s.Zxid.String(), "sound": s.Err == nil}
	line := s.Name + ": sound"
	if s.Err != nil {
		r["damage"], line = s.Err.Error(), s.Name+": damaged"
	} else if s.Trailer.Last != nil {
		r["last"] = s.Trailer.Last.String()
		line += fmt.Sprintf(", written up to %v", *s.Trailer.Last)
	}
	c.printReport(asJSON, r, line)
}

func (c *control) printLogState(l storage.LogState, asJSON bool) {
	end := l.Report.End.String()
	if l.Err != nil || len(l.Report.Bad) > 0 {
		end = "damaged"
	}
	r := map[string]any{
		"log": l.Name, "records": l.Report.Records, "first": l.Report.First.String(), "last": l.Report.Last.String(), "end": end, "offset": l.Report.Offset,
	}
	line := fmt.Sprintf("%s: %d records, %v to %v, %s", l.Name, l.Report.Records, l.Report.First, l.Report.Last, end)
	if l.Report.Records == 0 {
		line = fmt.Sprintf("%s: no records, %s", l.Name, end)
	}
	c.printReport(asJSON, r, line)
}

// printOutcome says what a server would do.
func (c *control) printOutcome(in *storage.Inspection, asJSON bool) {
	rec := in.Recovered
	if rec == nil {
		return
	}
	from := rec.Snapshot
	if from == "" {
		from = "no snapshot"
	}
	r := map[string]any{
		"loads": rec.Snapshot, "replayed": rec.Replayed, "zxid": rec.LastZxid.String(), "nodes": rec.Tree.NodeCount(),
		"sessions": len(rec.Sessions), "digest": fmt.Sprintf("0x%x", rec.Tree.Digest()),
	}
	line := fmt.Sprintf("A server loads %s, replays %d transactions, and goes on behind %v with %d nodes and %d sessions.",
		from, rec.Replayed, rec.LastZxid, rec.Tree.NodeCount(), len(rec.Sessions))
	if e := in.Epochs; e != nil {
		r["acceptedEpoch"], r["currentEpoch"] = e.Accepted, e.Current
		line += fmt.Sprintf(" As a member of an ensemble it has accepted epoch %d, its current one is %d.", e.Accepted, e.Current)
	}
	c.printReport(asJSON, r, line)
}
