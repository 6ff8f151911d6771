package main

import (
	"cmp"
	"crypto/tls"
	"net"
	"strconv"
	"time"

	"gokeeper/server/config"
	"gokeeper/server/keystore"
	"gokeeper/server/secure"
	"gokeeper/server/survey"
)

// ask asks the server of a configuration, on the port for TLS where it has no other.
func ask(cfg *config.Config, word string, limit time.Duration) (address, answer string, err error) {
	if cfg.ClientPort != 0 {
		address = net.JoinHostPort(cmp.Or(cfg.ClientAddress, "localhost"), strconv.Itoa(cfg.ClientPort))
		answer, err = survey.Ask(address, word, limit)
		return address, answer, err
	}
	address = net.JoinHostPort(cmp.Or(cfg.SecureClientAddress, "localhost"), strconv.Itoa(cfg.SecureClientPort))
	dial, err := ownDialer(cfg)
	if err == nil {
		answer, err = survey.AskOver(dial, address, word, limit)
	}
	return address, answer, err
}

// ownDialer dials a server on this machine with the server's own certificate, where Java's
// scripts want a client's in CLIENT_JVMFLAGS. Nothing is sent that would want to know who
// answers, and a server need not trust what it shows to clients.
func ownDialer(cfg *config.Config) (secure.Dialer, error) {
	t := &cfg.ClientTLS
	c, _, err := keystore.Open(keystore.Settings{
		Prefix: "ssl.", KeyStore: keystore.Store(t.KeyStore), EnabledProtocols: t.EnabledProtocols, CipherSuites: t.CipherSuites,
	})
	if err != nil {
		return nil, err
	}
	return secure.Dial((&net.Dialer{}).DialContext, func(host, address string) *tls.Config {
		out := c.Client(host, address)
		out.VerifyConnection = nil
		return out
	}), nil
}
