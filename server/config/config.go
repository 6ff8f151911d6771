package config

import (
	"time"

	"gokeeper/server/quorum"
)

// NoID is [Config.MyID] of a server without a myid file, which only a standalone one may be.
const NoID quorum.ServerID = -1

// Config is everything that can be configured. [Parse] fills in every default, so that a zero field
// means what its comment says. Each comment starts with the key of zoo.cfg; "property" marks
// those that -Dzookeeper.KEY sets as well. Sizes are bytes, limits of 0 are off unless said otherwise.
type Config struct {
	// Where things are.

	// File is the path of the configuration file, "" if there is none.
	File string
	// DataDir is dataDir: snapshots in its version-2, also myid and initialize. Required.
	DataDir string
	// DataLogDir is dataLogDir: transaction logs in its version-2. Default DataDir.
	DataLogDir string
	// AutoCreateDataDir is datadir.autocreate (property, default true): create version-2.
	AutoCreateDataDir bool
	// AutoCreateDatabase is db.autocreate (property, default true). False: an empty database joins
	// without a vote unless the file initialize stands beside myid.
	AutoCreateDatabase bool

	// Clients.

	// ClientPort is clientPort or the port of the own server line; 0: no plaintext listener.
	ClientPort int
	// ClientAddress is clientPortAddress or the host of the own server line; "" is every address,
	// IPv4 and IPv6, and also stands for 0.0.0.0 and ::, which Java binds in the same way.
	ClientAddress string
	// SecureClientPort is secureClientPort, the TLS listener; 0: none.
	SecureClientPort int
	// SecureClientAddress is secureClientPortAddress; "" is every address.
	SecureClientAddress string
	// HandshakeLimit is netty.server.outstandingHandshake.limit (property): how many handshakes
	// of TLS may be under way; 0: no limit.
	HandshakeLimit int
	// DropEarly is netty.server.earlyDropSecureConnectionHandshakes (property): no handshakes
	// while the server does not serve.
	DropEarly bool
	// ClientPortUnification is client.portUnification (property): the plaintext port takes TLS too.
	ClientPortUnification bool
	// ListenBacklog is clientPortListenBacklog; -1 (default) leaves it to the system.
	ListenBacklog int
	// ClientKeepAlive is clientTcpKeepAlive (property): SO_KEEPALIVE on client sockets.
	ClientKeepAlive bool
	// MaxClientConnections is maxClientCnxns: connections per client address (default 60).
	MaxClientConnections int
	// MaxConnections is maxCnxns (property): connections per listener.
	MaxConnections int
	// SessionlessTimeout is nio.sessionlessCnxnTimeout (property, ms, default 10 s): a connection
	// without a session is closed after one to two times this long.
	SessionlessTimeout time.Duration
	// FourLetterWhitelist is 4lw.commands.whitelist (property). It always has srvr, and isro if
	// ReadOnlyMode is set.
	FourLetterWhitelist Whitelist
	// ReadOnlyMode is readonlymode.enabled (-D without prefix): serve readers without a quorum.
	ReadOnlyMode bool
	// ConnectionThrottle limits how fast connections are accepted.
	ConnectionThrottle ConnectionThrottle

	// Time and sessions.

	// TickTime is tickTime (ms, default 3000): the unit of the limits in ticks.
	TickTime time.Duration
	// MinSessionTimeout is minSessionTimeout (ms, default 2 ticks).
	MinSessionTimeout time.Duration
	// MaxSessionTimeout is maxSessionTimeout (ms, default 20 ticks).
	MaxSessionTimeout time.Duration
	// LocalSessions is localSessionsEnabled: sessions known to one server only.
	LocalSessions bool
	// LocalSessionUpgrade is localSessionsUpgradingEnabled: make them global on first need.
	LocalSessionUpgrade bool

	// The ensemble.

	// MyID is the content of dataDir/myid; [NoID] without that file.
	MyID quorum.ServerID
	// Servers are the members; without any in a plain standalone configuration. The own
	// member has the client address of the static file if its line has none.
	Servers quorum.Config
	// NextServers is the content of FILE.dynamic.next: a reconfiguration seen, but not known to be
	// committed. Nil without that file.
	NextServers *quorum.Config
	// DynamicFile is dynamicConfigFile; "": the members are in File.
	DynamicFile string
	// Distributed: run the quorum protocol. More than one voter, or StandaloneEnabled is false.
	Distributed bool
	// StandaloneEnabled is standaloneEnabled (default true). False: one voter is a quorum of one.
	StandaloneEnabled bool
	// ReconfigEnabled is reconfigEnabled: dynamic reconfiguration; the leader's value decides.
	ReconfigEnabled bool
	// Role is peerType, corrected by the server lines.
	Role quorum.Role
	// InitLimit is initLimit: ticks a learner may take to connect and synchronise.
	InitLimit int
	// SyncLimit is syncLimit: ticks between acknowledgements.
	SyncLimit int
	// ConnectLimit is connectToLearnerMasterLimit: ticks to connect to the leader (0: InitLimit,
	// filled in).
	ConnectLimit int
	// ListenOnAllIPs is quorumListenOnAllIPs: bind the quorum and election ports everywhere.
	ListenOnAllIPs bool
	// LeaderServes is leaderServes (property, default true, only "no" is false): the leader
	// accepts clients.
	LeaderServes bool
	// ObserverSync is syncEnabled (default true): an observer writes logs and snapshots. The
	// property observer.syncEnabled has the last word.
	ObserverSync bool
	// ObserverMasterPort is observerMasterPort: followers serve observers there; 0: they do not.
	ObserverMasterPort int
	// ObserverMasterQueueLimit is observerMaster.sizeLimit (property, default 32 MiB).
	ObserverMasterQueueLimit int64
	// ObserverReconnectDelay is observer.reconnectDelayMs (property, ms, default 0).
	ObserverReconnectDelay time.Duration
	// ObserverElectionDelay is observer.election.DelayMs (property, ms, default 200).
	ObserverElectionDelay time.Duration
	// ElectionConnectTimeout is cnxTimeout (property, ms, default 5000).
	ElectionConnectTimeout time.Duration
	// ElectionReadTimeout is quorumCnxnTimeoutMs (property, ms, default SyncLimit ticks, filled in).
	ElectionReadTimeout time.Duration
	// ElectionBindRetries is electionPortBindRetry (property, default 3): attempts, one second
	// apart; 0: for ever.
	ElectionBindRetries int
	// ElectionKeepAlive is tcpKeepAlive (property): SO_KEEPALIVE on election sockets.
	ElectionKeepAlive bool
	// MinNotificationInterval is fastleader.minNotificationInterval (property, ms, default 200).
	MinNotificationInterval time.Duration
	// MaxNotificationInterval is fastleader.maxNotificationInterval (property, ms, default 60 s).
	MaxNotificationInterval time.Duration
	// MultiAddress is multiAddress.enabled: several addresses per server.
	MultiAddress bool
	// ReachabilityCheck is multiAddress.reachabilityCheckEnabled (default true).
	ReachabilityCheck bool
	// ReachabilityTimeout is multiAddress.reachabilityCheckTimeoutMs (ms, default 1000).
	ReachabilityTimeout time.Duration
	// LeaderConnectDelay is leaderConnectDelayDuringRetryMs (property, ms, default 100).
	LeaderConnectDelay time.Duration
	// MaxEpochWait is leader.maxTimeToWaitForEpoch (property, ms); 0: InitLimit decides alone.
	MaxEpochWait time.Duration
	// MaxSnapSyncs is leader.maxConcurrentSnapSyncs (property, default 10).
	MaxSnapSyncs int
	// MaxDiffSyncs is leader.maxConcurrentDiffSyncs (property, default 100).
	MaxDiffSyncs int
	// ForceSnapshotSync is forceSnapshotSync (property): bring every learner up with a snapshot.
	ForceSnapshotSync bool

	// Storage.

	// SnapCount is snapCount (property, default 100000, at least 2): transactions per snapshot.
	SnapCount int
	// SnapSizeLimit is snapSizeLimitInKb (property, default 4 GiB): log bytes per snapshot; 0: off.
	SnapSizeLimit int64
	// LogSizeLimit is txnLogSizeLimitInKb (property): roll the log at this size; 0: off.
	LogSizeLimit int64
	// PreAllocSize is preAllocSize (property, default 64 MiB): log bytes allocated at once.
	PreAllocSize int64
	// CommitLogCount is commitLogCount (property, at least 500, default 500): proposals
	// kept for DIFF.
	CommitLogCount int
	// SnapshotSizeFactor is snapshotSizeFactor (property, default 0.33, at most 1): log files serve
	// a synchronisation up to this share of the snapshot's size; negative: never.
	SnapshotSizeFactor float64
	// ForceSync is forceSync (property, default true, only "no" is false): fsync the log.
	ForceSync bool
	// FsyncWarning is fsync.warningthresholdms (property, ms, default 1000).
	FsyncWarning time.Duration
	// SnapshotCompression is snapshot.compression.method (property): "", "gz" or "snappy".
	SnapshotCompression string
	// TrustEmptySnapshot is snapshot.trust.empty (property): start from logs without a snapshot.
	TrustEmptySnapshot bool
	// Digest is digest.enabled (property, default true): digest of the tree in transactions and snapshots.
	Digest bool
	// SerializeLastZxid is serializeLastProcessedZxid.enabled (property, default true): the last
	// zxid at the end of snapshots.
	SerializeLastZxid bool
	// CloseSessionTxn is closeSessionTxn.enabled (property, default true): list the ephemerals.
	CloseSessionTxn bool
	// FlushDelay is flushDelay (property, ms, default 0): longest wait for more to fsync.
	FlushDelay time.Duration
	// FlushPoll is maxWriteQueuePollTime (property, ms, default a third of FlushDelay, filled in).
	FlushPoll time.Duration
	// MaxBatchSize is maxBatchSize (property, default 1000): transactions per fsync.
	MaxBatchSize int
	// PurgeRetain is autopurge.snapRetainCount (default 3, at least 3): snapshots kept.
	PurgeRetain int
	// PurgeInterval is autopurge.purgeInterval (hours); 0: never, otherwise first at start.
	PurgeInterval time.Duration

	// Requests.

	// GlobalOutstandingLimit is globalOutstandingLimit (property, default 1000), see
	// [Config.OutstandingLimit].
	GlobalOutstandingLimit int
	// JuteMaxBuffer is jute.maxbuffer (-D without prefix, default 1048575): largest packet.
	JuteMaxBuffer int
	// JuteExtra is jute.maxbuffer.extrasize (property, default JuteMaxBuffer, filled in): what
	// records inside the server may have on top.
	JuteExtra int
	// LargeRequestMaxBytes is largeRequestMaxBytes (property, default 100 MiB): large requests
	// in flight.
	LargeRequestMaxBytes int64
	// LargeRequestThreshold is largeRequestThreshold (property): what is large; -1 (default): nothing.
	LargeRequestThreshold int
	// RequestThrottle limits how many requests are processed at a time.
	RequestThrottle RequestThrottle
	// EnforceQuota is enforceQuota (property): hard quotas refuse writes.
	EnforceQuota bool
	// ExtendedTypes is extendedTypesEnabled (property): TTL nodes; MyID is then at most 254.
	ExtendedTypes bool
	// Emulate353TTL is emulate353TTLNodes (property): the TTL encoding of 3.5.3.
	Emulate353TTL bool
	// ContainerCheckInterval is znode.container.checkIntervalMs (-D without prefix, ms, default 60 s).
	ContainerCheckInterval time.Duration
	// ContainerMaxPerMinute is znode.container.maxPerMinute (-D without prefix, default 10000).
	ContainerMaxPerMinute int
	// ContainerMaxNeverUsed is znode.container.maxNeverUsedIntervalMs (-D without prefix, ms):
	// remove containers that never had a child after this long; 0: never.
	ContainerMaxNeverUsed time.Duration

	// Encryption, authentication, authorisation.

	// ClientTLS are the ssl.* keys, for the client ports.
	ClientTLS TLS
	// QuorumTLS are the ssl.quorum.* keys, for the ports between members and the admin server.
	QuorumTLS TLS
	// ClientCertReload is client.certReload (property): reload the client ports' files on change.
	ClientCertReload bool
	// SSLQuorum is sslQuorum: TLS between members.
	SSLQuorum bool
	// QuorumPortUnification is portUnification: the ports between members take both.
	QuorumPortUnification bool
	// QuorumCertReload is sslQuorumReloadCertFiles: reload the members' files on change.
	QuorumCertReload bool
	// FIPSMode is fips-mode (property, default true): no DIGEST-MD5, among others.
	FIPSMode bool
	// AuthSchemes are the schemes of authProvider.N (property, known classes only) besides ip and
	// digest: sasl, x509, ensemble, key. Sorted. x509 is there if clients may come with TLS.
	AuthSchemes []string
	// DigestAuth is DigestAuthenticationProvider.enabled (property, default true).
	DigestAuth bool
	// DigestAlgorithm is DigestAuthenticationProvider.digestAlg (property, default SHA1).
	DigestAlgorithm string
	// SuperDigest is DigestAuthenticationProvider.superDigest (property): super:base64, may do all.
	SuperDigest string
	// X509SuperUser is X509AuthenticationProvider.superUser (property): a subject that may do all.
	X509SuperUser string
	// SASLSuperUsers are superUser and superUser.SUFFIX (properties). Sorted.
	SASLSuperUsers []string
	// SASLSuperPassword is SASLAuthenticationProvider.superPassword (property): of user super.
	SASLSuperPassword string
	// SASLServerSection is sasl.serverconfig (property, default Server): section of JAASFile.
	SASLServerSection string
	// JAASFile is java.security.auth.login.config (-D without prefix).
	JAASFile string
	// QuorumSASL are the quorum.auth.* keys.
	QuorumSASL QuorumSASL
	// RequireClientSASL is sessionRequireClientSASLAuth (property).
	RequireClientSASL bool
	// AllowFailedSASL is allowSaslFailedClients (property): a failed login leaves the session.
	AllowFailedSASL bool
	// EnforceAuth is enforce.auth.enabled (property): sessions must have authenticated.
	EnforceAuth bool
	// EnforceAuthSchemes is enforce.auth.schemes (property): with one of these schemes.
	EnforceAuthSchemes []string
	// EnsembleNames is ensembleAuthName (property): names allowed by scheme ensemble.
	EnsembleNames []string
	// UseXForwardedFor is IPAuthenticationProvider.usexforwardedfor (property): admin HTTP only.
	UseXForwardedFor bool
	// SkipACL is skipACL (property, only "yes" is true): no access checks.
	SkipACL bool
	// EagerACLCheck is enableEagerACLCheck (property): check before the quorum sees the request.
	EagerACLCheck bool

	// Watching the server.

	// Admin is the HTTP server.
	Admin Admin
	// Metrics is the metrics provider.
	Metrics Metrics
	// Audit is audit.enable (property): write the audit log.
	Audit bool
	// AuditFile is auditlog.file (property): where the audit log goes; "": to the log.
	AuditFile string

	// Properties are Java's system properties as the admin server shows them: every -D, and every
	// key of the file that is no field in Java with the prefix "zookeeper.".
	Properties map[string]string
}

