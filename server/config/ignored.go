package config

// ignoredKeys are keys without a counterpart here. A value that differs from Java's default, the
// first in silent, gets a warning.
func ignoredKeys() []key {
	var keys []key
	add := func(o origin, note string, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			keys = append(keys, key{name: pairs[i], origin: o, ignored: true, silent: []string{pairs[i+1]}, note: note})
		}
	}
	const threads = "no such threads or buffers here"
	add(field, threads, "quorum.cnxn.threads.size", "20")
	add(field, "there is no JVM", "jvm.pause.monitor", "false", "jvm.pause.info-threshold.ms", "1000",
		"jvm.pause.warn-threshold.ms", "10000", "jvm.pause.sleep.time.ms", "500")
	add(field, "", "quorum.auth.kerberos.servicePrincipal", "zkquorum/localhost",
		"metricsProvider.numWorkerThreads", "1", "metricsProvider.maxQueueSize", "1000000",
		"metricsProvider.workerShutdownTimeoutMs", "1000")
	add(property, threads, "learner.asyncSending", "false", "learner.closeSocketAsync", "false",
		"leader.closeSocketAsync", "false", "forward_learner_requests_to_commit_processor_disabled", "false",
		"follower.skipLearnerRequestToNextProcessor", "false",
		"nio.numSelectorThreads", "", "nio.numWorkerThreads", "", "nio.directBufferBytes", "", "nio.shutdownTimeout", "",
		"commitProcessor.*", "", "intBufferStartingSizeBytes", "", "netty.*", "",
		"watchManagerName", "", "watcherClean*", "", "maxInProcessingDeadWatchers", "", "bitHashCacheSize", "",
		"maxResponseCacheSize", "400", "maxGetChildrenResponseCacheSize", "400")
	add(property, "", "leader.ackLoggingFrequency", "1000", "messageTracker.Enabled", "false", "messageTracker.BufferSize", "10",
		"pathStats.enabled", "false", "pathStats.slotCapacity", "60", "pathStats.slotDuration", "15", "pathStats.maxDepth", "6",
		"pathStats.sampleRate", "0.1", "pathStats.initialDelay", "5", "pathStats.delay", "5", "pathStats.topPathMax", "20",
		"connection_throttle_weight_enabled", "false", "connection_throttle_global_session_weight", "3",
		"connection_throttle_local_session_weight", "1", "connection_throttle_renew_session_weight", "2",
		"ssl.authProvider", "x509", "ssl.sslProvider", "JDK", "letAnySaslUserDoX", "",
		"kerberos.removeHostFromPrincipal", "false", "kerberos.removeRealmFromPrincipal", "false",
		"kerberos.canonicalizeHostNames", "false", "kerberos.minReLoginTimeMs", "60000", "kerberos.requireKerberosConfig", "",
		"security.auth_to_local", "DEFAULT", "admin.httpVersion", "11",
		"audit.impl.class", "Slf4jAuditLogger", "traceFile", "",
		"test.allowDiscontinuousProposals", "false", "testingonly.initialZxid", "")
	add(bare, "Nagle's algorithm is always off", "leader.nodelay", "true", "follower.nodelay", "true")
	keys = append(keys, key{name: "serverCnxnFactory", origin: property, ignored: true, silent: []string{
		"org.apache.zookeeper.server.NIOServerCnxnFactory", "org.apache.zookeeper.server.NettyServerCnxnFactory"},
		note: "one implementation serves plaintext and TLS"})
	return append(keys, silentKeys()...)
}

// silentKeys are met in the environment of servers and concern clients, scripts or logging.
func silentKeys() []key {
	var keys []key
	for _, name := range []string{
		"sasl.client", "sasl.clientconfig", "sasl.client.*", "server.principal", "server.realm", "clientCnxnSocket",
		"client.secure", "disableAutoWatchReset", "request.timeout", "kinit", "jmx.log4j.*",
		"log.dir", "log.file", "log.threshold", "log.maxfilesize", "log.maxbackupindex", "root.logger",
		"console.threshold", "tracelog.dir", "tracelog.file", "auditlog.*", "audit.logger",
	} {
		keys = append(keys, key{name: name, origin: property, ignored: true})
	}
	return keys
}

// guideName returns the real key for a name that the public guide uses and Java does not read.
func guideName(name string) (string, bool) {
	key, ok := map[string]string{
		"connectionMaxTokens":         "connection_throttle_tokens",
		"connectionTokenFillTime":     "connection_throttle_fill_time",
		"connectionTokenFillCount":    "connection_throttle_fill_count",
		"connectionFreezeTime":        "connection_throttle_freeze_time",
		"connectionDropIncrease":      "connection_throttle_drop_increase",
		"connectionDropDecrease":      "connection_throttle_drop_decrease",
		"connectionDecreaseRatio":     "connection_throttle_decrease_ratio",
		"maxConcurrentSnapSyncs":      "leader.maxConcurrentSnapSyncs",
		"maxConcurrentDiffSyncs":      "leader.maxConcurrentDiffSyncs",
		"maxTimeToWaitForEpoch":       "leader.maxTimeToWaitForEpoch",
		"advancedFlowControlEnabled":  "netty.advancedFlowControl.enabled",
		"requestThrottleLimit":        "request_throttle_max_requests",
		"requestThrottleStallTime":    "request_throttle_stall_time",
		"requestThrottleDropStale":    "request_throttle_drop_stale",
		"requestStaleLatencyCheck":    "request_stale_latency_check",
		"requestStaleConnectionCheck": "request_stale_connection_check",
		"throttledOpWaitTime":         "throttled_op_wait_time",
		"outstandingHandshake.limit":  "netty.server.outstandingHandshake.limit",
	}[name]
	return key, ok
}
