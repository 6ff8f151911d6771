package integration

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A vector is one recorded exchange.
type vector struct {
	Name      string   `json:"name"`
	Conn      string   `json:"conn"`      // the logical connection
	NewConn   bool     `json:"new_conn"`  // opens it
	Send      string   `json:"send_hex"`  // frames to send, may be none
	Recv      string   `json:"recv_hex"`  // what must come next
	Closes    bool     `json:"closes"`    // the server closes the connection afterwards
	Mask      [][2]int `json:"mask"`      // offset and length of what varies in Recv
	Subst     [][3]any `json:"subst"`     // offset, length, "field of vector": values received earlier
	Unordered string   `json:"unordered"` // "children": the strings of the answer's vector come in any order
}

// TestVectors replays exchanges recorded on Java 3.9.6, in order, on one fresh server.
func TestVectors(t *testing.T) {
	s := newServer(t, subject(t))
	s.start(t)
	r := replay{addr: s.addr(), conns: map[string]net.Conn{}, got: map[string][]byte{}}
	defer r.close()
	for _, v := range vectors(t) {
		if err := r.run(v); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
	}
	if len(r.got) < 140 {
		t.Errorf("only %d vectors were replayed", len(r.got))
	}
	if err := r.quiet(); err != nil {
		t.Error(err)
	}
}

func vectors(t *testing.T) []vector {
	b, err := os.ReadFile("testdata/client-protocol.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		var v vector
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// A replay keeps the connections and what was received by each vector.
type replay struct {
	addr  string
	conns map[string]net.Conn
	got   map[string][]byte
}

func (r *replay) close() {
	for _, c := range r.conns {
		c.Close()
	}
}

func (r *replay) run(v vector) error {
	send, err := hex.DecodeString(v.Send)
	if err != nil {
		return err
	}
	want, err := hex.DecodeString(v.Recv)
	if err != nil {
		return err
	}
	if err := r.substitute(v, send); err != nil {
		return err
	}
	if v.NewConn {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			return err
		}
		r.conns[v.Conn] = c
	}
	c := r.conns[v.Conn]
	if c == nil {
		return fmt.Errorf("connection %s is not open", v.Conn)
	}
	c.SetDeadline(time.Now().Add(15 * time.Second))
	if _, err := c.Write(send); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("%w after %d of %d bytes\ngot  %x\nwant %x", err, n, len(want), got[:n], want)
	}
	r.got[v.Name] = slices.Clone(got)
	if v.Closes {
		delete(r.conns, v.Conn)
		defer c.Close()
		if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
			return fmt.Errorf("instead of the end of the connection: %x, %v", rest, err)
		}
	}
	return compare(v, got, want)
}

// substitute overwrites parts of a request with values of earlier answers.
func (r *replay) substitute(v vector, send []byte) error {
	fields := map[string][2]int{"sessionId": {12, 8}, "passwd": {24, 16}, "zxid": {8, 8}}
	for _, s := range v.Subst {
		off, ok1 := s[0].(float64)
		n, ok2 := s[1].(float64)
		what, ok3 := s[2].(string)
		field, from, ok4 := strings.Cut(what, " of ")
		at, ok5 := fields[field]
		got, ok6 := r.got[from]
		if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || at[1] != int(n) {
			return fmt.Errorf("substitution %v", s)
		}
		copy(send[int(off):int(off)+int(n)], got[at[0]:at[0]+at[1]])
	}
	return nil
}

func compare(v vector, got, want []byte) error {
	raw := slices.Clone(got)
	for _, m := range v.Mask {
		clear(got[m[0] : m[0]+m[1]])
		clear(want[m[0] : m[0]+m[1]])
	}
	if v.Unordered == "children" {
		sortStrings(got)
		sortStrings(want)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("\ngot  %x\nwant %x\nraw  %x", got, want, raw)
	}
	return nil
}

// sortStrings sorts the strings of the vector that follows the frame's length and the reply header.
func sortStrings(b []byte) {
	const head = 20
	i := in{b: b[head:]}
	list := i.strs()
	if i.err != nil {
		return
	}
	slices.Sort(list)
	copy(b[head:], out(nil).strs(list...))
}

// quiet checks that nothing more came than what was recorded: the next packet on each connection must be the answer to
// a ping, or its end where the session was resumed elsewhere.
func (r *replay) quiet() error {
	for name, c := range r.conns {
		c.SetDeadline(time.Now().Add(15 * time.Second))
		c.Write(out(nil).i32(-2).i32(opPing).frame())
		head := make([]byte, 8)
		if _, err := io.ReadFull(c, head); err == io.EOF {
			continue
		} else if err != nil {
			return fmt.Errorf("connection %s at the end: %w", name, err)
		}
		if xid := int32(binary.BigEndian.Uint32(head[4:])); xid != -2 {
			return fmt.Errorf("connection %s: a packet with xid %d came unasked", name, xid)
		}
	}
	return nil
}
