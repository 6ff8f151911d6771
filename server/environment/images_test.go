package environment

import (
	"fmt"
	"testing"
)

// officialFile is what the official image's script writes without any variables.
const officialFile = `dataDir=/data
dataLogDir=/datalog
tickTime=2000
initLimit=5
syncLimit=2
autopurge.snapRetainCount=3
autopurge.purgeInterval=0
maxClientCnxns=60
standaloneEnabled=true
admin.enableServer=true
server.1=localhost:2888:3888;2181
`

// officialServers is the list in the official image's documentation.
const officialServers = "server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181 server.3=zoo3:2888:3888;2181"

// TestOfficial has the examples of the official image's documentation.
func TestOfficial(t *testing.T) {
	f := func(vars, wantID string, changes ...string) {
		t.Helper()
		check(t, vars, nil, with(officialFile, changes...), wantID)
	}
	f("", "1")
	f("ZOO_INIT_LIMIT=10", "1", "initLimit=10")
	for i := range 3 {
		f(fmt.Sprintf("ZOO_MY_ID=%d\nZOO_SERVERS=%s", i+1, officialServers), fmt.Sprint(i+1),
			"server.1=zoo1:2888:3888;2181", "server.2=zoo2:2888:3888;2181", "server.3=zoo3:2888:3888;2181")
	}
	f("ZOO_CFG_EXTRA=metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider metricsProvider.httpPort=7070", "1",
		"metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider", "metricsProvider.httpPort=7070")
	f("JVMFLAGS=-Dzookeeper.serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory", "1")
	f("ZOO_LOG4J_PROP=INFO,ROLLINGFILE", "1")
	f("ZOO_TICK_TIME=1\nZOO_SYNC_LIMIT=2\nZOO_MAX_CLIENT_CNXNS=3\nZOO_STANDALONE_ENABLED=false\nZOO_ADMINSERVER_ENABLED=false\n"+
		"ZOO_AUTOPURGE_PURGEINTERVAL=4\nZOO_AUTOPURGE_SNAPRETAINCOUNT=5\nZOO_4LW_COMMANDS_WHITELIST=srvr, mntr", "1",
		"tickTime=1", "syncLimit=2", "maxClientCnxns=3", "standaloneEnabled=false", "admin.enableServer=false",
		"autopurge.purgeInterval=4", "autopurge.snapRetainCount=5", "4lw.commands.whitelist=srvr, mntr")
	f("ZOO_DATA_DIR=/d\nZOO_DATA_LOG_DIR=/l", "1", "dataDir=/d", "dataLogDir=/l")
}

// TestOfficialBeyond has what the official image does not do, or no longer.
func TestOfficialBeyond(t *testing.T) {
	f := func(vars, wantID, want string) {
		t.Helper()
		check(t, vars, nil, want, wantID)
	}
	rest := officialFile[:len(officialFile)-len("server.1=localhost:2888:3888;2181\n")]
	// The form of 3.4, whose image made a line for the client port.
	f("ZOO_MY_ID=2\nZOO_SERVERS=server.1=zoo1:2888:3888 server.2=zoo2:2888:3888", "2",
		rest+"server.1=zoo1:2888:3888\nserver.2=zoo2:2888:3888\nclientPort=2181\n")
	f("ZOO_SERVERS=server.1=zoo1:2888:3888\nZOO_CFG_EXTRA=clientPort=2182", "1", rest+"server.1=zoo1:2888:3888\nclientPort=2182\n")
	// Another id than 1 without servers, which Java's has no client port for.
	f("ZOO_MY_ID=2", "2", rest+"server.2=localhost:2888:3888;2181\n")
	f("ZOO_MY_ID=10\nserver.10=zoo10:2888:3888;2181\nserver.9=zoo9:2888:3888;2181\ngroup.1=9:10", "10",
		rest+"group.1=9:10\nserver.9=zoo9:2888:3888;2181\nserver.10=zoo10:2888:3888;2181\n")
	// What is said twice with the same words is no contradiction; a default is none at all.
	f("ZOO_TICK_TIME=1000\nZOO_CFG_EXTRA=tickTime=1000 syncLimit=9", "1", with(officialFile, "tickTime=1000", "syncLimit=9"))
	// Lines of a block in YAML are separated by line ends.
	f("ZOO_CFG_EXTRA=snapCount=1\tpreAllocSize=2", "1", with(officialFile, "snapCount=1", "preAllocSize=2"))
}

