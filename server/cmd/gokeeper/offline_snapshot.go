package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"gokeeper/server/proto"
	"gokeeper/server/snapshot"
	"gokeeper/server/toolkit"
	"gokeeper/server/vfs"
)

func snapshotName(name string) (proto.Zxid, bool) { return snapshot.ParseName(name) }

func (c *control) snapshotCommand() *cobra.Command {
	return group("snapshot", "look into snapshots", c.snapshotShow(), c.snapshotCheck(), c.snapshotDiff(), c.snapshotSummary())
}

// reading returns how a snapshot is read with a bar, and what ends the bar.
func (c *control) reading(file string) (toolkit.SnapshotOptions, func()) {
	told, done := c.progressOf(file)
	return toolkit.SnapshotOptions{Zone: time.Local, Progress: told}, done
}

func (c *control) snapshotShow() *cobra.Command {
	var data, asJSON, ncdu bool
	cmd := &cobra.Command{
		Use: "show FILE", Short: "print the nodes and sessions, as zkSnapShotToolkit.sh or as JSON lines", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			opt, done := c.reading(args[0])
			defer done()
			opt.Data, opt.JSON = data, asJSON
			if ncdu {
				return snapshotJudged(toolkit.FormatJSON(c.stdout, vfs.OS(), args[0], time.Now(), opt))
			}
			return snapshotJudged(toolkit.FormatSnapshot(c.stdout, vfs.OS(), args[0], opt))
		},
	}
	cmd.Flags().BoolVarP(&data, "data", "d", false, "print the data, in base64")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	cmd.Flags().BoolVar(&ncdu, "ncdu", false, "print sizes in the export format of ncdu")
	cmd.MarkFlagsMutuallyExclusive("ncdu", "data")
	cmd.MarkFlagsMutuallyExclusive("ncdu", "json")
	return cmd
}

// snapshotJudged gives an error the exit code of its kind.
func snapshotJudged(err error) error {
	var corrupt *snapshot.CorruptError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &corrupt):
		return exitError{exitDamaged, fmt.Errorf("%w (a server goes on with the snapshot before, if the logs reach back to it: see `gokeeper data check`)", err)}
	}
	return exitError{1, err}
}

// snapshotReport is what is printed about a snapshot.
type snapshotReport struct {
	File     string `json:"file"`
	Nodes    int    `json:"nodes"`
	Sessions int    `json:"sessions"`
	ACLs     int    `json:"acls"`
	Bytes    int64  `json:"bytes"` // of data
	Last     string `json:"last,omitempty"`
	Digest   string `json:"digest,omitempty"`
	Damage   string `json:"damage,omitempty"`
}

// Session counts it.
func (r *snapshotReport) Session(snapshot.Session) error { r.Sessions++; return nil }

// ACL counts it.
func (r *snapshotReport) ACL(int64, []proto.ACL) error { r.ACLs++; return nil }

// Node counts it.
func (r *snapshotReport) Node(n *snapshot.Node) error {
	r.Nodes++
	r.Bytes += int64(len(n.Data))
	return nil
}

func (c *control) snapshotCheck() *cobra.Command {
	cmd := checkCommand(snapshot.ParseName, c.checkSnapshot)
	cmd.Short = "read snapshots to their end and check their seals"
	cmd.Long = "Reads snapshots to their end and checks their seals.\n" + exitCodesHelp
	return cmd
}

func (c *control) checkSnapshot(file string, asJSON bool) (int, error) {
	told, done := c.progress(filepath.Base(file), size(file))
	r := snapshotReport{File: file}
	t, err := snapshot.ScanFile(vfs.OS(), file, 0, &r, told)
	done()
	var corrupt *snapshot.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return 0, err
	}
	if corrupt != nil {
		r.Damage = corrupt.Error()
		c.printReport(asJSON, r, fmt.Sprintf("%s: damaged: %s", file, r.Damage))
		return exitDamaged, nil
	}
	line := fmt.Sprintf("%s: sound: %d nodes, %d bytes of data, %d sessions", file, r.Nodes, r.Bytes, r.Sessions)
	if t.Last != nil {
		r.Last = t.Last.String()
		line += ", written up to " + r.Last
	}
	if t.Digest != nil {
		r.Digest = t.Digest.String()
	}
	c.printReport(asJSON, r, line)
	return 0, nil
}

func (c *control) snapshotDiff() *cobra.Command {
	var opt toolkit.CompareOptions
	cmd := &cobra.Command{
		Use: "diff LEFT RIGHT", Short: "print in which subtrees the sizes differ, as zkSnapshotComparer.sh or as JSON lines", Args: cobra.ExactArgs(2),
		Long: "Prints in which subtrees of two snapshots the sizes differ, layer by layer. Only numbers\n" +
			"of nodes and bytes are compared.\n\nExit codes: 0 no difference is listed, 4 some are, 1 could not be done, 5 a snapshot is damaged.",
		RunE: func(_ *cobra.Command, args []string) error {
			opt.Now, opt.Zone = time.Now, time.Local
			listed, err := toolkit.Compare(c.stdout, vfs.OS(), args[0], args[1], opt)
			if err == nil && listed {
				return exitCode(exitRemarks)
			}
			return snapshotJudged(err)
		},
	}
	cmd.Flags().Int64Var(&opt.Bytes, "bytes", 0, "list what differs by more bytes")
	cmd.Flags().IntVar(&opt.Thresholds.Nodes, "nodes", 0, "list what differs by more descendants")
	cmd.Flags().BoolVar(&opt.Debug, "debug", false, "also say what is compared and left out")
	cmd.Flags().BoolVar(&opt.JSON, "json", false, "print JSON lines")
	return cmd
}

func (c *control) snapshotSummary() *cobra.Command {
	var depth int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "summary FILE [PATH]", Short: "print how many nodes and bytes are below each node, as zkSnapshotRecursiveSummaryToolkit.sh", Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			opt, done := c.reading(args[0])
			defer done()
			start := "/"
			if len(args) > 1 {
				start = args[1]
			}
			return snapshotJudged(toolkit.Summarize(c.stdout, vfs.OS(), args[0], start, depth, asJSON, opt))
		},
	}
	cmd.Flags().IntVar(&depth, "depth", 0, "levels to print below the path; 0 is all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return cmd
}
