package cli

import (
	"encoding/json"
	"errors"
	"io"
	"sync"

	"gokeeper/server/client"
)

// answer is what a command has to say: in text, on both outputs, or as a document.
type answer struct {
	out, err string
	doc      any // nil for an empty document
}

// doc is a JSON object.
type doc map[string]any

// output is where everything is printed. Its methods may be called from any goroutine:
// events come when they come.
type output struct {
	out, err io.Writer
	editor   Editor
	json     bool

	mu      sync.Mutex // guards what follows, and keeps what is printed together
	watches bool       // print events
	silent  bool       // print no events whatever watches says
}

// plain prints text for people, nothing where documents are printed.
func (o *output) plain(text string) {
	if o.json || text == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = io.WriteString(o.out, text) // whoever does not read it misses it
}

// note prints a line for people on the error output.
func (o *output) note(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = io.WriteString(o.err, line+"\n")
}

// document prints a JSON document in a line.
func (o *output) document(v any) {
	if v == nil {
		v = doc{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e := json.NewEncoder(o.out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // documents hold nothing that cannot be encoded
}

// answer prints what a command has said. Of one that failed there is no document.
func (o *output) answer(a answer, ok bool) {
	if a.err != "" && (!o.json || !ok) {
		o.note(a.err)
	}
	if o.json && ok {
		o.document(a.doc)
	}
	o.plain(a.out)
}

// event prints an event, as Java's shell does. Programs are told of nodes alone.
func (o *output) event(e client.Event) {
	o.mu.Lock()
	wanted := o.watches && !o.silent
	o.mu.Unlock()
	switch {
	case !wanted:
	case o.json && e.Type != client.EventNone:
		o.document(doc{"event": doc{"state": e.State.String(), "type": e.Type.String(), "path": e.Path, "zxid": e.Zxid.String()}})
	case o.json:
	case o.editor != nil:
		o.editor.Print("\nWATCHER::\n\n" + e.String() + "\n")
	default:
		o.plain("\nWATCHER::\n\n" + e.String() + "\n")
	}
}

// silence ends the printing of events.
func (o *output) silence() {
	o.mu.Lock()
	o.silent = true
	o.mu.Unlock()
}

// errorDocument tells a program what went wrong.
func errorDocument(err error) doc {
	e := doc{"code": codeName(err), "message": text(err)}
	if h := hint(err); h != "" {
		e["hint"] = h
	}
	if op := (*client.OpError)(nil); errors.As(err, &op) && op.Path != "" {
		e["path"] = op.Path
	}
	return doc{"error": e}
}
