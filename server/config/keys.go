package config

import (
	"strings"
	"time"

	"gokeeper/server/quorum"
)

// origin says where a key may be set.
type origin uint8

const (
	field     origin = iota // zoo.cfg only; a wrong value is fatal
	fieldFlag               // zoo.cfg, which wins, or -Dzookeeper.KEY; a wrong value in zoo.cfg is fatal
	property                // zoo.cfg, which wins, or -Dzookeeper.KEY; Java ignores most wrong values
	bare                    // -DKEY, which wins, as Java does not read it from zoo.cfg
)

// key is one row of the table that maps Java's names to fields.
type key struct {
	name   string
	origin origin
	set    setter
	// fatal makes a wrong value of a property fatal: where guessing is dangerous.
	fatal bool
	// ignored: accepted without effect. A value that is not in silent (any case) gets a warning
	// with the note; nil silences every value.
	ignored bool
	silent  []string
	note    string
}

// table is every key with its name; families holds those of which only the start is fixed.
type table struct {
	keys     map[string]key
	families []key
}

func newTable() table {
	t := table{keys: map[string]key{}}
	for _, group := range [][]key{
		basicKeys(), ensembleKeys(), storageKeys(), requestKeys(), throttleKeys(), authKeys(),
		tlsKeys("ssl.", func(c *Config) *TLS { return &c.ClientTLS }),
		tlsKeys("ssl.quorum.", func(c *Config) *TLS { return &c.QuorumTLS }),
		adminKeys(), ignoredKeys(),
	} {
		for _, k := range group {
			if name, ok := strings.CutSuffix(k.name, "*"); ok {
				k.name = name
				t.families = append(t.families, k)
				continue
			}
			t.keys[k.name] = k
		}
	}
	return t
}

// find returns the row of a key.
func (t table) find(name string) (key, bool) {
	if k, ok := t.keys[name]; ok {
		return k, true
	}
	for _, k := range t.families {
		if strings.HasPrefix(name, k.name) {
			k.name = name
			return k, true
		}
	}
	return key{}, false
}

func basicKeys() []key {
	return []key{
		{name: "dataDir", set: text(func(c *Config) *string { return &c.DataDir })},
		{name: "dataLogDir", set: text(func(c *Config) *string { return &c.DataLogDir })},
		{name: "datadir.autocreate", origin: property, set: looseBool(func(c *Config) *bool { return &c.AutoCreateDataDir })},
		{name: "db.autocreate", origin: property, set: looseBool(func(c *Config) *bool { return &c.AutoCreateDatabase })},
		{name: "clientPort", set: port(func(c *Config) *int { return &c.ClientPort })},
		{name: "clientPortAddress", set: text(func(c *Config) *string { return &c.ClientAddress })},
		{name: "secureClientPort", set: port(func(c *Config) *int { return &c.SecureClientPort })},
		{name: "secureClientPortAddress", set: text(func(c *Config) *string { return &c.SecureClientAddress })},
		{name: "client.portUnification", origin: property, set: looseBool(func(c *Config) *bool { return &c.ClientPortUnification })},
		{name: "clientPortListenBacklog", set: integer(func(c *Config) *int { return &c.ListenBacklog })},
		{name: "clientTcpKeepAlive", origin: property, set: looseBool(func(c *Config) *bool { return &c.ClientKeepAlive })},
		{name: "maxClientCnxns", set: integer(func(c *Config) *int { return &c.MaxClientConnections })},
		{name: "maxCnxns", origin: property, set: looseInt(func(c *Config) *int { return &c.MaxConnections })},
		{name: "nio.sessionlessCnxnTimeout", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.SessionlessTimeout })},
		{name: "4lw.commands.whitelist", origin: property, set: list(func(c *Config) *[]string { return (*[]string)(&c.FourLetterWhitelist) })},
		{name: "readonlymode.enabled", origin: bare, set: looseBool(func(c *Config) *bool { return &c.ReadOnlyMode })},
		{name: "tickTime", set: millis(func(c *Config) *time.Duration { return &c.TickTime })},
		{name: "minSessionTimeout", set: millis(func(c *Config) *time.Duration { return &c.MinSessionTimeout })},
		{name: "maxSessionTimeout", set: millis(func(c *Config) *time.Duration { return &c.MaxSessionTimeout })},
		{name: "localSessionsEnabled", set: strictBool("localSessionsEnabled", func(c *Config) *bool { return &c.LocalSessions })},
		{name: "localSessionsUpgradingEnabled", set: strictBool("localSessionsUpgradingEnabled", func(c *Config) *bool { return &c.LocalSessionUpgrade })},
	}
}

