package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"gokeeper/server/snapshot"
	"gokeeper/server/txnlog"
	"gokeeper/server/vfs"
)

// Severity says what a [Finding] means for a server.
type Severity int

// Severities.
const (
	Note   Severity = iota // normal, worth knowing
	Remark                 // a server starts, but something is damaged, lost or superfluous
	Damage                 // a server refuses to start
)

// String returns the severity in a word.
func (s Severity) String() string { return [...]string{"note", "remark", "damage"}[s] }

// Finding is something that an inspection has to say.
type Finding struct {
	Severity Severity
	File     string // name, "" for the directory as a whole
	Text     string // what is the case, and what to do
}

// SnapshotState is a snapshot that was read to its end.
type SnapshotState struct {
	SnapshotFile
	Trailer snapshot.Trailer
	Err     error // why it cannot be used
}

// LogState is a log that was read to its end.
type LogState struct {
	txnlog.File
	Report txnlog.Report
	Err    error // why it cannot be read on
}

// Inspection is what a data directory holds and what a server would do with it.
type Inspection struct {
	Snapshots []SnapshotState // the newest first
	Logs      []LogState
	Recovered *Recovered // as after a load; nil if a server refuses the directory
	Epochs    *Epochs    // nil without epoch files, and if they do not fit
	Findings  []Finding
}

// Worst returns the highest severity of the findings.
func (in *Inspection) Worst() Severity {
	worst := Note
	for _, f := range in.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

func (in *Inspection) find(s Severity, file, format string, args ...any) {
	in.Findings = append(in.Findings, Finding{s, file, fmt.Sprintf(format, args...)})
}

// Inspect reads all files of a data directory and tries what a server would do with them.
// It changes nothing, takes no lock, and may be called while a server works there. It
// takes as much memory as that server. told is called with the name of each file before it
// is read; it may be nil.
func Inspect(fsys vfs.FS, opt Options, told func(name string)) (*Inspection, error) {
	if told == nil {
		told = func(string) {}
	}
	opt.NoAutoCreate, opt.Owner = true, "an inspection"
	trial := vfs.Overlay(fsys)
	d, err := Open(trial, opt)
	if err != nil {
		return nil, err
	}
	in := &Inspection{}
	if err := d.inspectSnapshots(in, told); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.inspectLogs(in, told); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.inspectNames(in); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	told("it as a server does")
	d.try(in)
	return in, d.Close()
}

func (d *Dir) inspectSnapshots(in *Inspection, told func(string)) error {
	files, err := d.Snapshots()
	if err != nil {
		return err
	}
	for _, f := range files {
		told(f.Name)
		t, err := d.verify(f)
		var corrupt *snapshot.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return err
		}
		in.Snapshots = append(in.Snapshots, SnapshotState{f, t, err})
	}
	return nil
}

func (d *Dir) inspectLogs(in *Inspection, told func(string)) error {
	files, err := txnlog.Files(d.fs, d.logDir)
	if err != nil {
		return err
	}
	for i, f := range files {
		told(f.Name)
		rep, err := txnlog.Check(d.fs, filepath.Join(d.logDir, f.Name), d.opt.Log.Limit)
		var corrupt *txnlog.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return err
		}
		in.Logs = append(in.Logs, LogState{f, rep, err})
		switch {
		case rep.End == txnlog.EndNoHeader && i == len(files)-1:
			in.find(Note, f.Name, "nothing is in it, as after a crash at its creation: a server removes it")
		case err == nil && (rep.End == txnlog.EndCut || rep.End == txnlog.EndPartial):
			in.find(Note, f.Name, "ends with an unfinished record at offset %d, as after a crash: it was never acknowledged, and is passed over", rep.Offset)
		}
	}
	return nil
}

// inspectNames says which names count although they do not look it, and the reverse.
func (d *Dir) inspectNames(in *Inspection) error {
	for _, dir := range d.dirs() {
		names, err := d.fs.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("list %s: %w", dir, err)
		}
		for _, name := range names {
			d.inspectName(in, name)
		}
	}
	for _, dir := range []string{d.opt.DataDir, d.opt.LogDir} {
		if ok, err := d.exists(filepath.Join(dir, initializeFile)); err != nil {
			return err
		} else if ok {
			in.find(Note, initializeFile, "permits a start without data, once")
			break
		}
	}
	return nil
}

