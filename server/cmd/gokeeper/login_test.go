package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gokeeper/server/sasl"
)

// TestShellLogin wants the shell to log in as the flags of zkCli.sh say.
func TestShellLogin(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "jaas.conf")
	text := `Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="bob" password="${pw}"; };
		Other { org.apache.zookeeper.server.auth.DigestLoginModule required username="eve" password="e"; };
		Krb { com.sun.security.auth.module.Krb5LoginModule required; };`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := "-Dpw=b -Djava.security.auth.login.config=" + name
	f := func(client, jvm, user, wrong string) {
		t.Helper()
		c := control{env: func(name string) string { return map[string]string{"CLIENT_JVMFLAGS": client, "JVMFLAGS": jvm}[name] }}
		login, err := c.login()
		switch {
		case wrong != "":
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s, %s: %v, want %s", client, jvm, err, wrong)
			}
		case err != nil, user == "" != (login == nil), login != nil && *login != sasl.Credentials{User: user, Password: user[:1]}:
			t.Errorf("%s, %s: %v, %v, want %s", client, jvm, login, err, user)
		}
	}
	f("", "", "", "")
	c := control{env: func(string) string { return "" }, environ: []string{"ZOO_ENABLE_AUTH=yes", "ZOO_CLIENT_USER=bob", "ZOO_CLIENT_PASSWORD=b"}}
	if login, err := c.login(); err != nil || login == nil || *login != (sasl.Credentials{User: "bob", Password: "b"}) {
		t.Errorf("by the environment: %v, %v", login, err)
	}
	f(file, "", "bob", "")
	f("", file, "bob", "")
	f("-Djava.security.auth.login.config=none", file+" -Dzookeeper.fips-mode=false", "bob", "")
	f(file, "-Dzookeeper.sasl.clientconfig=Other", "eve", "")
	f(file, "-Dzookeeper.sasl.client=false", "", "")
	f(file, "-Dzookeeper.fips-mode=true", "", "fips-mode")
	f(file, "-Dzookeeper.sasl.clientconfig=None", "", "no such section")
	f(file, "-Dzookeeper.sasl.clientconfig=Krb", "", "Kerberos")
	f("-Djava.security.auth.login.config=file:"+name, "", "", "${pw}")
	f("-Djava.security.auth.login.config=/none", "", "", "no such file")
}