// ConnectionThrottle is a token bucket in front of new connections, all properties.
type ConnectionThrottle struct {
	Tokens        int           // connection_throttle_tokens: size of the bucket; 0: off
	FillTime      time.Duration // connection_throttle_fill_time: ms between refills, default 1
	FillCount     int           // connection_throttle_fill_count: tokens per refill, default 1
	FreezeTime    time.Duration // connection_throttle_freeze_time: ms between changes of the dropping probability; negative: never drop by chance
	DropIncrease  float64       // connection_throttle_drop_increase: default 0.02
	DropDecrease  float64       // connection_throttle_drop_decrease: default 0.002
	DecreaseRatio float64       // connection_throttle_decrease_ratio: default 0
}

// RequestThrottle delays or refuses requests when too many are being processed, all properties.
type RequestThrottle struct {
	MaxRequests          int           // request_throttle_max_requests: 0: off
	StallTime            time.Duration // request_throttle_stall_time: ms a stalled request waits, default 100
	DropStale            bool          // request_throttle_drop_stale: default true
	StaleLatencyCheck    bool          // request_stale_latency_check
	StaleConnectionCheck bool          // request_stale_connection_check: default true
	ShutdownTimeout      time.Duration // request_throttler.shutdownTimeout: ms to drain, default 10000
	OpWait               time.Duration // throttled_op_wait_time: ms after which a request is refused; 0: off
}

