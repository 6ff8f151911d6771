package faults

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// member is a server's process in its namespace.
type member struct {
	t    *testing.T
	id   int
	addr string // of the client port
	ns   string
	dir  string
	bin  string
	log  *os.File
	cmd  *exec.Cmd // nil while it does not run
	done chan struct{}
}

// newMembers writes the configuration of n members, the last of which is an observer.
func newMembers(t *testing.T, w *network, n int, bin, dir string) []*member {
	t.Helper()
	var servers strings.Builder
	for i := 1; i <= n; i++ {
		role := "participant"
		if i == n {
			role = "observer"
		}
		fmt.Fprintf(&servers, "server.%d=%s:2888:3888:%s\n", i, w.address(i), role)
	}
	var members []*member
	for i := 1; i <= n; i++ {
		m := &member{t: t, id: i, addr: net.JoinHostPort(w.address(i), "2181"), ns: w.namespace(i), dir: filepath.Join(dir, fmt.Sprint(i)), bin: bin}
		text := fmt.Sprintf("tickTime=500\ninitLimit=10\nsyncLimit=4\nclientPort=2181\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n"+
			"snapCount=2000\npreAllocSize=1024\ndataDir=%s\n%s", m.dir, &servers)
		for name, content := range map[string]string{"zoo.cfg": text, "myid": fmt.Sprint(i)} {
			if err := os.MkdirAll(m.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(m.dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if m.log, err = os.Create(filepath.Join(m.dir, "log")); err != nil {
			t.Fatal(err)
		}
		members = append(members, m)
	}
	return members
}

func (m *member) start() {
	m.t.Helper()
	m.cmd = exec.Command("ip", "netns", "exec", m.ns, m.bin, "start-foreground", filepath.Join(m.dir, "zoo.cfg"))
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	done := make(chan struct{})
	m.done = done
	cmd := m.cmd
	go func() { defer close(done); _ = cmd.Wait() }()
}

// signal sends a signal to the process, which ip has become.
func (m *member) signal(s syscall.Signal) {
	if m.cmd != nil {
		_ = m.cmd.Process.Signal(s) // it may have ended
	}
}

// kill ends the process at once.
func (m *member) kill() {
	if m.cmd == nil {
		return
	}
	m.signal(syscall.SIGKILL)
	<-m.done
	m.cmd = nil
}

// ended says whether the process has ended by itself.
func (m *member) ended() bool {
	if m.cmd == nil {
		return false
	}
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// word asks with a four-letter word; "" means no answer.
func (m *member) word(word string) string {
	const limit = 2 * time.Second
	c, err := net.DialTimeout("tcp", m.addr, limit)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, word); err != nil {
		return ""
	}
	b, _ := io.ReadAll(c)
	return string(b)
}

// mode returns what the member says that it is, "" while it does not serve.
func (m *member) mode() string {
	_, mode, _ := strings.Cut(m.word("srvr"), "Mode: ")
	mode, _, _ = strings.Cut(mode, "\n")
	return mode
}
