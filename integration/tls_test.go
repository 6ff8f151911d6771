package integration

import (
	"os"
	"slices"
	"syscall"
	"testing"

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