// TLS are the keys ssl.X or ssl.quorum.X, all properties.
type TLS struct {
	KeyStore   Store // keyStore.*
	TrustStore Store // trustStore.*
	// Protocol is protocol (default TLSv1.2 in FIPS mode, otherwise TLSv1.3, filled in).
	Protocol string
	// EnabledProtocols is enabledProtocols in Java's names; nil: the library's choice.
	EnabledProtocols []string
	// CipherSuites is ciphersuites in Java's names; nil: the library's choice.
	CipherSuites []string
	// HostnameVerification is hostnameVerification (default true).
	HostnameVerification bool
	// ClientHostnameVerification is clientHostnameVerification (default false for clients, true
	// for members): verify the dialling side too; needs HostnameVerification.
	ClientHostnameVerification bool
	// AllowReverseDNS is allowReverseDnsLookup (default false for clients, true for members).
	AllowReverseDNS bool
	// ClientAuth is clientAuth: "none", "want" or "need" (default).
	ClientAuth string
	// HandshakeDetectionTimeout is handshakeDetectionTimeoutMillis (ms, default 5000).
	HandshakeDetectionTimeout time.Duration
}

// Store is one key or trust store.
type Store struct {
	Location     string // path; "": none
	Password     string
	PasswordPath string // file with the password, wins over Password
	Type         string // JKS, PEM or PKCS12; "": by the suffix of Location
}

