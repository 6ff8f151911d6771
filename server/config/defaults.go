package config

import "time"

// Defaults are the settings of a server that was given no configuration at all: a standalone one on
// port 2181 with its data below the working directory, which removes old snapshots once a day and
// exports metrics on port 7000.
func Defaults() Config {
	c := javaDefaults()
	c.DataDir = "./data"
	c.ClientPort = 2181
	c.TickTime = 2 * time.Second
	c.PurgeInterval = 24 * time.Hour
	c.Metrics.Provider = PrometheusMetrics
	p := parser{config: c}
	p.derive()
	return p.config
}

// unset marks values whose default depends on other values.
const unset = -1

// javaDefaults are the defaults of keys missing in a given zoo.cfg.
func javaDefaults() Config {
	c := Config{
		AutoCreateDataDir:        true,
		AutoCreateDatabase:       true,
		ListenBacklog:            -1,
		MaxClientConnections:     60,
		SessionlessTimeout:       10 * time.Second,
		ConnectionThrottle:       defaultConnectionThrottle(),
		TickTime:                 3 * time.Second,
		MinSessionTimeout:        unset * time.Millisecond,
		MaxSessionTimeout:        unset * time.Millisecond,
		MyID:                     NoID,
		StandaloneEnabled:        true,
		LeaderServes:             true,
		ObserverSync:             true,
		ObserverMasterQueueLimit: 32 << 20,
		ObserverElectionDelay:    200 * time.Millisecond,
		ElectionConnectTimeout:   5 * time.Second,
		ElectionReadTimeout:      unset * time.Millisecond,
		ElectionBindRetries:      3,
		MinNotificationInterval:  200 * time.Millisecond,
		MaxNotificationInterval:  time.Minute,
		ReachabilityCheck:        true,
		ReachabilityTimeout:      time.Second,
		LeaderConnectDelay:       100 * time.Millisecond,
		MaxSnapSyncs:             10,
		MaxDiffSyncs:             100,
		GlobalOutstandingLimit:   1000,
		JuteMaxBuffer:            0xfffff,
		JuteExtra:                unset,
		LargeRequestMaxBytes:     100 << 20,
		LargeRequestThreshold:    -1,
		RequestThrottle:          defaultRequestThrottle(),
		ContainerCheckInterval:   time.Minute,
		ContainerMaxPerMinute:    10000,
		Admin:                    defaultAdmin(),
		Metrics:                  Metrics{Provider: DefaultMetrics, Host: "0.0.0.0", Port: 7000, ExportRuntime: true},
	}
	setStorageDefaults(&c)
	setAuthDefaults(&c)
	return c
}

func setStorageDefaults(c *Config) {
	c.SnapCount = 100000
	c.SnapSizeLimit = 4 << 30
	c.PreAllocSize = 64 << 20
	c.CommitLogCount = minCommitLogCount
	c.SnapshotSizeFactor = defaultSnapshotSizeFactor
	c.ForceSync = true
	c.FsyncWarning = time.Second
	c.Digest = true
	c.SerializeLastZxid = true
	c.CloseSessionTxn = true
	c.FlushPoll = unset * time.Millisecond
	c.MaxBatchSize = 1000
	c.PurgeRetain = minPurgeRetain
}

func setAuthDefaults(c *Config) {
	tls := TLS{HostnameVerification: true, ClientAuth: "need", HandshakeDetectionTimeout: 5 * time.Second}
	c.ClientTLS = tls
	tls.ClientHostnameVerification, tls.AllowReverseDNS = true, true
	c.QuorumTLS = tls
	c.FIPSMode = true
	c.DigestAuth = true
	c.DigestAlgorithm = "SHA1"
	c.SASLServerSection = "Server"
	c.QuorumSASL = QuorumSASL{LearnerSection: "QuorumLearner", ServerSection: "QuorumServer"}
}

func defaultConnectionThrottle() ConnectionThrottle {
	return ConnectionThrottle{
		FillTime: time.Millisecond, FillCount: 1, FreezeTime: -time.Millisecond,
		DropIncrease: 0.02, DropDecrease: 0.002,
	}
}

func defaultRequestThrottle() RequestThrottle {
	return RequestThrottle{
		StallTime: 100 * time.Millisecond, DropStale: true, StaleConnectionCheck: true,
		ShutdownTimeout: 10 * time.Second,
	}
}

func defaultAdmin() Admin {
	return Admin{
		Enabled: true, Address: "0.0.0.0", Port: 8080, CommandURL: "/commands",
		IdleTimeout: 30 * time.Second, Snapshot: true, Restore: true, Console: true, RateLimit: 5 * time.Minute,
	}
}