func ensembleKeys() []key {
	return []key{
		{name: "dynamicConfigFile", set: text(func(c *Config) *string { return &c.DynamicFile })},
		{name: "standaloneEnabled", set: strictBool("standaloneEnabled", func(c *Config) *bool { return &c.StandaloneEnabled })},
		{name: "reconfigEnabled", set: strictBool("reconfigEnabled", func(c *Config) *bool { return &c.ReconfigEnabled })},
		{name: "peerType", set: setRole},
		{name: "electionAlg", set: checkElectionAlg},
		{name: "oraclePath", set: refuseOracle},
		{name: "initLimit", set: limit(func(c *Config) *int { return &c.InitLimit })},
		{name: "syncLimit", set: limit(func(c *Config) *int { return &c.SyncLimit })},
		{name: "connectToLearnerMasterLimit", set: limit(func(c *Config) *int { return &c.ConnectLimit })},
		{name: "quorumListenOnAllIPs", set: strictBool("quorumListenOnAllIPs", func(c *Config) *bool { return &c.ListenOnAllIPs })},
		{name: "leaderServes", origin: property, set: exactly("no", false, "yes", func(c *Config) *bool { return &c.LeaderServes })},
		{name: "syncEnabled", set: strictBool("syncEnabled", func(c *Config) *bool { return &c.ObserverSync })},
		{name: "observer.syncEnabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.ObserverSync })},
		{name: "observerMasterPort", set: port(func(c *Config) *int { return &c.ObserverMasterPort })},
		{name: "observerMaster.sizeLimit", origin: property, set: looseInt64(func(c *Config) *int64 { return &c.ObserverMasterQueueLimit })},
		{name: "observer.reconnectDelayMs", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.ObserverReconnectDelay })},
		{name: "observer.election.DelayMs", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.ObserverElectionDelay })},
		{name: "cnxTimeout", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.ElectionConnectTimeout })},
		{name: "quorumCnxnTimeoutMs", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.ElectionReadTimeout })},
		{name: "electionPortBindRetry", origin: property, set: looseInt(func(c *Config) *int { return &c.ElectionBindRetries })},
		{name: "tcpKeepAlive", origin: property, set: looseBool(func(c *Config) *bool { return &c.ElectionKeepAlive })},
		{name: "fastleader.minNotificationInterval", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.MinNotificationInterval })},
		{name: "fastleader.maxNotificationInterval", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.MaxNotificationInterval })},
		{name: "multiAddress.enabled", origin: fieldFlag, set: strictBool("multiAddress.enabled", func(c *Config) *bool { return &c.MultiAddress })},
		{name: "multiAddress.reachabilityCheckEnabled", origin: fieldFlag, set: strictBool("multiAddress.reachabilityCheckEnabled", func(c *Config) *bool { return &c.ReachabilityCheck })},
		{name: "multiAddress.reachabilityCheckTimeoutMs", origin: fieldFlag, set: millis(func(c *Config) *time.Duration { return &c.ReachabilityTimeout })},
		{name: "leaderConnectDelayDuringRetryMs", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.LeaderConnectDelay })},
		{name: "leader.maxTimeToWaitForEpoch", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.MaxEpochWait })},
		{name: "leader.maxConcurrentSnapSyncs", origin: property, set: looseInt(func(c *Config) *int { return &c.MaxSnapSyncs })},
		{name: "leader.maxConcurrentDiffSyncs", origin: property, set: looseInt(func(c *Config) *int { return &c.MaxDiffSyncs })},
		{name: "forceSnapshotSync", origin: property, set: looseBool(func(c *Config) *bool { return &c.ForceSnapshotSync })},
	}
}

