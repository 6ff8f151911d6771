package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// members are the JAAS sections of the servers of an ensemble, and of its clients.
const members = `
QuorumServer { org.apache.zookeeper.server.auth.DigestLoginModule required user_zkq="secret"; };
QuorumLearner { org.apache.zookeeper.server.auth.DigestLoginModule required username="zkq" password="secret"; };
Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="b"; };
Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="b"; };
`

// jaas writes a JAAS file and returns the flags of a JVM that make it use the file.
func jaas(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "jaas.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "-Djava.security.auth.login.config=" + name + " -Dzookeeper.fips-mode=false"
}

// TestShellSASL has Java's shell log in at our server, and ours at Java's.
func TestShellSASL(t *testing.T) {
	t.Parallel()
	flags := jaas(t, members)
	ours, javas := subject(t), java(t, "396")
	f := func(at target, shell ...string) {
		t.Helper()
		s := newServer(t, at, "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider", "sessionRequireClientSASLAuth=true")
		s.env = append(s.env, "SERVER_JVMFLAGS="+flags)
		s.start(t)
		for _, text := range []string{flags, ""} {
			cmd := exec.Command(shell[0], append(shell[1:], "-server", s.addr(), "whoami")...)
			cmd.Env = append(os.Environ(), "SERVER_JVMFLAGS="+text, "CLIENT_JVMFLAGS="+text)
			out, err := cmd.CombinedOutput()
			if in := strings.Contains(string(out), "sasl: bob"); in != (text != "") {
				t.Errorf("%s at %s with %q: %v\n%s", shell, at.name, text, err, out)
			}
		}
	}
	script, err := filepath.Abs("java/zk.sh")
	if err != nil {
		t.Fatal(err)
	}
	f(ours, "bash", script, "396", "cli")
	f(javas, program(t), "cli")
}

// TestQuorumSASL has servers of both kinds authenticate to each other, at elections and as
// leader and learner, whoever leads.
func TestQuorumSASL(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, targets(t, "gokeeper", "java396", "gokeeper"), targets(t, "java396"),
		"quorum.auth.enableSasl=true", "quorum.auth.learnerRequireSasl=true", "quorum.auth.serverRequireSasl=true")
	for _, s := range e.nodes {
		s.env = append(s.env, "SERVER_JVMFLAGS="+jaas(t, members))
	}
	e.launch()
	leader := e.settled()
	everywhere(t, e)
	e.halt(syscall.SIGKILL, leader)
	other := e.settled()
	if e.node(leader).name == e.node(other).name {
		t.Errorf("%d and %d have led, both %s", leader, other, e.node(other).name)
	}
	e.sees("/by-4", "/by-4")
	e.launch(leader)
	e.settled()
	e.equal()
}
