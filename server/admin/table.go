package admin

import (
	"net/url"
	"slices"
	"sync/atomic"
)

// defaultMask is the trace mask of a server at its start.
const defaultMask = 306

// notServing is what most commands say while there is no quorum, and hash without the
// newline.
const notServing = "This ZooKeeper instance is not currently serving requests"

// command is one row of the table: a question that operators ask, by its word on the
// client port, by its names over HTTP, or by both. Both renderings tell the same facts.
type command struct {
	word       string   // "": there is no such word
	names      []string // over HTTP, the primary one first; nil: none
	wordAlways bool     // the word is answered by a server that does not serve as well
	httpAlways bool     // the same for HTTP, where it is said of other commands
	text       func(c *Commands, arg []byte) string
	object     func(c *Commands, q url.Values) (object, error)
}

// table is every command but snapshot and restore, which have more to them than an
// answer: see backup.go.
func table() []command {
	const always, served = true, false
	return []command{
		{"ruok", []string{"ruok"}, always, served, (*Commands).ruok, nothing},
		{"srvr", []string{"server_stats", "srvr"}, served, served, (*Commands).srvr, (*Commands).serverStats},
		{"stat", []string{"stats", "stat"}, served, served, (*Commands).stat, (*Commands).stats},
		{"cons", []string{"connections", "cons"}, served, served, (*Commands).cons, (*Commands).connections},
		{"crst", []string{"connection_stat_reset", "crst"}, served, served, (*Commands).crst, (*Commands).resetConnections},
		{"srst", []string{"stat_reset", "srst"}, served, served, (*Commands).srst, (*Commands).resetStats},
		{"conf", []string{"configuration", "conf", "config"}, served, served, (*Commands).conf, (*Commands).configuration},
		{"envi", []string{"environment", "env", "envi"}, always, always, (*Commands).envi, (*Commands).environment},
		{"dump", []string{"dump"}, served, served, (*Commands).dump, (*Commands).sessions},
		{"wchs", []string{"watch_summary", "wchs"}, served, served, (*Commands).wchs, (*Commands).watchSummary},
		{"wchc", []string{"watches", "wchc"}, served, served, (*Commands).wchc, (*Commands).watches},
		{"wchp", []string{"watches_by_path", "wchp"}, served, served, (*Commands).wchp, (*Commands).watchesByPath},
		{"dirs", []string{"dirs"}, served, served, (*Commands).dirs, (*Commands).directories},
		{"isro", []string{"is_read_only", "isro"}, always, served, (*Commands).isro, (*Commands).isReadOnly},
		{"mntr", []string{"monitor", "mntr"}, served, served, (*Commands).mntr, (*Commands).monitor},
		{"hash", []string{"hash"}, served, served, (*Commands).hash, (*Commands).digests},
		{"gtmk", []string{"get_trace_mask", "gtmk"}, always, always, (*Commands).gtmk, (*Commands).traceMask},
		{"stmk", []string{"set_trace_mask", "stmk"}, always, always, (*Commands).stmk, (*Commands).setTraceMask},
		{wordTelnetClose, nil, always, served, func(*Commands, []byte) string { return "" }, nil},
		{"", []string{"initial_configuration", "icfg"}, served, served, nil, (*Commands).initialConfiguration},
		{"", []string{"last_snapshot", "lsnp"}, served, served, nil, (*Commands).lastSnapshot},
		{"", []string{"leader", "lead"}, served, served, nil, (*Commands).leader},
		{"", []string{"observer_connection_stat_reset", "orst"}, served, served, nil, (*Commands).resetObservers},
		{"", []string{"observers", "obsr"}, served, served, nil, (*Commands).observers},
		{"", []string{"system_properties", "sysp"}, served, always, nil, (*Commands).systemProperties},
		{"", []string{"voting_view"}, served, served, nil, (*Commands).votingView},
		{"", []string{"zabstate"}, served, always, nil, (*Commands).zabState},
	}
}

// wordTelnetClose is what the close sequence of telnet is called in refusals.
const wordTelnetClose = "telnet close"

// Commands answers what operators ask, by word or by name. Its methods may be called
// from any goroutine.
type Commands struct {
	source  Source
	secure  bool // of who asks: to words only the connections of the same port are told
	allowed func(word string) bool
	mask    *atomic.Int64
	words   map[string]*command
	names   map[string]*command
}

// NewCommands returns the commands of a server. allowed is the whitelist of words; over
// HTTP there is none.
func NewCommands(source Source, allowed func(word string) bool) *Commands {
	c := &Commands{source: source, mask: new(atomic.Int64), allowed: allowed, words: map[string]*command{}, names: map[string]*command{}}
	c.mask.Store(defaultMask)
	rows := table()
	for i := range rows {
		row := &rows[i]
		if row.word != "" {
			c.words[row.word] = row
		}
		for _, name := range row.names {
			c.names[name] = row
		}
	}
	return c
}

// OfSecurePort returns the same commands for who asks on the port that speaks TLS alone.
// Java's words tell of the connections of the port on which they are asked.
func (c *Commands) OfSecurePort() *Commands {
	other := *c
	other.secure = true
	return &other
}

// connectionsOf returns those of one of the ports.
func (c *Commands) connectionsOf(secure bool) (out []Connection) {
	for _, x := range c.source.Connections() {
		if x.Secure == secure {
			out = append(out, x)
		}
	}
	return out
}

// Word answers a four-letter word. arg is what follows stmk. A word that does not exist
// has no answer, one that is not allowed has a refusal.
func (c *Commands) Word(name string, arg []byte) []byte {
	cmd := c.words[name]
	switch {
	case cmd == nil:
		return nil
	case !c.allowed(name):
		return []byte(name + " is not executed because it is not in the whitelist.\n")
	case cmd.wordAlways || c.source.Serving():
		return []byte(cmd.text(c, arg))
	case name == "hash":
		return []byte(notServing)
	}
	return []byte(notServing + "\n")
}

// primaries returns the names under which commands are listed, sorted.
func (c *Commands) primaries() []string {
	out := []string{snapshotNames[0], restoreNames[0]}
	for name, cmd := range c.names {
		if name == cmd.names[0] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// answer runs the command of that name for HTTP. The answer to a command that does not
// exist or cannot be served is an object as well.
func (c *Commands) answer(name string, q url.Values) object {
	cmd := c.names[name]
	switch {
	case cmd == nil:
		return closed(nil, name, javaError("Unknown command: "+name))
	case !cmd.httpAlways && !c.source.Serving():
		return closed(nil, name, errNotServing)
	}
	o, err := cmd.object(c, q)
	if err != nil { // Java puts the error of a command itself in front
		return object{{"error", err.Error()}, {"command", cmd.names[0]}}
	}
	return closed(o, cmd.names[0], nil)
}

// closed adds the two fields that end every answer.
func closed(o object, name string, err error) object {
	var text any
	if err != nil {
		text = err.Error()
	}
	return append(o, field{"command", name}, field{"error", text})
}

// javaError is an error in the words that Java's admin server has for it.
type javaError string

// Error returns them.
func (e javaError) Error() string { return string(e) }

const (
	errNotServing     javaError = notServing
	errNotInitialized javaError = "server is not initialized"
)

// nothing is the answer of commands that only do something.
func nothing(*Commands, url.Values) (object, error) { return nil, nil }
