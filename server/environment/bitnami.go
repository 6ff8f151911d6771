package environment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// bitnami is the image bitnami/zookeeper of 3.9: libzookeeper.sh and zookeeper-env.sh in
// https://github.com/bitnami/containers.
func bitnami() *image {
	return &image{
		name: "bitnami/zookeeper", id: "ZOO_SERVER_ID", dataDir: "/bitnami/zookeeper/data",
		files: []string{"/opt/bitnami/zookeeper/conf/zoo.cfg"}, valueFiles: true,
		variables: bitnamiVariables(), rest: restOfBitnami, marks: marksBitnami, jaas: bitnamiJAAS,
	}
}

func bitnamiVariables() []variable {
	return []variable{
		{name: "ZOO_TICK_TIME", key: "tickTime", value: "2000"},
		{name: "ZOO_INIT_LIMIT", key: "initLimit", value: "10"},
		{name: "ZOO_SYNC_LIMIT", key: "syncLimit", value: "5"},
		{name: "ZOO_PRE_ALLOC_SIZE", key: "preAllocSize", value: "65536"},
		{name: "ZOO_SNAPCOUNT", key: "snapCount", value: "100000"},
		{name: "ZOO_DATA_LOG_DIR", key: "dataLogDir"},
		{name: "ZOO_MAX_CNXNS", key: "maxCnxns", value: "0"},
		{name: "ZOO_MAX_CLIENT_CNXNS", key: "maxClientCnxns", value: "60"},
		{name: "ZOO_RECONFIG_ENABLED", key: "reconfigEnabled", value: "false", flag: true},
		{name: "ZOO_LISTEN_ALLIPS_ENABLED", key: "quorumListenOnAllIPs", value: "false", flag: true},
		{name: "ZOO_AUTOPURGE_INTERVAL", key: "autopurge.purgeInterval", value: "0"},
		{name: "ZOO_AUTOPURGE_RETAIN_COUNT", key: "autopurge.snapRetainCount", value: "3"},
		{name: "ZOO_4LW_COMMANDS_WHITELIST", key: "4lw.commands.whitelist", value: "srvr, mntr"},
		{name: "ZOO_MAX_SESSION_TIMEOUT", key: "maxSessionTimeout", value: "40000"},
		{name: "ZOO_FIPS_MODE", key: "fips-mode", value: "true", flag: true},
		{name: "ZOO_ADMIN_SERVER_ADDRESS", key: "admin.serverAddress", value: "127.0.0.1"},
		{name: "ZOO_ADMIN_SERVER_PORT_NUMBER", key: "admin.serverPort", value: "8080"},
		{name: "ZOO_ENABLE_ADMIN_SERVER", key: "admin.enableServer", value: "false", flag: true},
		{name: "ZOO_PEER_TYPE", key: "peerType"},
	}
}

// bitnamiOthers are its variables that are no line by themselves. Passwords that need
// not be empty, and nothing else, are what the ALLOW_ variables allow.
var bitnamiOthers = []string{
	"ZOO_SERVER_ID", "ZOO_PORT_NUMBER", "ZOO_ENABLE_PROMETHEUS_METRICS", "ZOO_PROMETHEUS_METRICS_PORT_NUMBER", "ZOO_LOG_LEVEL",
	"ZOO_HEAP_SIZE", "ZOO_HC_TIMEOUT", "ZOO_ENABLE_AUTH", "ZOO_ENABLE_QUORUM_AUTH", "ALLOW_EMPTY_PASSWORD", "ALLOW_ANONYMOUS_LOGIN",
}

func marksBitnami(name, value string) bool {
	switch name {
	case "ZOO_SERVERS":
		return !strings.Contains(value, "=")
	case "ZOO_CFG_EXTRA", "ZOO_4LW_COMMANDS_WHITELIST":
		return false
	case "ZOO_SERVERS_FILE":
		return true
	}
	base, inFile := strings.CutSuffix(name, "_FILE")
	return strings.HasPrefix(name, "ZOO_TLS_") || strings.HasPrefix(name, "ZOO_CFG_") || slices.Contains(bitnamiOthers, base) ||
		has(bitnamiVariables(), base) && (inFile || !has(official("").variables, base))
}

// restOfBitnami adds what its scripts do beyond the table, in their order.
func restOfBitnami(r *reader) {
	r.add(line{"dataDir", r.image.dataDir, ""})
	port := variable{name: "ZOO_PORT_NUMBER", key: "clientPort", value: "2181"}
	r.table([]variable{port})
	r.bitnamiServers(r.find(port.key).value)
	r.memberVariables()
	r.bitnamiTLS()
	for _, name := range slices.Sorted(maps.Keys(r.vars)) {
		if key, ok := strings.CutPrefix(name, "ZOO_CFG_"); ok && key != "EXTRA" {
			r.add(line{strings.ReplaceAll(key, "_", "."), r.get(name), name})
		}
	}
	r.bitnamiLogins()
	r.get("ALLOW_EMPTY_PASSWORD")
	r.get("ALLOW_ANONYMOUS_LOGIN")
	if r.on("ZOO_ENABLE_PROMETHEUS_METRICS") {
		r.add(line{"metricsProvider.className", "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider", "ZOO_ENABLE_PROMETHEUS_METRICS"})
		r.table([]variable{{name: "ZOO_PROMETHEUS_METRICS_PORT_NUMBER", key: "metricsProvider.httpPort", value: "7000"}})
		r.add(line{"metricsProvider.exportJvmInfo", "true", ""})
	}
	r.add(line{"electionPortBindRetry", "0", ""})
	r.checkPlace()
}