// bitnamiFile is what Bitnami's scripts make of no variables, in the order of ours.
const bitnamiFile = `tickTime=2000
initLimit=10
syncLimit=5
preAllocSize=65536
snapCount=100000
maxCnxns=0
maxClientCnxns=60
reconfigEnabled=false
quorumListenOnAllIPs=false
autopurge.purgeInterval=0
autopurge.snapRetainCount=3
4lw.commands.whitelist=srvr, mntr
maxSessionTimeout=40000
fips-mode=true
admin.serverAddress=127.0.0.1
admin.serverPort=8080
admin.enableServer=false
dataDir=/bitnami/zookeeper/data
clientPort=2181
`

// TestBitnami has the examples of Bitnami's documentation.
func TestBitnami(t *testing.T) {
	f := func(vars, wantID string, changes ...string) {
		t.Helper()
		check(t, vars, nil, with(bitnamiFile, append(changes, "electionPortBindRetry=0")...), wantID)
	}
	f("ALLOW_EMPTY_PASSWORD=yes", "1")
	f("ALLOW_ANONYMOUS_LOGIN=yes", "1")
	f("ZOO_SERVER_ID=1", "1")
	f("ZOO_SERVER_ID=2\nZOO_SERVERS=zookeeper1:2888:3888,0.0.0.0:2888:3888,zookeeper3:2888:3888", "2",
		"server.1=zookeeper1:2888:3888;2181", "server.2=0.0.0.0:2888:3888;2181", "server.3=zookeeper3:2888:3888;2181")
	f("ZOO_SERVERS=zoo1:2888:3888,zoo2:2888:3888", "1", "server.1=zoo1:2888:3888;2181", "server.2=zoo2:2888:3888;2181")
	f("ZOO_SERVERS=zoo1:2888:3888::1,zoo2:2888:3888::2", "1", "server.1=zoo1:2888:3888;2181", "server.2=zoo2:2888:3888;2181")
	f("ZOO_SERVER_ID=4\nZOO_SERVERS=zoo2:2888:3888:observer::2; zoo4:2888:3888::4\nZOO_PORT_NUMBER=2182", "4",
		"clientPort=2182", "server.2=zoo2:2888:3888:observer;2182", "server.4=zoo4:2888:3888;2182")
	f("ZOO_SERVERS=zoo1:2888:3888", "1") // one server stands alone
	f("ZOO_ENABLE_PROMETHEUS_METRICS=yes\nZOO_ENABLE_ADMIN_SERVER=yes\nZOO_RECONFIG_ENABLED=yes\nZOO_LISTEN_ALLIPS_ENABLED=yes\nZOO_FIPS_MODE=no", "1",
		"admin.enableServer=true", "reconfigEnabled=true", "quorumListenOnAllIPs=true", "fips-mode=false",
		"metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider", "metricsProvider.httpPort=7000",
		"metricsProvider.exportJvmInfo=true")
	f("ZOO_CFG_snapshot_trust_empty=true\nZOO_HEAP_SIZE=1024", "1", "snapshot.trust.empty=true")
}

// TestBitnamiLogins has the variables for SASL.
func TestBitnamiLogins(t *testing.T) {
	vars := `ZOO_ENABLE_AUTH=yes
ZOO_ENABLE_QUORUM_AUTH=yes
ZOO_FIPS_MODE=no
ZOO_CLIENT_USER=bob
ZOO_CLIENT_PASSWORD_FILE=/run/secrets/bob
ZOO_SERVER_USERS=bob,eve
ZOO_SERVER_PASSWORDS=b;e
ZOO_QUORUM_LEARNER_USER=zkq
ZOO_QUORUM_LEARNER_PASSWORD=x"y
ZOO_QUORUM_SERVER_USERS=zkq
ZOO_QUORUM_SERVER_PASSWORDS=x"y`
	there := files{"/run/secrets/bob": "b\n"}
	check(t, vars, there, with(bitnamiFile, "fips-mode=false", "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
		"quorum.auth.enableSasl=true", "quorum.auth.learnerRequireSasl=true", "quorum.auth.serverRequireSasl=true", "electionPortBindRetry=0"), "1")
	const module = "    org.apache.zookeeper.server.auth.DigestLoginModule required\n"
	want := "Client {\n" + module + `    "username"="bob"` + "\n" + `    "password"="b";` + "\n};\n" +
		"Server {\n" + module + `    "user_bob"="b"` + "\n" + `    "user_eve"="e";` + "\n};\n" +
		"QuorumLearner {\n" + module + `    "username"="zkq"` + "\n" + `    "password"="x\"y";` + "\n};\n" +
		"QuorumServer {\n" + module + `    "user_zkq"="x\"y";` + "\n};\n"
	s := read(vars, there)
	if got := string(s.JAAS); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	there["/opt/bitnami/zookeeper/conf/zoo.cfg"] = "clientPort=2181\n"
	if got := string(read(vars, there).JAAS); got != want {
		t.Errorf("beside a file: got\n%s\nwant\n%s", got, want)
	}
}

