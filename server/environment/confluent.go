package environment

import (
	"slices"
	"strconv"
	"strings"
)

// confluent is the image confluentinc/cp-zookeeper up to 7.9: configure and
// zookeeper.properties.template in https://github.com/confluentinc/kafka-images.
func confluent() *image {
	return &image{
		name: "confluentinc/cp-zookeeper", id: confluentID, dataDir: "/var/lib/zookeeper/data", overwrites: true,
		always: "zookeeper.properties", variables: confluentVariables(), rest: restOfConfluent, marks: marksConfluent,
	}
}

const (
	confluentID      = "ZOOKEEPER_SERVER_ID"
	confluentServers = "ZOOKEEPER_SERVERS"
)

// confluentKeys are the keys that have a variable, and how it is called behind ZOOKEEPER_.
var confluentKeys = [][2]string{
	{"CLIENT_PORT", "clientPort"},
	{"TICK_TIME", "tickTime"},
	{"GLOBAL_OUTSTANDING_LIMIT", "globalOutstandingLimit"},
	{"PRE_ALLOC_SIZE", "preAllocSize"},
	{"SNAP_COUNT", "snapCount"},
	{"TRACE_FILE", "traceFile"},
	{"MAX_CLIENT_CNXNS", "maxClientCnxns"},
	{"CLIENT_PORT_ADDRESS", "clientPortAddress"},
	{"MIN_SESSION_TIMEOUT", "minSessionTimeout"},
	{"MAX_SESSION_TIMEOUT", "maxSessionTimeout"},
	{"FSYNC_WARNING_THRESHOLDMS", "fsync.warningthresholdms"},
	{"AUTOPURGE_SNAP_RETAIN_COUNT", "autopurge.snapRetainCount"},
	{"AUTOPURGE_PURGE_INTERVAL", "autopurge.purgeInterval"},
	{"SYNC_ENABLED", "syncEnabled"},
	{"ELECTION_ALG", "electionAlg"},
	{"INIT_LIMIT", "initLimit"},
	{"LEADER_SERVES", "leaderServes"},
	{"SYNC_LIMIT", "syncLimit"},
	{"CNX_TIMEOUT", "cnxTimeout"},
	{"FORCE_SYNC", "forceSync"},
	{"JUTE_MAX_BUFFER", "jute.maxbuffer"},
	{"SKIP_ACL", "skipACL"},
	{"QUORUM_LISTEN_ON_ALL_IPS", "quorumListenOnAllIPs"},
	{"CLIENT_CNXN_SOCKET", "clientCnxnSocket"},
	{"SECURE_CLIENT_PORT", "secureClientPort"},
	{"SERVER_CNXN_SOCKET", "serverCnxnSocket"},
	{"TCP_KEEP_ALIVE", "tcpKeepAlive"},
	{"X509_AUTHENTICATION_PROVIDER_SUPER_USER", "X509AuthenticationProvider.superUser"},
	{"SSL_AUTH_PROVIDER", "ssl.authProvider"},
	{"SSL_QUORUM", "sslQuorum"},
	{"SERVER_CNXN_FACTORY", "serverCnxnFactory"},
	{"AUTH_PROVIDER_X509", "authProvider.x509"},
	{"AUTH_PROVIDER_SASL", "authProvider.sasl"},
	{"CLIENT_PORT_UNIFICATION", "client.portUnification"},
	{"ADMIN_ENABLE_SERVER", "admin.enableServer"},
	{"ADMIN_SERVER_ADDRESS", "admin.serverAddress"},
	{"ADMIN_SERVER_PORT", "admin.serverPort"},
	{"ADMIN_IDLE_TIMEOUT", "admin.idleTimeout"},
	{"ADMIN_COMMAND_URL", "admin.commandURL"},
	// Not in the template, but in the compose files of many who think that it is.
	{"4LW_COMMANDS_WHITELIST", "4lw.commands.whitelist"},
}

// confluentTLS are those behind ZOOKEEPER_SSL_ and ZOOKEEPER_SSL_QUORUM_. OCPS is how the
// template spells it.
var confluentTLS = [][2]string{
	{"CLIENT_AUTH", "clientAuth"},
	{"KEYSTORE_LOCATION", "keyStore.location"},
	{"KEYSTORE_PASSWORD", "keyStore.password"},
	{"KEYSTORE_TYPE", "keyStore.type"},
	{"TRUSTSTORE_LOCATION", "trustStore.location"},
	{"TRUSTSTORE_PASSWORD", "trustStore.password"},
	{"TRUSTSTORE_TYPE", "trustStore.type"},
	{"ENABLED_PROTOCOLS", "enabledProtocols"},
	{"CIPHER_SUITES", "ciphersuites"},
	{"CONTEXT_SUPPLIER_CLASS", "context.supplier.class"},
	{"HOSTNAME_VERIFICATION", "hostnameVerification"},
	{"CRL", "crl"},
	{"OCPS", "ocsp"},
	{"HANDSHAKE_DETECTION_TIMEOUT_MILLIS", "handshakeDetectionTimeoutMillis"},
}

func confluentVariables() []variable {
	var variables []variable
	add := func(prefix, keyPrefix string, keys [][2]string) {
		for _, k := range keys {
			variables = append(variables, variable{name: prefix + k[0], key: keyPrefix + k[1]})
		}
	}
	add("ZOOKEEPER_", "", confluentKeys)
	add("ZOOKEEPER_SSL_", "ssl.", confluentTLS)
	add("ZOOKEEPER_SSL_QUORUM_", "ssl.quorum.", confluentTLS)
	return variables
}

func marksConfluent(name, _ string) bool {
	return slices.Contains([]string{confluentID, confluentServers, "ZOOKEEPER_GROUPS", "ZOOKEEPER_WEIGHTS"}, name) ||
		has(confluentVariables(), name)
}

// restOfConfluent adds the directories and the lists, and wants what the image wants.
func restOfConfluent(r *reader) {
	r.add(line{"dataDir", r.image.dataDir, ""})
	r.add(line{"dataLogDir", "/var/lib/zookeeper/log", ""})
	if r.find("clientPort").key == "" && r.find("secureClientPort").key == "" {
		r.conflict("one of (ZOOKEEPER_CLIENT_PORT,ZOOKEEPER_SECURE_CLIENT_PORT) is required.")
	}
	if r.get(confluentServers) != "" {
		if r.get(confluentID) == "" {
			r.conflict(confluentID + " is required.")
		}
		r.add(line{"initLimit", "10", ""})
		r.add(line{"syncLimit", "5", ""})
	}
	r.positions(confluentServers, "server.")
	r.positions("ZOOKEEPER_GROUPS", "group.")
	r.positions("ZOOKEEPER_WEIGHTS", "weight.")
	r.memberVariables()
	r.checkPlace()
}

// positions makes a line of each entry of a list that semicolons separate, with its
// position as the number.
func (r *reader) positions(name, key string) {
	for i, entry := range strings.Split(strings.Trim(r.get(name), "; "), ";") {
		if entry = strings.TrimSpace(entry); entry != "" {
			r.add(line{key + strconv.Itoa(i+1), entry, name})
		}
	}
}