// QuorumSASL are the keys quorum.auth.*: SASL between members.
type QuorumSASL struct {
	Enabled         bool   // enableSasl
	LearnerRequired bool   // learnerRequireSasl: as the dialling side refuse to do without
	ServerRequired  bool   // serverRequireSasl: as the listening side refuse to do without
	LearnerSection  string // learner.saslLoginContext: section of JAASFile, default QuorumLearner
	ServerSection   string // server.saslLoginContext: default QuorumServer
}

// Admin are the keys admin.*, all properties.
type Admin struct {
	Enabled         bool          // enableServer: only "false" disables
	Address         string        // serverAddress: default 0.0.0.0
	Port            int           // serverPort: default 8080
	CommandURL      string        // commandURL: default /commands
	IdleTimeout     time.Duration // idleTimeout: ms, default 30000
	PortUnification bool          // portUnification: TLS with the ssl.quorum.* stores as well
	ForceHTTPS      bool          // forceHttps
	NeedClientAuth  bool          // needClientAuth
	Snapshot        bool          // snapshot.enabled: default true
	Restore         bool          // restore.enabled: default true
	Console         bool          // console.enabled: the page at /, not of Java; default true
	RateLimit       time.Duration // rateLimiterIntervalInMS: between snapshots or restores, default 300000
}

