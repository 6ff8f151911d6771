package cli

import (
	"net"
	"strings"

	"gokeeper/server/keystore"
	"gokeeper/server/secure"
)

// Properties of a Java client: the one that asks for TLS, and what those begin with that say
// how.
const (
	propertySecure = "zookeeper.client.secure"
	propertyPrefix = "zookeeper.ssl."
)

// dialer returns how servers are dialled with these properties, nil for TCP. Those that
// concern the JVM are passed over: serverCnxnFactory and clientCnxnSocket choose in Java
// what is one thing here.
func dialer(properties map[string]string) (secure.Dialer, error) {
	if !strings.EqualFold(properties[propertySecure], "true") {
		return nil, nil
	}
	get := func(name string) string { return properties[propertyPrefix+name] }
	list := func(name string) []string {
		if get(name) == "" {
			return nil
		}
		return strings.Split(get(name), ",")
	}
	store := func(name string) keystore.Store {
		return keystore.Store{
			Location: get(name + ".location"), Password: get(name + ".password"), PasswordPath: get(name + ".passwordPath"), Type: get(name + ".type"),
		}
	}
	c, _, err := keystore.Open(keystore.Settings{
		Prefix: propertyPrefix, KeyStore: store("keyStore"), TrustStore: store("trustStore"),
		EnabledProtocols: list("enabledProtocols"), CipherSuites: list("ciphersuites"),
		VerifyServer: !strings.EqualFold(get("hostnameVerification"), "false"),
	})
	if err != nil {
		return nil, err
	}
	return secure.Dial((&net.Dialer{}).DialContext, c.Client), nil
}