func storageKeys() []key {
	return []key{
		{name: "snapCount", origin: property, set: integer(func(c *Config) *int { return &c.SnapCount })},
		{name: "snapSizeLimitInKb", origin: property, set: kib(func(c *Config) *int64 { return &c.SnapSizeLimit })},
		{name: "txnLogSizeLimitInKb", origin: property, set: kib(func(c *Config) *int64 { return &c.LogSizeLimit })},
		{name: "preAllocSize", origin: property, set: kib(func(c *Config) *int64 { return &c.PreAllocSize })},
		{name: "commitLogCount", origin: property, set: looseInt(func(c *Config) *int { return &c.CommitLogCount })},
		{name: "snapshotSizeFactor", origin: property, set: fraction(func(c *Config) *float64 { return &c.SnapshotSizeFactor })},
		{name: "forceSync", origin: property, set: exactly("no", false, "yes", func(c *Config) *bool { return &c.ForceSync })},
		{name: "fsync.warningthresholdms", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.FsyncWarning })},
		{name: "snapshot.compression.method", origin: property, set: oneOf(func(c *Config) *string { return &c.SnapshotCompression }, "gz", "snappy")},
		{name: "snapshot.trust.empty", origin: property, set: looseBool(func(c *Config) *bool { return &c.TrustEmptySnapshot })},
		{name: "digest.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.Digest })},
		{name: "serializeLastProcessedZxid.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.SerializeLastZxid })},
		{name: "closeSessionTxn.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.CloseSessionTxn })},
		{name: "flushDelay", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.FlushDelay })},
		{name: "maxWriteQueuePollTime", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.FlushPoll })},
		{name: "maxBatchSize", origin: property, set: looseInt(func(c *Config) *int { return &c.MaxBatchSize })},
		{name: "autopurge.snapRetainCount", set: integer(func(c *Config) *int { return &c.PurgeRetain })},
		{name: "autopurge.purgeInterval", set: hours(func(c *Config) *time.Duration { return &c.PurgeInterval })},
	}
}

func requestKeys() []key {
	return []key{
		{name: "globalOutstandingLimit", origin: property, set: integer(func(c *Config) *int { return &c.GlobalOutstandingLimit })},
		{name: "jute.maxbuffer", origin: bare, set: looseInt(func(c *Config) *int { return &c.JuteMaxBuffer })},
		{name: "jute.maxbuffer.extrasize", origin: property, set: looseInt(func(c *Config) *int { return &c.JuteExtra })},
		{name: "largeRequestMaxBytes", origin: property, set: looseInt64(func(c *Config) *int64 { return &c.LargeRequestMaxBytes })},
		{name: "largeRequestThreshold", origin: property, set: looseInt(func(c *Config) *int { return &c.LargeRequestThreshold })},
		{name: "enforceQuota", origin: property, set: looseBool(func(c *Config) *bool { return &c.EnforceQuota })},
		{name: "extendedTypesEnabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.ExtendedTypes })},
		{name: "emulate353TTLNodes", origin: property, set: looseBool(func(c *Config) *bool { return &c.Emulate353TTL })},
		{name: "znode.container.checkIntervalMs", origin: bare, set: looseMillis(func(c *Config) *time.Duration { return &c.ContainerCheckInterval })},
		{name: "znode.container.maxPerMinute", origin: bare, set: looseInt(func(c *Config) *int { return &c.ContainerMaxPerMinute })},
		{name: "znode.container.maxNeverUsedIntervalMs", origin: bare, set: looseMillis(func(c *Config) *time.Duration { return &c.ContainerMaxNeverUsed })},
	}
}

func throttleKeys() []key {
	return []key{
		{name: "request_throttle_max_requests", origin: property, set: looseInt(func(c *Config) *int { return &c.RequestThrottle.MaxRequests })},
		{name: "request_throttle_stall_time", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.RequestThrottle.StallTime })},
		{name: "request_throttle_drop_stale", origin: property, set: looseBool(func(c *Config) *bool { return &c.RequestThrottle.DropStale })},
		{name: "request_stale_latency_check", origin: property, set: looseBool(func(c *Config) *bool { return &c.RequestThrottle.StaleLatencyCheck })},
		{name: "request_stale_connection_check", origin: property, set: looseBool(func(c *Config) *bool { return &c.RequestThrottle.StaleConnectionCheck })},
		{name: "request_throttler.shutdownTimeout", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.RequestThrottle.ShutdownTimeout })},
		{name: "throttled_op_wait_time", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.RequestThrottle.OpWait })},
		{name: "connection_throttle_tokens", origin: property, set: looseInt(func(c *Config) *int { return &c.ConnectionThrottle.Tokens })},
		{name: "connection_throttle_fill_time", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.ConnectionThrottle.FillTime })},
		{name: "connection_throttle_fill_count", origin: property, set: looseInt(func(c *Config) *int { return &c.ConnectionThrottle.FillCount })},
		{name: "connection_throttle_freeze_time", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.ConnectionThrottle.FreezeTime })},
		{name: "connection_throttle_drop_increase", origin: property, set: fraction(func(c *Config) *float64 { return &c.ConnectionThrottle.DropIncrease })},
		{name: "connection_throttle_drop_decrease", origin: property, set: fraction(func(c *Config) *float64 { return &c.ConnectionThrottle.DropDecrease })},
		{name: "connection_throttle_decrease_ratio", origin: property, set: fraction(func(c *Config) *float64 { return &c.ConnectionThrottle.DecreaseRatio })},
	}
}