// Metrics providers, the values of [Metrics.Provider].
const (
	DefaultMetrics    = "default"    // kept for mntr and the admin server
	PrometheusMetrics = "prometheus" // also exported on Metrics.Port
	NullMetrics       = "null"       // none
)

// Metrics are the keys metricsProvider.*.
type Metrics struct {
	Provider      string // className, by what the class does
	Host          string // httpHost: default 0.0.0.0
	Port          int    // httpPort: default 7000
	ExportRuntime bool   // exportJvmInfo: process and runtime series, default true
}

// Whitelist is a sorted list of four-letter words; "*" stands for all.
type Whitelist []string

// Allows reports whether the word may be executed.
func (w Whitelist) Allows(word string) bool {
	for _, s := range w {
		if s == word || s == "*" {
			return true
		}
	}
	return false
}

// InitTime is InitLimit as a time.
func (c Config) InitTime() time.Duration { return time.Duration(c.InitLimit) * c.TickTime }

// SyncTime is SyncLimit as a time.
func (c Config) SyncTime() time.Duration { return time.Duration(c.SyncLimit) * c.TickTime }

// ConnectTime is ConnectLimit as a time.
func (c Config) ConnectTime() time.Duration { return time.Duration(c.ConnectLimit) * c.TickTime }

// OutstandingLimit is the share of GlobalOutstandingLimit that a member of an ensemble with that
// many voters has.
func (c Config) OutstandingLimit(voters int) int {
	if voters > 2 {
		return c.GlobalOutstandingLimit / (voters - 1)
	}
	return c.GlobalOutstandingLimit
}
