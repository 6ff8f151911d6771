package admin

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
)

// defaultMask is the trace mask of a server at its start.
const defaultMask = 306

// notServing is what most words say while there is no quorum, and hash without the
// newline.
const notServing = "This ZooKeeper instance is not currently serving requests"

// word is one four-letter word.
type word struct {
	always bool // answers without a quorum as well
	run    func(*Words, []byte) string
}

var words = map[string]word{
	"ruok": {true, func(*Words, []byte) string { return "imok" }},
	"srvr": {false, (*Words).srvr},
	"stat": {false, (*Words).stat},
	"cons": {false, (*Words).cons},
	"crst": {false, (*Words).crst},
	"srst": {false, (*Words).srst},
	"conf": {false, (*Words).conf},
	"envi": {true, (*Words).envi},
	"dump": {false, (*Words).dump},
	"wchs": {false, (*Words).wchs},
	"wchc": {false, (*Words).wchc},
	"wchp": {false, (*Words).wchp},
	"dirs": {false, (*Words).dirs},
	"isro": {true, (*Words).isro},
	"mntr": {false, (*Words).mntr},
	"hash": {false, (*Words).hash},
	"gtmk": {true, func(w *Words, _ []byte) string { return fmt.Sprint(w.mask.Load()) }},
	"stmk": {true, (*Words).stmk},

	"telnet close": {true, func(*Words, []byte) string { return "" }},
}

// Words answers four-letter words.
type Words struct {
	source  Source
	allowed func(word string) bool
	mask    atomic.Int64
}

// NewWords returns the words of a server. allowed is the whitelist.
func NewWords(source Source, allowed func(word string) bool) *Words {
	w := &Words{source: source, allowed: allowed}
	w.mask.Store(defaultMask)
	return w
}

// Run answers a word. arg is what follows stmk. A word that does not exist has no
// answer, one that is not allowed has a refusal.
func (w *Words) Run(name string, arg []byte) []byte {
	cmd, known := words[name]
	switch {
	case !known:
		return nil
	case !w.allowed(name):
		return []byte(name + " is not executed because it is not in the whitelist.\n")
	case cmd.always || w.source.Serving():
		return []byte(cmd.run(w, arg))
	case name == "hash":
		return []byte(notServing)
	}
	return []byte(notServing + "\n")
}

func (w *Words) stmk(arg []byte) string {
	if len(arg) < 8 {
		return ""
	}
	mask := int64(binary.BigEndian.Uint64(arg))
	w.mask.Store(mask)
	return fmt.Sprint(mask)
}

func (w *Words) isro([]byte) string {
	switch {
	case !w.source.Serving():
		return "null"
	case w.source.Summary().ReadOnly:
		return "ro"
	}
	return "rw"
}

func (w *Words) crst([]byte) string {
	w.source.ResetConnections()
	return "Connection stats reset.\n"
}

func (w *Words) srst([]byte) string {
	w.source.ResetStats()
	return "Server stats reset.\n"
}

func (w *Words) dirs([]byte) string {
	data, logs := w.source.Sizes()
	return fmt.Sprintf("datadir_size: %d\nlogdir_size: %d\n", data, logs)
}

func (w *Words) envi([]byte) string {
	var b strings.Builder
	b.WriteString("Environment:\n")
	for _, e := range w.source.Environment() {
		fmt.Fprintf(&b, "%s=%s\n", e[0], e[1])
	}
	return b.String()
}

func (w *Words) hash([]byte) string {
	var b strings.Builder
	for _, d := range w.source.Digests() {
		fmt.Fprintf(&b, "%x: %d\n", uint64(d.Zxid), d.Value)
	}
	return b.String()
}

func (w *Words) mntr([]byte) string {
	var b strings.Builder
	for _, l := range w.source.Gauges() {
		fmt.Fprintf(&b, "zk_%s\t%s\n", l.Name, l.Value)
	}
	for _, l := range w.source.Metrics().Lines() {
		fmt.Fprintf(&b, "zk_%s\t%s\n", l.Name, l.Value)
	}
	return b.String()
}
