package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gokeeper/server/keystore/authority"
)

// TestSecureOnly runs a server without a plain client port: status and the health check find
// it by its own certificate, the shell with those that it is told of.
func TestSecureOnly(t *testing.T) {
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	key, trust, err := a.Write(t.TempDir(), "server", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	client, _, err := a.Write(t.TempDir(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.write(t, fmt.Sprint("secureClientPort=", s.port), "secureClientPortAddress=127.0.0.1",
		"ssl.keyStore.location="+key, "ssl.trustStore.location="+trust)
	s.daemons(t, s.pid)
	call(t, "start", s.cfg).is(t, 0, "Starting zookeeper ... STARTED\n", s.using())
	healthy := call(t, "healthcheck", s.cfg)
	for limit := time.Now().Add(30 * time.Second); healthy.code != 0 && time.Now().Before(limit); healthy = call(t, "healthcheck", s.cfg) {
	}
	healthy.is(t, 0, "healthy: standalone\n", "")
	call(t, "status", s.cfg).is(t, 0, "Client port not found. Looking for secureClientPort in the static config.\n"+
		fmt.Sprintf("Client port found: %d. Client address: 127.0.0.1. Client SSL: true.\nMode: standalone\n", s.port), s.using())

	address := fmt.Sprint("127.0.0.1:", s.port)
	whoami := func(args ...string) {
		t.Helper()
		r := call(t, append(append([]string{"cli", "-server", address}, args...), "whoami")...)
		if r.code != 0 || !strings.Contains(r.stdout, "x509: CN=alice\n") {
			t.Errorf("%q: %s", args, r)
		}
	}
	settings := filepath.Join(t.TempDir(), "client.cfg")
	text := "zookeeper.client.secure=true\nzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty\n" +
		"zookeeper.ssl.keyStore.location=" + client + "\nzookeeper.ssl.trustStore.location=" + trust + "\n"
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	whoami("-client-configuration", settings)
	t.Setenv("CLIENT_JVMFLAGS", "-Dzookeeper.client.secure=true -Dzookeeper.ssl.keyStore.location="+client+" -Dzookeeper.ssl.trustStore.location="+trust)
	whoami()
}
