package toolkit

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/vfs"
)

// Streams is where a tool reads and writes, and in which time zone it shows times.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	FS       vfs.FS
	Zone     *time.Location
	Now      func() time.Time
}

// Scripts are the names by which [Run] knows the tools.
var Scripts = []string{
	"zkTxnLogToolkit.sh", "zkSnapShotToolkit.sh", "zkSnapshotComparer.sh", "zkSnapshotRecursiveSummaryToolkit.sh", "zkCleanup.sh",
}

// Run carries out the command line of the script of that name as Java's tool does: the
// same arguments, output and exit codes. What Java reports by a stack trace is one line on
// the error stream here.
func Run(script string, args []string, s Streams) int {
	switch script {
	case "zkTxnLogToolkit.sh":
		return s.txnLog(args)
	case "zkSnapShotToolkit.sh":
		return s.snapshot(args)
	case "zkSnapshotComparer.sh":
		return s.comparer(args)
	case "zkSnapshotRecursiveSummaryToolkit.sh":
		return s.summary(args)
	case "zkCleanup.sh":
		return s.purge(args)
	}
	return s.say(2, "no tool is called %s: there are %s", script, strings.Join(Scripts, ", "))
}

// fail prints the error and returns the code.
func (s Streams) fail(code int, err error) int { return s.say(code, "%v", err) }

// say prints a line of Java's on the error stream and returns the code.
func (s Streams) say(code int, format string, args ...any) int {
	fmt.Fprintf(s.Err, format+"\n", args...)
	return code
}

// usage prints how a tool is called, behind what is wrong.
func (s Streams) usage(w io.Writer, code int, text, wrong string) int {
	if wrong != "" {
		fmt.Fprintln(s.Err, wrong)
	}
	fmt.Fprint(w, text)
	return code
}

// arguments are options by their letter, and what is none.
type arguments struct {
	values map[byte]string
	rest   []string
}

func (a *arguments) has(letter byte) bool { _, ok := a.values[letter]; return ok }

// parse reads arguments. flags and valued list the options' letters; long names their
// other form. wrong is what cannot be understood.
func parse(args []string, flags, valued string, long map[string]byte) (a arguments, wrong string) {
	a.values = map[byte]string{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' {
			a.rest = append(a.rest, arg)
			continue
		}
		letters := arg[1:]
		if name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "="); long[name] != 0 {
			letters = string(long[name])
			if ok {
				letters += value
			}
		}
		for k := 0; k < len(letters); k++ {
			c := letters[k]
			switch {
			case strings.IndexByte(flags, c) >= 0:
				a.values[c] = ""
				continue
			case strings.IndexByte(valued, c) < 0:
				return a, "Unrecognized option: " + arg
			case k+1 < len(letters):
				a.values[c] = letters[k+1:]
			case i+1 == len(args):
				return a, "Missing argument for option: " + string(c)
			default:
				i++
				a.values[c] = args[i]
			}
			break
		}
	}
	return a, ""
}

func (s Streams) snapshotOptions() SnapshotOptions { return SnapshotOptions{Zone: s.Zone} }

func (s Streams) snapshot(args []string) int {
	var data, ncdu bool
	var files []string
	for _, a := range args {
		switch a {
		case "-d":
			data = true
		case "-json":
			ncdu = true
		default:
			files = append(files, a)
		}
	}
	switch {
	case data && ncdu:
		return s.say(2, "Cannot specify both data dump (-d) and json mode (-json) in same call")
	case len(files) != 1:
		return s.usage(s.Err, 2, usageSnapshot, "")
	}
	if _, err := s.FS.Stat(files[0]); err != nil {
		return s.say(2, "File '%s' does not exist.", files[0])
	}
	opt := s.snapshotOptions()
	opt.Data = data
	var err error
	if ncdu {
		err = FormatJSON(s.Out, s.FS, files[0], s.Now(), opt)
	} else {
		err = FormatSnapshot(s.Out, s.FS, files[0], opt)
	}
	if err != nil {
		return s.fail(1, err)
	}
	return 0
}

func (s Streams) summary(args []string) int {
	if len(args) != 3 {
		return s.usage(s.Err, 2, usageSummary, "")
	}
	depth, err := strconv.Atoi(args[2])
	if err != nil {
		return s.usage(s.Err, 2, usageSummary, "")
	}
	if err := Summarize(s.Out, s.FS, args[0], args[1], depth, false, s.snapshotOptions()); err != nil {
		return s.fail(1, err)
	}
	return 0
}

func (s Streams) comparer(args []string) int {
	long := map[string]byte{"bytes": 'b', "debug": 'd', "interactive": 'i', "left": 'l', "nodes": 'n', "right": 'r'}
	a, wrong := parse(args, "di", "blnr", long)
	if wrong != "" {
		return s.usage(s.Out, 2, usageComparer, wrong)
	}
	var missing []string
	for _, c := range "lrbn" {
		if !a.has(byte(c)) {
			missing = append(missing, string(c))
		}
	}
	if len(missing) > 0 {
		word := "option"
		if len(missing) > 1 {
			word += "s"
		}
		return s.usage(s.Out, 2, usageComparer, "Missing required "+word+": "+strings.Join(missing, ", "))
	}
	bytes, err := strconv.ParseInt(a.values['b'], 10, 64)
	nodes, nerr := strconv.Atoi(a.values['n'])
	if err := errors.Join(err, nerr); err != nil {
		return s.usage(s.Out, 2, usageComparer, err.Error())
	}
	if a.has('i') {
		return s.say(2, "the interactive mode is not offered here: leave out -i, all layers are printed; -d tells of each node")
	}
	opt := CompareOptions{Thresholds{bytes, nodes, a.has('d')}, s.snapshotOptions(), s.Now}
	if _, err := Compare(s.Out, s.FS, a.values['l'], a.values['r'], opt); err != nil {
		return s.fail(1, err)
	}
	return 0
}