// TestBitnamiTLS has the variables for certificates, and those that name a file with a
// value in it.
func TestBitnamiTLS(t *testing.T) {
	there := files{"/run/secrets/store": "secret\n"}
	want := bitnamiFile[:len(bitnamiFile)-len("clientPort=2181\n")]
	check(t, "ALLOW_EMPTY_PASSWORD=yes\nZOO_TLS_CLIENT_ENABLE=yes\nZOO_TLS_CLIENT_KEYSTORE_FILE=/bitnami/zookeeper/certs/domain.key\n"+
		"ZOO_TLS_CLIENT_KEYSTORE_PASSWORD_FILE=/run/secrets/store\n"+
		"ZOO_TLS_CLIENT_TRUSTSTORE_FILE=/bitnami/zookeeper/certs/domain.crs", there, want+`secureClientPort=3181
ssl.clientAuth=need
ssl.keyStore.location=/bitnami/zookeeper/certs/domain.key
ssl.keyStore.password=secret
ssl.trustStore.location=/bitnami/zookeeper/certs/domain.crs
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
electionPortBindRetry=0
`, "1")
	check(t, "ZOO_TLS_QUORUM_ENABLE=true\nZOO_TLS_QUORUM_CLIENT_AUTH=want\nZOO_TLS_QUORUM_KEYSTORE_FILE=/k.p12", nil, bitnamiFile+`sslQuorum=true
ssl.quorum.clientAuth=want
ssl.quorum.keyStore.location=/k.p12
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
electionPortBindRetry=0
`, "1")
	refused(t, "ZOO_SERVER_ID=1\nZOO_TICK_TIME_FILE=/nowhere",
		"ZOO_TICK_TIME_FILE: open /nowhere: file does not exist (ZOO_TICK_TIME_FILE=/nowhere; allowed: a file that can be read)")
}

// TestConfluent has the examples of Confluent's documentation and tests.
func TestConfluent(t *testing.T) {
	const directories = "dataDir=/var/lib/zookeeper/data\ndataLogDir=/var/lib/zookeeper/log\n"
	f := func(vars, wantID, want string) {
		t.Helper()
		if s := check(t, vars, nil, want, wantID); s.File != "/conf/zookeeper.properties" {
			t.Errorf("file %s", s.File)
		}
	}
	f("ZOOKEEPER_CLIENT_PORT=32181\nZOOKEEPER_TICK_TIME=2000\nZOOKEEPER_SYNC_LIMIT=2", "",
		"clientPort=32181\ntickTime=2000\nsyncLimit=2\n"+directories)
	const servers = "ZOOKEEPER_SERVERS=zookeeper-1:2888:3888;zookeeper-2:2888:3888;zookeeper-3:2888:3888"
	const lines = "server.1=zookeeper-1:2888:3888\nserver.2=zookeeper-2:2888:3888\nserver.3=zookeeper-3:2888:3888\n"
	f("ZOOKEEPER_SERVER_ID=3\nZOOKEEPER_TICK_TIME=2000\nZOOKEEPER_CLIENT_PORT=2181\nZOOKEEPER_INIT_LIMIT=5\nZOOKEEPER_SYNC_LIMIT=2\n"+servers, "3",
		"clientPort=2181\ntickTime=2000\ninitLimit=5\nsyncLimit=2\n"+directories+lines)
	f("ZOOKEEPER_SERVER_ID=1\nZOOKEEPER_CLIENT_PORT=2181\nZOOKEEPER_GROUPS=1:2;3\nZOOKEEPER_WEIGHTS=1;1;2\n"+servers, "1",
		"clientPort=2181\n"+directories+"initLimit=10\nsyncLimit=5\n"+lines+"group.1=1:2\ngroup.2=3\nweight.1=1\nweight.2=1\nweight.3=2\n")
	f("ZOOKEEPER_SECURE_CLIENT_PORT=2182\nZOOKEEPER_SSL_KEYSTORE_LOCATION=/k\nZOOKEEPER_SSL_QUORUM_OCPS=true", "",
		"secureClientPort=2182\nssl.keyStore.location=/k\nssl.quorum.ocsp=true\n"+directories)
	f("ZOOKEEPER_CLIENT_PORT=2181\nZOOKEEPER_4LW_COMMANDS_WHITELIST=*", "", "clientPort=2181\n4lw.commands.whitelist=*\n"+directories)
}
