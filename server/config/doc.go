// Package config turns zoo.cfg, its dynamic part and -D flags into one [Config] and a list of
// [Complaint]s.
//
// It stands before everything else: cmd/gokeeper calls [Parse], prints the complaints, stops with
// [ExitCode] or hands the Config to the server. Nothing here opens a file or looks up a name;
// Input brings functions that do. A Config is a plain value: nobody changes it after Parse, so any
// goroutine may read it.
//
// What holds:
//   - A zoo.cfg that works with Java works here and means the same. Keys without a counterpart are
//     accepted, with one warning if they are set to something else than Java's default; so are
//     unknown keys. What Java takes silently for something else (property=yes for true,
//     a property that is not a number) is taken for the same, with a warning.
//   - Whatever Java refuses is refused with Java's text in the complaint, all mistakes at once,
//     with file, line, key and what would be right.
//   - Without any zoo.cfg our own [Defaults] apply; with one, Java's.
//
// Java splits keys in two kinds. A field is read from zoo.cfg only. Every other key K of the file
// becomes the system property zookeeper.K, which -Dzookeeper.K sets as well; the file wins. Some
// properties have no prefix and Java does not read them from the file at all: here the file may
// set them, and -D wins. Which key is of which kind is said at the fields of Config.
//
// The table, with X standing for ssl and ssl.quorum (fields ClientTLS and QuorumTLS):
//
//	4lw.commands.whitelist                         FourLetterWhitelist
//	admin.commandURL                               Admin.CommandURL
//	admin.console.enabled                          Admin.Console
//	admin.enableServer                             Admin.Enabled
//	admin.forceHttps                               Admin.ForceHTTPS
//	admin.idleTimeout                              Admin.IdleTimeout
//	admin.needClientAuth                           Admin.NeedClientAuth
//	admin.portUnification                          Admin.PortUnification
//	admin.rateLimiterIntervalInMS                  Admin.RateLimit
//	admin.restore.enabled                          Admin.Restore
//	admin.serverAddress                            Admin.Address
//	admin.serverPort                               Admin.Port
//	admin.snapshot.enabled                         Admin.Snapshot
//	allowSaslFailedClients                         AllowFailedSASL
//	audit.enable                                   Audit
//	auditlog.file                                  AuditFile
//	authProvider.*                                 AuthSchemes
//	autopurge.purgeInterval                        PurgeInterval
//	autopurge.snapRetainCount                      PurgeRetain
//	client.certReload                              ClientCertReload
//	client.portUnification                         ClientPortUnification
//	clientPort                                     ClientPort
//	clientPortAddress                              ClientAddress
//	clientPortListenBacklog                        ListenBacklog
//	clientTcpKeepAlive                             ClientKeepAlive
//	closeSessionTxn.enabled                        CloseSessionTxn
//	cnxTimeout                                     ElectionConnectTimeout
//	commitLogCount                                 CommitLogCount
//	connection_throttle_decrease_ratio             ConnectionThrottle.DecreaseRatio
//	connection_throttle_drop_decrease              ConnectionThrottle.DropDecrease
//	connection_throttle_drop_increase              ConnectionThrottle.DropIncrease
//	connection_throttle_fill_count                 ConnectionThrottle.FillCount
//	connection_throttle_fill_time                  ConnectionThrottle.FillTime
//	connection_throttle_freeze_time                ConnectionThrottle.FreezeTime
//	connection_throttle_tokens                     ConnectionThrottle.Tokens
//	connectToLearnerMasterLimit                    ConnectLimit
//	dataDir                                        DataDir
//	datadir.autocreate                             AutoCreateDataDir
//	dataLogDir                                     DataLogDir
//	db.autocreate                                  AutoCreateDatabase
//	digest.enabled                                 Digest
//	DigestAuthenticationProvider.digestAlg         DigestAlgorithm
//	DigestAuthenticationProvider.enabled           DigestAuth
//	DigestAuthenticationProvider.superDigest       SuperDigest
//	dynamicConfigFile                              DynamicFile
//	electionPortBindRetry                          ElectionBindRetries
//	emulate353TTLNodes                             Emulate353TTL
//	enableEagerACLCheck                            EagerACLCheck
//	enforce.auth.enabled                           EnforceAuth
//	enforce.auth.schemes                           EnforceAuthSchemes
//	enforceQuota                                   EnforceQuota
//	ensembleAuthName                               EnsembleNames
//	extendedTypesEnabled                           ExtendedTypes
//	fastleader.maxNotificationInterval             MaxNotificationInterval
//	fastleader.minNotificationInterval             MinNotificationInterval
//	fips-mode                                      FIPSMode
//	flushDelay                                     FlushDelay
//	forceSnapshotSync                              ForceSnapshotSync
//	forceSync                                      ForceSync
//	fsync.warningthresholdms                       FsyncWarning
//	globalOutstandingLimit                         GlobalOutstandingLimit
//	initLimit                                      InitLimit
//	IPAuthenticationProvider.usexforwardedfor      UseXForwardedFor
//	java.security.auth.login.config                JAASFile
//	jute.maxbuffer                                 JuteMaxBuffer
//	jute.maxbuffer.extrasize                       JuteExtra
//	largeRequestMaxBytes                           LargeRequestMaxBytes
//	largeRequestThreshold                          LargeRequestThreshold
//	leader.maxConcurrentDiffSyncs                  MaxDiffSyncs
//	leader.maxConcurrentSnapSyncs                  MaxSnapSyncs
//	leader.maxTimeToWaitForEpoch                   MaxEpochWait
//	leaderConnectDelayDuringRetryMs                LeaderConnectDelay
//	leaderServes                                   LeaderServes
//	localSessionsEnabled                           LocalSessions
//	localSessionsUpgradingEnabled                  LocalSessionUpgrade
//	maxBatchSize                                   MaxBatchSize
//	maxClientCnxns                                 MaxClientConnections
//	maxCnxns                                       MaxConnections
//	maxSessionTimeout                              MaxSessionTimeout
//	maxWriteQueuePollTime                          FlushPoll
//	metricsProvider.className                      Metrics.Provider
//	metricsProvider.exportJvmInfo                  Metrics.ExportRuntime
//	metricsProvider.httpHost                       Metrics.Host
//	metricsProvider.httpPort                       Metrics.Port
//	minSessionTimeout                              MinSessionTimeout
//	multiAddress.enabled                           MultiAddress
//	multiAddress.reachabilityCheckEnabled          ReachabilityCheck
//	multiAddress.reachabilityCheckTimeoutMs        ReachabilityTimeout
//	netty.server.earlyDropSecureConnectionHandshakes DropEarly
//	netty.server.outstandingHandshake.limit        HandshakeLimit
//	nio.sessionlessCnxnTimeout                     SessionlessTimeout
//	observer.election.DelayMs                      ObserverElectionDelay
//	observer.reconnectDelayMs                      ObserverReconnectDelay
//	observer.syncEnabled                           ObserverSync
//	observerMaster.sizeLimit                       ObserverMasterQueueLimit
//	observerMasterPort                             ObserverMasterPort
//	peerType                                       Role
//	portUnification                                QuorumPortUnification
//	preAllocSize                                   PreAllocSize
//	quorum.auth.enableSasl                         QuorumSASL.Enabled
//	quorum.auth.learner.saslLoginContext           QuorumSASL.LearnerSection
//	quorum.auth.learnerRequireSasl                 QuorumSASL.LearnerRequired
//	quorum.auth.server.saslLoginContext            QuorumSASL.ServerSection
//	quorum.auth.serverRequireSasl                  QuorumSASL.ServerRequired
//	quorumCnxnTimeoutMs                            ElectionReadTimeout
//	quorumListenOnAllIPs                           ListenOnAllIPs
//	readonlymode.enabled                           ReadOnlyMode
//	reconfigEnabled                                ReconfigEnabled
//	request_stale_connection_check                 RequestThrottle.StaleConnectionCheck
//	request_stale_latency_check                    RequestThrottle.StaleLatencyCheck
//	request_throttle_drop_stale                    RequestThrottle.DropStale
//	request_throttle_max_requests                  RequestThrottle.MaxRequests
//	request_throttle_stall_time                    RequestThrottle.StallTime
//	request_throttler.shutdownTimeout              RequestThrottle.ShutdownTimeout
//	sasl.serverconfig                              SASLServerSection
//	SASLAuthenticationProvider.superPassword       SASLSuperPassword
//	secureClientPort                               SecureClientPort
//	secureClientPortAddress                        SecureClientAddress
//	serializeLastProcessedZxid.enabled             SerializeLastZxid
//	sessionRequireClientSASLAuth                   RequireClientSASL
//	skipACL                                        SkipACL
//	snapCount                                      SnapCount
//	snapshot.compression.method                    SnapshotCompression
//	snapshot.trust.empty                           TrustEmptySnapshot
//	snapshotSizeFactor                             SnapshotSizeFactor
//	snapSizeLimitInKb                              SnapSizeLimit
//	sslQuorum                                      SSLQuorum
//	sslQuorumReloadCertFiles                       QuorumCertReload
//	standaloneEnabled                              StandaloneEnabled
//	superUser                                      SASLSuperUsers
//	superUser.*                                    SASLSuperUsers
//	syncEnabled                                    ObserverSync
//	syncLimit                                      SyncLimit
//	tcpKeepAlive                                   ElectionKeepAlive
//	throttled_op_wait_time                         RequestThrottle.OpWait
//	tickTime                                       TickTime
//	txnLogSizeLimitInKb                            LogSizeLimit
//	X.allowReverseDnsLookup                        *TLS.AllowReverseDNS
//	X.ciphersuites                                 *TLS.CipherSuites
//	X.clientAuth                                   *TLS.ClientAuth
//	X.clientHostnameVerification                   *TLS.ClientHostnameVerification
//	X.enabledProtocols                             *TLS.EnabledProtocols
//	X.handshakeDetectionTimeoutMillis              *TLS.HandshakeDetectionTimeout
//	X.hostnameVerification                         *TLS.HostnameVerification
//	X.keyStore.location                            *TLS.KeyStore.Location
//	X.keyStore.password                            *TLS.KeyStore.Password
//	X.keyStore.passwordPath                        *TLS.KeyStore.PasswordPath
//	X.keyStore.type                                *TLS.KeyStore.Type
//	X.protocol                                     *TLS.Protocol
//	X.trustStore.location                          *TLS.TrustStore.Location
//	X.trustStore.password                          *TLS.TrustStore.Password
//	X.trustStore.passwordPath                      *TLS.TrustStore.PasswordPath
//	X.trustStore.type                              *TLS.TrustStore.Type
//	X509AuthenticationProvider.superUser           X509SuperUser
//	znode.container.checkIntervalMs                ContainerCheckInterval
//	znode.container.maxNeverUsedIntervalMs         ContainerMaxNeverUsed
//	znode.container.maxPerMinute                   ContainerMaxPerMinute
//
// Keys server.*, group* and weight* make Servers, see package quorum. The property observer.syncEnabled
// is applied after the field syncEnabled.
package config
