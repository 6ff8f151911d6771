package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"gokeeper/server"
	"gokeeper/server/config"
	"gokeeper/server/jute"
	"gokeeper/server/proto"
)

// patience is how long a test waits for what must happen at once.
const patience = 20 * time.Second

// configure returns the configuration of a file with these lines on a data directory.
func configure(t *testing.T, dir string, lines ...string) config.Config {
	t.Helper()
	text := strings.Join(append([]string{"dataDir=" + dir, "tickTime=2000", "4lw.commands.whitelist=*", "preAllocSize=64",
		"admin.serverAddress=127.0.0.1", "admin.serverPort=0"}, lines...), "\n")
	cfg, complaints := config.Parse(config.Input{Path: "./zoo.cfg", ReadFile: func(name string) ([]byte, error) {
		if name != "./zoo.cfg" {
			if b, err := os.ReadFile(name); err == nil {
				return b, nil
			}
			return nil, fs.ErrNotExist // there is no myid
		}
		return []byte(text), nil
	}})
	if config.ExitCode(complaints) != 0 {
		t.Fatalf("%s\n%v", text, complaints)
	}
	return cfg
}

// running is a server in this process.
type running struct {
	*server.Server
	t    *testing.T
	stop context.CancelFunc
	end  chan error
}

// start runs a server on a free port until the test ends or halt is called.
func start(t *testing.T, cfg config.Config, opt server.Options) *running {
	t.Helper()
	opt.Listen = "127.0.0.1:0"
	s, err := server.New(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{s, t, cancel, make(chan error, 1)}
	go func() { r.end <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); r.wait() })
	return r
}

// wait returns how Run ended.
func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.end:
		r.end <- err // for the next who asks
		return err
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		r.t.Fatalf("the server does not end\n%s", stacks[:runtime.Stack(stacks, true)])
		return nil
	}
}

// halt stops the server and wants it to end well.
func (r *running) halt() {
	r.t.Helper()
	r.stop()
	if err := r.wait(); err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

// noGoroutines waits for the goroutines of all servers to be gone.
func noGoroutines(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	var left []string
	for limit := time.Now().Add(patience); time.Now().Before(limit); runtime.Gosched() {
		left = left[:0]
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(stack, "gokeeper/server.") || strings.Contains(stack, "gokeeper/server/") && !strings.Contains(stack, "testing.tRunner") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

// word asks with a four-letter word.
func (r *running) word(word string) string {
	r.t.Helper()
	return r.wordOver((&net.Dialer{}).DialContext, r.ClientAddr(), word)
}

// client is a session on a connection of its own.
type client struct {
	net.Conn
	t        *testing.T
	session  proto.SessionID
	password []byte
	xid      int32
	zxid     proto.Zxid // of the last reply
}

var errExpired = errors.New("no such session")

// connect opens a session, or resumes that of another client.
func (r *running) connect(old *client) (*client, error) {
	r.t.Helper()
	return r.connectAs(old, false)
}

// connectAs is connect of a client that is content with a server that only serves reads.
func (r *running) connectAs(old *client, readOnly bool) (*client, error) {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.ClientAddr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	ask := proto.ConnectRequest{Timeout: 30000, Password: make([]byte, 16), HasReadOnly: true, ReadOnly: readOnly}
	if old != nil {
		ask.Session, ask.Password = old.session, old.password
	}
	c := &client{Conn: nc, t: r.t, xid: 15} // the next is looked at for traffic
	c.write(ask.Append(nil))
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	d := jute.NewDecoder(b)
	d.Int()
	timeout := d.Int()
	c.session, c.password = proto.SessionID(d.Long()), append([]byte(nil), d.Buffer()...)
	if d.Err() != nil {
		r.t.Fatal(d.Err())
	}
	if timeout == 0 {
		return nil, errExpired
	}
	return c, nil
}

func (r *running) mustConnect(old *client) *client {
	r.t.Helper()
	c, err := r.connect(old)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (c *client) write(body []byte) {
	c.t.Helper()
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// send sends a request and returns its xid.
func (c *client) send(op proto.Op, record []byte) int32 {
	c.t.Helper()
	c.xid++
	h := proto.RequestHeader{Xid: c.xid, Op: op}
	c.write(append(h.Append(nil), record...))
	return c.xid
}

// reply reads the reply to the xid, passing over events, and returns its record.
func (c *client) reply(xid int32) ([]byte, proto.Error) {
	c.t.Helper()
	b, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	d := jute.NewDecoder(b)
	got := d.Int()
	if got == proto.XidEvent {
		return c.reply(xid)
	}
	if got != xid {
		c.t.Fatalf("reply to %d, want %d", got, xid)
	}
	c.zxid = proto.Zxid(d.Long())
	code := proto.Error(d.Int())
	return d.Rest(), code
}

// do wants a request to succeed.
func (c *client) do(op proto.Op, record []byte) []byte {
	c.t.Helper()
	b, code := c.reply(c.send(op, record))
	if code != proto.OK {
		c.t.Fatalf("%v: %v", op, code)
	}
	return b
}

func createRecord(path, data string, flags int32) []byte {
	b := jute.AppendBuffer(jute.AppendString(nil, path), []byte(data))
	return jute.AppendInt(proto.AppendACL(b, proto.OpenACL()), flags)
}

func pathRecord(path string, watch bool) []byte {
	return jute.AppendBool(jute.AppendString(nil, path), watch)
}

func (c *client) create(path, data string, flags int32) {
	c.t.Helper()
	c.do(proto.OpCreate, createRecord(path, data, flags))
}

// get returns the data of a node.
func (c *client) get(path string) (string, proto.Error) {
	c.t.Helper()
	b, code := c.reply(c.send(proto.OpGetData, pathRecord(path, false)))
	if code != proto.OK {
		return "", code
	}
	d := jute.NewDecoder(b)
	return string(d.Buffer()), code
}

// holds wants a node to have the data.
func (c *client) holds(path, want string) {
	c.t.Helper()
	if got, code := c.get(path); got != want || code != proto.OK {
		c.t.Errorf("%s: got %q, %v, want %q", path, got, code, want)
	}
}
