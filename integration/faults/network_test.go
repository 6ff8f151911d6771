package faults

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// network is a bridge with a namespace for each member. Its addresses are this machine's
// own and lead nowhere else.
type network struct {
	name string
	n    int
}

// newNetwork makes the bridge and n namespaces, which are removed when the test ends.
func newNetwork(t *testing.T, n int) *network {
	t.Helper()
	w := &network{fmt.Sprint("gk", os.Getpid()%100000), n}
	t.Cleanup(w.remove)
	must := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// The bridge has a namespace too: the machine's own rules for forwarding, which Docker
	// makes strict, do not hold there.
	hub := w.namespace(0)
	must("netns", "add", hub)
	must("-n", hub, "link", "add", "name", "bridge0", "type", "bridge")
	must("-n", hub, "link", "set", "bridge0", "up")
	must("link", "add", w.name, "type", "veth", "peer", "name", "out", "netns", hub)
	must("-n", hub, "link", "set", "out", "master", "bridge0", "up")
	must("addr", "add", w.address(254)+"/24", "dev", w.name)
	must("link", "set", w.name, "up")
	for i := 1; i <= n; i++ {
		ns, port := w.namespace(i), fmt.Sprint("p", i)
		must("netns", "add", ns)
		must("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns)
		must("-n", hub, "link", "set", port, "master", "bridge0", "up")
		must("-n", ns, "addr", "add", w.address(i)+"/24", "dev", "eth0")
		must("-n", ns, "link", "set", "eth0", "up")
		must("-n", ns, "link", "set", "lo", "up")
	}
	return w
}

// permitted says why there can be no network, "" if there can.
func permitted() string {
	if os.Getuid() != 0 {
		return "not root, network namespaces cannot be made"
	}
	for _, tool := range []string{"ip", "iptables", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not installed (packages iproute2, iptables)"
		}
	}
	name := fmt.Sprint("gktry", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		return fmt.Sprintf("network namespaces cannot be made: %s", out)
	}
	_ = exec.Command("ip", "netns", "del", name).Run()
	return ""
}

func (w *network) namespace(i int) string { return fmt.Sprint(w.name, "n", i) }

func (w *network) address(i int) string { return fmt.Sprint("10.213.77.", i) }

func (w *network) remove() {
	for i := range w.n + 1 {
		_ = exec.Command("ip", "netns", "del", w.namespace(i)).Run()
	}
	_ = exec.Command("ip", "link", "del", w.name).Run()
}

// in runs a command in a member's namespace. That it fails is worth a word, no more: the
// fault is then another one.
func (w *network) in(t *testing.T, i int, command ...string) {
	t.Helper()
	args := append([]string{"netns", "exec", w.namespace(i)}, command...)
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Logf("%s: %v %s", strings.Join(command, " "), err, out)
	}
}

// cut drops what comes to member i from the others, or what it sends to them.
func (w *network) cut(t *testing.T, i int, incoming, outgoing bool) {
	for j := 1; j <= w.n; j++ {
		if j == i {
			continue
		}
		if incoming {
			w.in(t, i, "iptables", "-w", "-A", "INPUT", "-s", w.address(j), "-j", "DROP")
		}
		if outgoing {
			w.in(t, i, "iptables", "-w", "-A", "OUTPUT", "-d", w.address(j), "-j", "DROP")
		}
	}
}

// slow delays all that member i sends. Some kernels cannot.
func (w *network) slow(t *testing.T, i, ms int) {
	w.in(t, i, "tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", fmt.Sprint(ms, "ms"), fmt.Sprint(ms/2, "ms"))
}

// heal undoes cut and slow.
func (w *network) heal(t *testing.T, i int) {
	w.in(t, i, "iptables", "-w", "-F")
	_ = exec.Command("ip", "netns", "exec", w.namespace(i), "tc", "qdisc", "del", "dev", "eth0", "root").Run() // there may be none
}