// bitnamiServer is one of its servers: the id is the place in the list, or stands behind
// two colons.
var bitnamiServer = regexp.MustCompile(`^(\S+:\d+:\d+(?::observer|:participant)?)(?:::(\d+))?$`)

// bitnamiServers makes server lines of its list. One server alone is none: it stands
// alone.
func (r *reader) bitnamiServers(port string) {
	const name = "ZOO_SERVERS"
	list := r.get(name)
	servers := strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(";, \t\n", c) })
	if len(servers) < 2 {
		return
	}
	numbered := strings.Contains(list, "::")
	for i, s := range servers {
		m := bitnamiServer.FindStringSubmatch(s)
		if m == nil || numbered != (m[2] != "") {
			r.fail(name, s, "not a server", "host:port:port[:observer|:participant] for all, or with ::id behind it for all")
			continue
		}
		id := m[2]
		if !numbered {
			id = strconv.Itoa(i + 1)
		}
		r.add(line{"server." + id, m[1] + ";" + port, name})
	}
}

// bitnamiTLS adds the lines about TLS. Between clients and server it takes the place of
// the plain port.
func (r *reader) bitnamiTLS() {
	client, quorum := r.on("ZOO_TLS_CLIENT_ENABLE"), r.on("ZOO_TLS_QUORUM_ENABLE")
	if client {
		r.lines = slices.DeleteFunc(r.lines, func(l line) bool { return l.key == "clientPort" })
		r.table([]variable{{name: "ZOO_TLS_PORT_NUMBER", key: "secureClientPort", value: "3181"}})
		r.table(bitnamiStores("ZOO_TLS_CLIENT_", "ssl."))
	}
	if quorum {
		r.add(line{"sslQuorum", "true", "ZOO_TLS_QUORUM_ENABLE"})
		r.table(bitnamiStores("ZOO_TLS_QUORUM_", "ssl.quorum."))
	}
	if client || quorum {
		r.add(line{"serverCnxnFactory", "org.apache.zookeeper.server.NettyServerCnxnFactory", ""})
	}
}

// bitnamiLogins adds the lines about SASL.
func (r *reader) bitnamiLogins() {
	client, quorum := r.on("ZOO_ENABLE_AUTH"), r.on("ZOO_ENABLE_QUORUM_AUTH")
	if (client || quorum) && r.find("fips-mode").value != "false" {
		r.conflict("ZOO_ENABLE_AUTH and ZOO_ENABLE_QUORUM_AUTH need ZOO_FIPS_MODE=no: passwords are proved with MD5")
	}
	if client {
		r.add(line{"authProvider.1", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider", "ZOO_ENABLE_AUTH"})
	}
	if quorum {
		for _, key := range []string{"enableSasl", "learnerRequireSasl", "serverRequireSasl"} {
			r.add(line{"quorum.auth." + key, "true", "ZOO_ENABLE_QUORUM_AUTH"})
		}
	}
}

// bitnamiJAAS returns the file of the users, nil without any.
func bitnamiJAAS(r *reader) []byte {
	var text strings.Builder
	if r.on("ZOO_ENABLE_AUTH") {
		r.login(&text, "Client", "ZOO_CLIENT_USER", "ZOO_CLIENT_PASSWORD")
		r.users(&text, "Server", "ZOO_SERVER_USERS", "ZOO_SERVER_PASSWORDS")
	}
	if r.on("ZOO_ENABLE_QUORUM_AUTH") {
		r.login(&text, "QuorumLearner", "ZOO_QUORUM_LEARNER_USER", "ZOO_QUORUM_LEARNER_PASSWORD")
		r.users(&text, "QuorumServer", "ZOO_QUORUM_SERVER_USERS", "ZOO_QUORUM_SERVER_PASSWORDS")
	}
	if text.Len() == 0 {
		return nil
	}
	return []byte(text.String())
}

// section writes a section of a JAAS file with these options, each a name and a value.
func section(text *strings.Builder, name string, options [][2]string) {
	text.WriteString(name + " {\n    org.apache.zookeeper.server.auth.DigestLoginModule required")
	for _, o := range options {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		fmt.Fprintf(text, "\n    \"%s\"=\"%s\"", quoted.Replace(o[0]), quoted.Replace(o[1]))
	}
	text.WriteString(";\n};\n")
}

// login writes who this container is when it logs in itself.
func (r *reader) login(text *strings.Builder, name, user, password string) {
	if u, p := r.get(user), r.get(password); u != "" {
		section(text, name, [][2]string{{"username", u}, {"password", p}})
	}
}

// users writes who may log in.
func (r *reader) users(text *strings.Builder, name, users, passwords string) {
	split := func(list string) []string {
		return strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(";, \t\n", c) })
	}
	u, p := split(r.get(users)), split(r.get(passwords))
	if len(u) != len(p) {
		r.conflict("%s has %d names, but %s has %d passwords", users, len(u), passwords, len(p))
		return
	}
	var options [][2]string
	for i := range u {
		options = append(options, [2]string{"user_" + u[i], p[i]})
	}
	section(text, name, options)
}

func bitnamiStores(prefix, key string) []variable {
	auth := "AUTH"
	if strings.Contains(prefix, "QUORUM") {
		auth = "CLIENT_AUTH"
	}
	variables := []variable{{name: prefix + auth, key: key + "clientAuth", value: "need"}}
	for _, store := range []string{"key", "trust"} {
		for _, part := range [][2]string{{"FILE", "location"}, {"TYPE", "type"}, {"PASSWORD", "password"}} {
			variables = append(variables, variable{
				name: fmt.Sprintf("%s%sSTORE_%s", prefix, strings.ToUpper(store), part[0]),
				key:  fmt.Sprintf("%s%sStore.%s", key, store, part[1]),
			})
		}
	}
	return variables
}
