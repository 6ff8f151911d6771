package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gokeeper/server/freeport"
	"gokeeper/server/keystore"
	"gokeeper/server/keystore/authority"
)

// stores writes a key store and a trust store for the loopback, and returns the keys that
// name them.
func stores(t testing.TB, prefix string) (keys []string, files keystore.Settings) {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	key, trust, err := a.Write(t.TempDir(), "member", "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	files = keystore.Settings{
		KeyStore: keystore.Store{Location: key}, TrustStore: keystore.Store{Location: trust}, VerifyServer: true,
	}
	return []string{prefix + "keyStore.location=" + key, prefix + "trustStore.location=" + trust}, files
}

// TestMixedTLS has servers of both kinds speak TLS to each other, with each kind as leader.
func TestMixedTLS(t *testing.T) {
	t.Parallel()
	ways := map[string][]string{"trust": nil} // Java's FIPS mode: no names, TLS 1.2
	if os.Getenv("GOKEEPER_MIXED") != "" {
		ways["names"] = []string{"fips-mode=false"} // verified, TLS 1.3
		ways["both"] = []string{"portUnification=true"}
		ways["chosen"] = []string{"ssl.quorum.enabledProtocols=TLSv1.2", "ssl.quorum.ciphersuites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}
	}
	for name, extra := range ways {
		t.Run(name, func(t *testing.T) {
			keys, _ := stores(t, "ssl.quorum.")
			keys = slices.Concat(keys, lasting, extra, []string{"sslQuorum=true"})
			e := newEnsemble(t, targets(t, "gokeeper", "java396", "gokeeper"), nil, keys...)
			e.launch()
			leader := e.settled()
			everywhere(t, e)
			e.halt(syscall.SIGTERM, leader)
			led := e.settled()
			e.launch(leader)
			e.settled()
			e.sees("/by-1", "/by-1")
			t.Logf("%d (%s) led, then %d (%s)", leader, e.node(leader).name, led, e.node(led).name)
			e.equal()
		})
	}
}

// TestShellTLS has our shell speak TLS to either server, and say who it is.
func TestShellTLS(t *testing.T) {
	t.Parallel()
	keys, files := stores(t, "ssl.")
	for _, name := range []string{"gokeeper", "java396"} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, kind(t, name), slices.Concat(keys, []string{"client.portUnification=true",
				fmt.Sprint("secureClientPort=", freeport.One(t)), // without it Java has no provider of the scheme
				"serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory"})...)
			s.start(t)
			cmd := exec.Command(program(t), "cli", "-server", fmt.Sprint("127.0.0.1:", s.port), "whoami")
			cmd.Env = append(os.Environ(), "CLIENT_JVMFLAGS=-Dzookeeper.client.secure=true -Dzookeeper.ssl.keyStore.location="+
				files.KeyStore.Location+" -Dzookeeper.ssl.trustStore.location="+files.TrustStore.Location)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "x509: CN=member\n") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
