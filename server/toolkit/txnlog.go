package toolkit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"gokeeper/server/proto"
	"gokeeper/server/txn"
	"gokeeper/server/txnlog"
)

// errAborted says that the user wanted no more.
var errAborted = errors.New("recovery aborted")

// txnLog is the command line of TxnLogToolkit.
func (s Streams) txnLog(args []string) int {
	long := map[string]byte{"chop": 'c', "dump": 'd', "help": 'h', "recover": 'r', "verbose": 'v', "yes": 'y', "zxid": 'z'}
	a, wrong := parse(args, "cdhrvy", "z", long)
	switch {
	case wrong != "":
		return s.usage(s.Out, 1, usageTxnLog, wrong+"\n")
	case a.has('h'):
		return s.usage(s.Out, 0, usageTxnLog, "")
	case len(a.rest) == 0:
		return s.usage(s.Out, 1, usageTxnLog, "")
	}
	file := a.rest[0]
	if f, err := s.FS.Open(file); err != nil {
		return s.say(1, "File doesn't exist or not readable: %s", file)
	} else if err := f.Close(); err != nil {
		return s.fail(1, err)
	}
	switch {
	case a.has('c') && a.has('z'):
		return s.chop(file, a.values['z'])
	case a.has('r'):
		return s.recover(file, a.has('v'), a.has('y'))
	}
	_, end, err := DumpLog(s.Out, s.FS, file, LogOptions{Zone: s.Zone})
	return s.read(file, end, err)
}

// read turns what became of reading a log into an exit code.
func (s Streams) read(file string, end txnlog.End, err error) int {
	switch {
	case errors.Is(err, txnlog.ErrMagic):
		return s.say(2, "Invalid magic number for %s", filepath.Base(file))
	case err != nil:
		return s.fail(1, err)
	case end == txnlog.EndPartial:
		return s.say(1, "Last transaction was partial.")
	}
	return 0
}

func (s Streams) chop(file, at string) int {
	zxid, err := strconv.ParseInt(at, 0, 64)
	if err != nil {
		return s.say(1, "-z %s is no zxid: give it as 0x… or in decimal", at)
	}
	if err := Chop(s.Out, s.FS, file, proto.Zxid(zxid)); err != nil && !errors.Is(err, errNotChopped) {
		fmt.Fprintf(s.Out, "Got exception: %v\n", err)
	}
	return 0 // as in Java, whatever became of it
}

// recover copies a log with right checksums.
func (s Streams) recover(file string, verbose, yes bool) int {
	name := file + ".fixed"
	if _, err := s.FS.Stat(name); err == nil {
		return s.say(1, "Recovery file %s already exists or not writable", name)
	}
	f, err := s.FS.Open(file)
	if err != nil {
		return s.fail(1, err)
	}
	defer f.Close() // read only
	scanner, err := txnlog.NewScanner(f, file, 0)
	if err != nil {
		return s.read(file, 0, err)
	}
	version, dbid := scanner.Header()
	fmt.Fprintf(s.Out, "ZooKeeper Transactional Log File with dbid %d txnlog format version %d\n", dbid, version)
	out, err := s.FS.Create(name)
	if err != nil {
		return s.say(1, "Recovery file %s already exists or not writable", name)
	}
	r := recovery{s, bufio.NewReader(s.In), verbose, yes}
	fixed, n, err := txnlog.Repair(s.FS, file, io.NewOffsetWriter(out, 0), 0, r.each)
	err = errors.Join(err, out.Sync(), out.Close())
	switch {
	case errors.Is(err, errAborted):
		return s.say(0, "Recovery aborted.")
	case err != nil:
		return s.fail(1, err)
	}
	fmt.Fprintf(s.Out, "EOF reached after %d txns.\n", n)
	fmt.Fprintf(s.Out, "Recovery file %s has been written with %d fixed CRC error(s)\n", name, fixed)
	return 0
}

// recovery decides about the records of a log.
type recovery struct {
	Streams
	answers      *bufio.Reader
	verbose, yes bool
}

func (r *recovery) each(rec txnlog.Record, bad *txnlog.CorruptError) (bool, error) {
	if bad == nil && !r.verbose {
		return false, nil
	}
	t, err := txn.Decode(rec.Body, len(rec.Body))
	if err != nil {
		return false, &txnlog.CorruptError{
			File: rec.File, Offset: rec.Offset, Reason: err, Detail: "its bytes are damaged, not only its checksum",
			Remedy: "restore a backup",
		}
	}
	line := Line(&t, r.Zone)
	switch {
	case bad == nil:
		fmt.Fprintln(r.Out, line)
		return false, nil
	case r.yes:
		fmt.Fprintln(r.Out, "CRC FIXED - "+line)
		return true, nil
	}
	fmt.Fprintln(r.Out, "CRC ERROR - "+line)
	return r.ask()
}

// ask asks until there is an answer.
func (r *recovery) ask() (bool, error) {
	for {
		fmt.Fprint(r.Out, "Would you like to fix it (Yes/No/Abort) ? ")
		answer, err := r.answers.ReadString('\n')
		switch {
		case answer == "":
			return false, fmt.Errorf("no answer: call it with -y to fix all (%w)", err)
		case answer[0] == 'y' || answer[0] == 'Y':
			return true, nil
		case answer[0] == 'n' || answer[0] == 'N':
			return false, nil
		case answer[0] == 'a' || answer[0] == 'A':
			return false, errAborted
		}
	}
}