func (d *Dir) inspectName(in *Inspection, name string) {
	_, log := txnlog.ParseName(name)
	_, snap := snapshot.ParseName(name)
	plain := strings.TrimSuffix(name, snapshot.CompressionOf(name).Suffix())
	switch {
	case (log || snap) && strings.Count(plain, ".") > 1:
		in.find(Remark, name, "counts as a log or snapshot, whatever its name ends with: move it away if it is a copy")
	case !log && !snap && (strings.HasPrefix(name, txnlog.Prefix) || strings.HasPrefix(name, snapshot.Prefix)):
		in.find(Note, name, "is no name of a log or snapshot, nobody reads it, and a purge removes it")
	}
}

// try loads the directory as a server does.
func (d *Dir) try(in *Inspection) {
	rec, err := d.Load()
	if err != nil {
		in.find(Damage, "", "a server refuses to start: %v", err)
	} else {
		in.Recovered = rec
		d.judgeLoad(in, rec)
		d.tryEpochs(in, rec)
	}
	in.judgeFiles()
}

// judgeLoad says what is remarkable about a load that succeeded.
func (d *Dir) judgeLoad(in *Inspection, rec *Recovered) {
	if h := rec.Hole; h != nil {
		in.find(Remark, "", "the log goes on with %v behind %v: what was between them is lost if it ever was", h.Next, h.Prev)
	}
	if n := len(rec.Mismatches); n > 0 {
		in.find(Remark, "", "the tree's digest differs from the recorded one at %d transactions, first at %v: compare with another member, or with a backup",
			n, rec.Mismatches[0])
	}
	if rec.Repeated > 0 {
		in.find(Remark, "", "%d transactions stand in the logs again behind later ones, and are applied again: is a copy of a log among them?", rec.Repeated)
	}
	if rec.Empty {
		in.find(Note, "", "there is no data: a server begins an empty history")
	}
}

// tryEpochs reads the epoch files of a member of an ensemble.
func (d *Dir) tryEpochs(in *Inspection, rec *Recovered) {
	_, aerr := d.AcceptedEpoch()
	_, cerr := d.CurrentEpoch()
	if errors.Is(aerr, fs.ErrNotExist) && errors.Is(cerr, fs.ErrNotExist) {
		return
	}
	e, err := d.LoadEpochs(max(rec.LastZxid, 0))
	if err != nil {
		in.find(Damage, "", "a member of an ensemble refuses to start: %v", err)
		return
	}
	in.Epochs = &e
	if e.Repaired {
		in.find(Note, currentEpoch, "is behind the log, as after a crash, and is raised to %d", e.Current)
	}
	for name, err := range map[string]error{acceptedEpoch: aerr, currentEpoch: cerr} {
		if err != nil {
			in.find(Remark, name, "is missing and is made anew from the log: was the directory copied?")
		}
	}
}

// judgeFiles says which files are damaged. What a server does not need for its start may
// be needed later, when a newer file is damaged too.
func (in *Inspection) judgeFiles() {
	for _, s := range in.Snapshots {
		if s.Err != nil {
			in.find(Remark, s.Name, "is damaged: %v; a server takes an older one and more of the logs: make a new one soon, and move this one away", s.Err)
		}
	}
	for _, l := range in.Logs {
		damage := l.Err
		if damage == nil && len(l.Report.Bad) > 0 {
			damage = l.Report.Bad[0]
		}
		if damage != nil {
			if in.Recovered != nil { // else it is why the load failed, or more of that
				in.find(Remark, l.Name, "is damaged where a server does not read it now, since a snapshot holds more: %v", damage)
			}
			continue
		}
		for _, g := range l.Report.Gaps {
			if g.Next.Epoch() == g.Prev.Epoch() {
				in.find(Note, l.Name, "%v follows %v at offset %d: a snapshot must cover what is between them", g.Next, g.Prev, g.Offset)
			}
		}
	}
}
