package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a pseudo-terminal with the shell on its other side.
type terminal struct {
	t    *testing.T
	side *os.File
	cmd  *exec.Cmd
	gone chan struct{} // closed when nothing more comes

	mu    sync.Mutex
	more  *sync.Cond
	shown bytes.Buffer // what has come
	seen  int          // how much of it was waited for
}

// openTerminal runs the command line on a new terminal of this kind.
func openTerminal(t *testing.T, kind string, args ...string) *terminal {
	t.Helper()
	side, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	var unlocked, number int32
	ioctl(t, side, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	ioctl(t, side, syscall.TIOCGPTN, unsafe.Pointer(&number))
	size := [4]uint16{24, 80}
	ioctl(t, side, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	other, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "TERM="+kind, "INPUTRC=/dev/null")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = other, other, other
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, side: side, cmd: cmd, gone: make(chan struct{})}
	x.more = sync.NewCond(&x.mu)
	go x.read()
	t.Cleanup(func() { cmd.Process.Kill(); <-x.gone; side.Close() })
	return x
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		t.Fatalf("ioctl %#x: %v", request, errno)
	}
}

// read takes what is shown, and answers when the program asks where the cursor is.
func (x *terminal) read() {
	defer close(x.gone)
	b := make([]byte, 4096)
	for {
		n, err := x.side.Read(b)
		x.mu.Lock()
		x.shown.Write(b[:n])
		x.more.Broadcast()
		x.mu.Unlock()
		if bytes.Contains(b[:n], []byte("\x1b[6n")) {
			_, _ = io.WriteString(x.side, "\x1b[1;1R")
		}
		if err != nil {
			return
		}
	}
}

// waits waits until the text has come behind what was waited for before.
func (x *terminal) waits(text string) {
	x.t.Helper()
	late := time.AfterFunc(patience, func() { x.cmd.Process.Kill(); x.more.Broadcast() })
	defer late.Stop()
	x.mu.Lock()
	defer x.mu.Unlock()
	for limit := time.Now().Add(patience); ; x.more.Wait() {
		if i := strings.Index(x.shown.String()[x.seen:], text); i >= 0 {
			x.seen += i + len(text)
			return
		}
		if !time.Now().Before(limit) {
			x.t.Fatalf("no %q in\n%q\nbehind\n%q", text, x.shown.String()[x.seen:], x.shown.String()[:x.seen])
		}
	}
}

// ready waits for the prompt of this number, and for the editor to take keys.
func (x *terminal) ready(number int) {
	x.t.Helper()
	x.waits(fmt.Sprintf("(CONNECTED) %d]", number))
	x.waits("\x1b[?25h")
}

// types enters keys.
func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.side, keys); err != nil {
		x.t.Fatal(err)
	}
}

// ends wants the shell to end with the code, and returns all that was shown.
func (x *terminal) ends(code int) string {
	x.t.Helper()
	late := time.AfterFunc(patience, func() { x.cmd.Process.Kill() })
	defer late.Stop()
	_ = x.cmd.Wait()
	<-x.gone
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, want %d, after\n%s", got, code, x.shown.String())
	}
	return strings.ReplaceAll(x.shown.String(), "\r\n", "\n")
}

// TestShellSession is a session on a terminal that cannot edit lines, to the letter.
func TestShellSession(t *testing.T) {
	_, address := shellSite(t)
	x := openTerminal(t, "dumb", "cli", "-server", address)
	prompt := func(n int) string { return fmt.Sprintf("[zk: %s(CONNECTED) %d] ", address, n) }
	for i, line := range []string{"create /a x", "get /a", "get /b", "quit"} {
		x.waits(prompt(i))
		x.types(line + "\n")
	}
	const event = "\nWATCHER::\n\nWatchedEvent state:%s type:None path:null zxid: -1\n"
	want := "Connecting to " + address + "\nWelcome to ZooKeeper!\nJLine support is enabled\n" + fmt.Sprintf(event, "SyncConnected") +
		prompt(0) + "create /a x\nCreated /a\n" + prompt(1) + "get /a\nx\n" + prompt(2) + "get /b\nNode does not exist: /b\n" +
		prompt(3) + "quit\n" + fmt.Sprintf(event, "Closed")
	if got := x.ends(1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	y := openTerminal(t, "dumb", "cli", "-server", address)
	y.waits(prompt(0))
	y.types("\x03") // Ctrl-C
	y.ends(0)
}

// TestShellEditor completes commands and nodes, remembers lines, and shows events while a
// line is being entered.
func TestShellEditor(t *testing.T) {
	_, address := shellSite(t)
	x := openTerminal(t, "xterm", "cli", "-server", address)
	x.ready(0)
	x.types("ls /zoo\t")
	x.waits("/zookeeper")
	x.types("/c\t")
	x.waits("/zookeeper/config")
	x.types("\r")
	x.waits("[]")
	x.ready(1)
	x.types("\x1b[A") // up
	x.waits("/zookeeper")
	x.types("\r")
	x.waits("[]")
	x.ready(2)
	x.types("addW\t")
	x.waits("addWatch")
	x.types(" /\r")
	x.ready(3)
	x.types("version")
	x.waits("version")
	call(t, "cli", "-server", address, "create", "/a")
	x.waits("WATCHER::")
	x.waits("WatchedEvent state:SyncConnected type:NodeCreated path:/a zxid: ")
	x.waits("version")
	x.types("\r")
	x.waits("ZooKeeper CLI version: 3.9.6-")
	x.ready(4)
	x.types("get /no\r")
	x.waits("Node does not exist: /no")
	x.ready(5)
	x.types("\x03")
	x.ends(1)
}