func authKeys() []key {
	return []key{
		{name: "netty.server.outstandingHandshake.limit", origin: property, set: looseInt(func(c *Config) *int { return &c.HandshakeLimit })},
		{name: "netty.server.earlyDropSecureConnectionHandshakes", origin: property, set: looseBool(func(c *Config) *bool { return &c.DropEarly })},
		{name: "client.certReload", origin: property, set: looseBool(func(c *Config) *bool { return &c.ClientCertReload })},
		{name: "sslQuorum", set: strictBool("sslQuorum", func(c *Config) *bool { return &c.SSLQuorum })},
		{name: "portUnification", set: strictBool("portUnification", func(c *Config) *bool { return &c.QuorumPortUnification })},
		{name: "sslQuorumReloadCertFiles", set: strictBool("sslQuorumReloadCertFiles", func(c *Config) *bool { return &c.QuorumCertReload })},
		{name: "fips-mode", origin: property, set: looseBool(func(c *Config) *bool { return &c.FIPSMode })},
		{name: "authProvider.*", origin: property, set: addAuthProvider},
		{name: "DigestAuthenticationProvider.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.DigestAuth })},
		{name: "DigestAuthenticationProvider.digestAlg", origin: property, set: text(func(c *Config) *string { return &c.DigestAlgorithm })},
		{name: "DigestAuthenticationProvider.superDigest", origin: property, set: text(func(c *Config) *string { return &c.SuperDigest })},
		{name: "X509AuthenticationProvider.superUser", origin: property, set: text(func(c *Config) *string { return &c.X509SuperUser })},
		{name: "superUser", origin: property, set: addSuperUser},
		{name: "superUser.*", origin: property, set: addSuperUser},
		{name: "SASLAuthenticationProvider.superPassword", origin: property, set: text(func(c *Config) *string { return &c.SASLSuperPassword })},
		{name: "sasl.serverconfig", origin: property, set: text(func(c *Config) *string { return &c.SASLServerSection })},
		{name: "java.security.auth.login.config", origin: bare, set: text(func(c *Config) *string { return &c.JAASFile })},
		{name: "quorum.auth.enableSasl", set: strictBool("quorum.auth.enableSasl", func(c *Config) *bool { return &c.QuorumSASL.Enabled })},
		{name: "quorum.auth.learnerRequireSasl", set: strictBool("quorum.auth.learnerRequireSasl", func(c *Config) *bool { return &c.QuorumSASL.LearnerRequired })},
		{name: "quorum.auth.serverRequireSasl", set: strictBool("quorum.auth.serverRequireSasl", func(c *Config) *bool { return &c.QuorumSASL.ServerRequired })},
		{name: "quorum.auth.learner.saslLoginContext", set: text(func(c *Config) *string { return &c.QuorumSASL.LearnerSection })},
		{name: "quorum.auth.server.saslLoginContext", set: text(func(c *Config) *string { return &c.QuorumSASL.ServerSection })},
		{name: "sessionRequireClientSASLAuth", origin: property, set: looseBool(func(c *Config) *bool { return &c.RequireClientSASL })},
		{name: "allowSaslFailedClients", origin: property, set: looseBool(func(c *Config) *bool { return &c.AllowFailedSASL })},
		{name: "enforce.auth.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.EnforceAuth })},
		{name: "enforce.auth.schemes", origin: property, set: list(func(c *Config) *[]string { return &c.EnforceAuthSchemes })},
		{name: "ensembleAuthName", origin: property, set: list(func(c *Config) *[]string { return &c.EnsembleNames })},
		{name: "IPAuthenticationProvider.usexforwardedfor", origin: property, set: looseBool(func(c *Config) *bool { return &c.UseXForwardedFor })},
		{name: "skipACL", origin: property, set: exactly("yes", true, "no", func(c *Config) *bool { return &c.SkipACL })},
		{name: "enableEagerACLCheck", origin: property, set: looseBool(func(c *Config) *bool { return &c.EagerACLCheck })},
	}
}

func tlsKeys(prefix string, at func(*Config) *TLS) []key {
	keys := append(storeKeys("keyStore.", func(c *Config) *Store { return &at(c).KeyStore }),
		storeKeys("trustStore.", func(c *Config) *Store { return &at(c).TrustStore })...)
	keys = append(keys,
		key{name: "protocol", set: text(func(c *Config) *string { return &at(c).Protocol })},
		key{name: "enabledProtocols", set: list(func(c *Config) *[]string { return &at(c).EnabledProtocols })},
		key{name: "ciphersuites", set: list(func(c *Config) *[]string { return &at(c).CipherSuites })},
		key{name: "hostnameVerification", set: looseBool(func(c *Config) *bool { return &at(c).HostnameVerification })},
		key{name: "clientHostnameVerification", set: looseBool(func(c *Config) *bool { return &at(c).ClientHostnameVerification })},
		key{name: "allowReverseDnsLookup", set: looseBool(func(c *Config) *bool { return &at(c).AllowReverseDNS })},
		key{name: "clientAuth", fatal: true, set: oneOf(func(c *Config) *string { return &at(c).ClientAuth }, "none", "want", "need")},
		key{name: "handshakeDetectionTimeoutMillis", set: looseMillis(func(c *Config) *time.Duration { return &at(c).HandshakeDetectionTimeout })},
		key{name: "crl", ignored: true, silent: []string{"false"}, note: "certificate revocation is NOT checked"},
		key{name: "ocsp", ignored: true, silent: []string{"false"}, note: "certificate revocation is NOT checked"},
		key{name: "context.supplier.class", ignored: true, silent: []string{""}},
	)
	for i := range keys {
		keys[i].name, keys[i].origin = prefix+keys[i].name, property
	}
	return keys
}

func storeKeys(prefix string, at func(*Config) *Store) []key {
	return []key{
		{name: prefix + "location", set: text(func(c *Config) *string { return &at(c).Location })},
		{name: prefix + "password", set: text(func(c *Config) *string { return &at(c).Password })},
		{name: prefix + "passwordPath", set: text(func(c *Config) *string { return &at(c).PasswordPath })},
		{name: prefix + "type", set: text(func(c *Config) *string { return &at(c).Type })},
	}
}

func adminKeys() []key {
	return []key{
		{name: "admin.enableServer", origin: property, set: exactly("false", false, "true", func(c *Config) *bool { return &c.Admin.Enabled })},
		{name: "admin.serverAddress", origin: property, set: text(func(c *Config) *string { return &c.Admin.Address })},
		{name: "admin.serverPort", origin: property, set: loosePort(func(c *Config) *int { return &c.Admin.Port })},
		{name: "admin.commandURL", origin: property, set: text(func(c *Config) *string { return &c.Admin.CommandURL })},
		{name: "admin.idleTimeout", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.Admin.IdleTimeout })},
		{name: "admin.portUnification", origin: property, set: looseBool(func(c *Config) *bool { return &c.Admin.PortUnification })},
		{name: "admin.forceHttps", origin: property, set: looseBool(func(c *Config) *bool { return &c.Admin.ForceHTTPS })},
		{name: "admin.needClientAuth", origin: property, set: looseBool(func(c *Config) *bool { return &c.Admin.NeedClientAuth })},
		{name: "admin.console.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.Admin.Console })},
		{name: "admin.snapshot.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.Admin.Snapshot })},
		{name: "admin.restore.enabled", origin: property, set: looseBool(func(c *Config) *bool { return &c.Admin.Restore })},
		{name: "admin.rateLimiterIntervalInMS", origin: property, set: looseMillis(func(c *Config) *time.Duration { return &c.Admin.RateLimit })},
		{name: "metricsProvider.className", set: setMetricsProvider},
		{name: "metricsProvider.httpHost", set: text(func(c *Config) *string { return &c.Metrics.Host })},
		{name: "metricsProvider.httpPort", set: port(func(c *Config) *int { return &c.Metrics.Port })},
		{name: "metricsProvider.exportJvmInfo", set: looseBool(func(c *Config) *bool { return &c.Metrics.ExportRuntime })},
		{name: "auditlog.file", origin: property, set: text(func(c *Config) *string { return &c.AuditFile })},
		{name: "audit.enable", origin: property, set: looseBool(func(c *Config) *bool { return &c.Audit })},
	}
}

func setRole(c *Config, value string) error {
	role, err := quorum.ParseRole(value)
	if err != nil {
		return wrong{text: err.Error(), allowed: "participant, observer"}
	}
	c.Role = role
	return nil
}

func checkElectionAlg(_ *Config, value string) error {
	n, err := decimal(value, 32, "3")
	if err != nil {
		return err
	}
	if n != 3 {
		return wrong{text: "Invalid electionAlg value. Only 3 is supported.", allowed: "3"}
	}
	return nil
}

func refuseOracle(_ *Config, value string) error {
	if value == "" {
		return nil
	}
	return wrong{text: "the two-node oracle quorum is not supported", allowed: "nothing"}
}

func setMetricsProvider(c *Config, value string) error {
	const classes = "org.apache.zookeeper.metrics."
	switch value {
	case classes + "impl.DefaultMetricsProvider":
		c.Metrics.Provider = DefaultMetrics
	case classes + "prometheus.PrometheusMetricsProvider":
		c.Metrics.Provider = PrometheusMetrics
	case classes + "impl.NullMetricsProvider":
		c.Metrics.Provider = NullMetrics
	default:
		return wrong{text: "metrics provider class was not found", allowed: classes + "{impl.DefaultMetricsProvider," +
			"impl.NullMetricsProvider,prometheus.PrometheusMetricsProvider}"}
	}
	return nil
}

func addAuthProvider(c *Config, value string) error {
	name := value[strings.LastIndexByte(value, '.')+1:]
	scheme, ok := map[string]string{
		"SASLAuthenticationProvider":     "sasl",
		"X509AuthenticationProvider":     "x509",
		"EnsembleAuthenticationProvider": "ensemble",
		"KeyAuthenticationProvider":      "key",
		"IPAuthenticationProvider":       "ip",
		"DigestAuthenticationProvider":   "digest",
	}[name]
	if !ok {
		return wrong{text: "unknown authentication provider class, ignored", soft: true,
			allowed: "the SASL, X509, Ensemble and Key providers of org.apache.zookeeper.server.auth"}
	}
	if scheme != "ip" && scheme != "digest" { // built in
		c.AuthSchemes = append(c.AuthSchemes, scheme)
	}
	return nil
}

func addSuperUser(c *Config, value string) error {
	c.SASLSuperUsers = append(c.SASLSuperUsers, value)
	return nil
}
