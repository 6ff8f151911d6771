//go:build containers

package containers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// Faults of a leader, or of all: begun and ended.
var faults = []struct {
	name       string
	begin, end func(e *ensemble, leader int)
	permitted  func() string
}{
	{"killed", func(e *ensemble, leader int) { e.node(leader).kill() }, func(e *ensemble, leader int) { e.node(leader).start() }, nil},
	{"paused", func(e *ensemble, leader int) { e.node(leader).pause() }, func(e *ensemble, leader int) { e.node(leader).unpause() }, nil},
	{"disconnected", (*ensemble).cut, (*ensemble).join, nil},
	{"silent", (*ensemble).mute, (*ensemble).heal, muteable},
	{"all restarted", (*ensemble).restartAll, func(*ensemble, int) {}, nil},
}

// TestFailover takes the leader away in several ways, under a client that is connected to it. The client must lose
// nothing by that: not its session, not its ephemeral, not its watch, and no write that was acknowledged.
func TestFailover(t *testing.T) {
	t.Parallel()
	members := newEnsemble(t, 3, 0)
	for _, f := range faults {
		ok := t.Run(f.name, func(t *testing.T) {
			if f.permitted != nil {
				if why := f.permitted(); why != "" {
					t.Skip(why)
				}
			}
			e := members.within(t)
			leader := e.settled()
			s := open(t, e.addrs(leader)...)
			root := "/" + strings.ReplaceAll(f.name, " ", "-")
			s.put(root, "before")
			s.put(root+"/pulse", "")
			_, err := s.Create(root+"/ephemeral", nil, zk.FlagEphemeral, everyone)
			must(t, 0, err)
			_, _, changed, err := s.GetW(root)
			must(t, 0, err)

			end := s.pulse(root + "/pulse")
			f.begin(e, leader)
			t.Logf("%s: %v without an acknowledged write", f.name, end().Round(time.Millisecond))
			s.put(root+"/during", "acknowledged")
			s.lives()

			other := open(t, e.addrs(leader%3+1)...)
			outlived(t, s, other, root, changed)
			f.end(e, leader)
			e.settled()
			e.sees(root+"/during", "acknowledged")
			s.put(root+"/after", "acknowledged")
			s.lives()
			s.Close()
			gone(t, other, root+"/ephemeral")
		})
		if !ok {
			return // the fault may not have ended
		}
	}
}

// pulse writes to a znode all the time. The function it returns waits for the acknowledgement of one more write, and says
// what was the longest time without any.
func (s *session) pulse(path string) (end func() time.Duration) {
	stop, result := make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		longest, last := time.Duration(0), time.Now()
		for ended := false; ; {
			select {
			case <-stop:
				ended = true
			default:
			}
			_, err := s.Set(path, nil, -1)
			if errors.Is(err, zk.ErrClosing) {
				return
			}
			if err != nil {
				time.Sleep(10 * time.Millisecond) // a lost connection; nothing waits for this
				continue
			}
			longest = max(longest, time.Since(last))
			last = time.Now()
			if ended {
				result <- longest
				return
			}
		}
	}()
	return func() time.Duration {
		s.t.Helper()
		close(stop)
		select {
		case longest := <-result:
			return longest
		case <-time.After(patience):
			s.t.Fatalf("no write is acknowledged within %v", patience)
			return 0
		}
	}
}

// outlived checks with another client that the session's ephemeral and its watch are still there.
func outlived(t *testing.T, s, other *session, root string, changed <-chan zk.Event) {
	t.Helper()
	if _, stat := other.get(root + "/ephemeral"); stat.EphemeralOwner != s.id {
		t.Errorf("the owner of the ephemeral is 0x%x, want 0x%x", stat.EphemeralOwner, s.id)
	}
	select {
	case e := <-changed:
		t.Errorf("the watch has fired before anything changed: %+v", e)
	default:
	}
	other.put(root, "after")
	select {
	case e := <-changed:
		if e.Type != zk.EventNodeDataChanged || e.Path != root {
			t.Errorf("the watch fired with %+v", e)
		}
	case <-time.After(patience):
		t.Errorf("the watch has not fired within %v after the change", patience)
	}
}

// gone waits until a znode is no longer there.
func gone(t *testing.T, s *session, path string) {
	t.Helper()
	eventually(t, path+" goes", func() string {
		there := false
		must(t, 0, s.again("exists "+path, func() (err error) {
			there, _, err = s.Exists(path)
			return err
		}))
		if there {
			return "it is there"
		}
		return ""
	})
}

// restartAll kills all members and starts them again.
func (e *ensemble) restartAll(int) {
	e.t.Helper()
	for _, n := range e.nodes {
		n.kill()
	}
	e.launch()
}

// muteable says why packets cannot be dropped in a container's network, "" if they can.
func muteable() string {
	if os.Getuid() != 0 {
		return "not root, the network of a container cannot be entered"
	}
	for _, tool := range []string{"nsenter", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not installed (packages util-linux, iptables)"
		}
	}
	return ""
}

// mute drops all packets between a member and the others. No connection is closed by that, and no name vanishes.
func (e *ensemble) mute(id int) {
	e.t.Helper()
	inspect, err := e.node(id).Inspect(e.t.Context())
	own := must(e.t, inspect, err).NetworkSettings.Networks[e.quorum.Name].IPAddress
	subnet := fmt.Sprintf("%s/%d", own, inspect.NetworkSettings.Networks[e.quorum.Name].IPPrefixLen)
	for _, rule := range [][]string{{"INPUT", "-s"}, {"OUTPUT", "-d"}} {
		e.inNetworkOf(id, "iptables", "-w", "-A", rule[0], rule[1], subnet, "-j", "DROP")
	}
}

// heal lets all packets through again.
func (e *ensemble) heal(id int) {
	e.t.Helper()
	e.inNetworkOf(id, "iptables", "-w", "-F")
}

// inNetworkOf runs a command of this machine in a container's network.
func (e *ensemble) inNetworkOf(id int, command ...string) {
	e.t.Helper()
	args := append([]string{"-t", fmt.Sprint(e.node(id).state().Pid), "-n"}, command...)
	out, err := exec.Command("nsenter", args...).CombinedOutput()
	if err != nil {
		e.t.Fatalf("nsenter %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
