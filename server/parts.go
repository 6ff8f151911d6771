package server

import (
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/auth"
	"gokeeper/server/config"
	"gokeeper/server/conn"
	"gokeeper/server/member"
	"gokeeper/server/prep"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
	"gokeeper/server/session"
	"gokeeper/server/snapshot"
	"gokeeper/server/storage"
	"gokeeper/server/txnlog"
)

// standaloneID is the top byte of the session ids of a server without an ensemble.
const standaloneID = 1

// What follows translates the configuration into those of the parts.

func newPolicy(cfg *config.Config) *auth.Policy {
	p := &auth.Policy{
		SkipACL: cfg.SkipACL, NoDigest: !cfg.DigestAuth, DigestAlg: cfg.DigestAlgorithm, SuperDigest: cfg.SuperDigest,
		X509Super: cfg.X509SuperUser, SASLSupers: cfg.SASLSuperUsers, Ensembles: cfg.EnsembleNames,
	}
	switch {
	case cfg.RequireClientSASL:
		p.Enforced = []string{auth.SASL}
	case cfg.EnforceAuth:
		p.Enforced = cfg.EnforceAuthSchemes
	}
	for _, scheme := range cfg.AuthSchemes {
		switch scheme {
		case auth.X509:
			p.X509 = true
		case auth.SASL:
			p.SASL = true
		case auth.Ensemble:
			p.Ensemble = true
		}
	}
	return p
}

func storageOptions(cfg *config.Config) storage.Options {
	o := storage.Options{
		DataDir: cfg.DataDir, LogDir: cfg.DataLogDir,
		NoAutoCreate: !cfg.AutoCreateDataDir, NoDBAutoCreate: cfg.Distributed, TrustEmpty: cfg.TrustEmptySnapshot,
		Recent: cfg.CommitLogCount,
		Log: txnlog.Options{
			PreAllocSize: cfg.PreAllocSize, SizeLimit: cfg.LogSizeLimit, Limit: cfg.JuteMaxBuffer + cfg.JuteExtra,
			NoSync: !cfg.ForceSync,
		},
		Snapshot: snapshot.Options{NoDigest: !cfg.Digest, NoLastZxid: !cfg.SerializeLastZxid},
	}
	if o.Log.PreAllocSize == 0 {
		o.Log.PreAllocSize = -1
	}
	switch cfg.SnapshotCompression {
	case "gz":
		o.Snapshot.Compression = snapshot.Gzip
	case "snappy":
		o.Snapshot.Compression = snapshot.Snappy
	}
	return o
}

func replicaConfig(cfg *config.Config) replica.Config {
	c := replica.Config{
		Member: member.Config{
			ServerID: standaloneID,
			Prep: prep.Config{
				ExtendedTypes: cfg.ExtendedTypes, Reconfig: cfg.ReconfigEnabled, MultiAddress: cfg.MultiAddress,
				SmallEnsembles: !cfg.StandaloneEnabled, EnforceQuota: cfg.EnforceQuota,
				NoDigest: !cfg.Digest, NoClosePaths: !cfg.CloseSessionTxn, Limit: cfg.JuteMaxBuffer + cfg.JuteExtra,
			},
			Tick:         cfg.TickTime,
			ReapInterval: cfg.ContainerCheckInterval, ReapPerMinute: cfg.ContainerMaxPerMinute,
			ReapNeverUsed: cfg.ContainerMaxNeverUsed,
		},
		SnapCount: cfg.SnapCount, SnapSize: cfg.SnapSizeLimit, Purge: cfg.PurgeInterval, Retain: cfg.PurgeRetain,
		Limit: cfg.JuteMaxBuffer + cfg.JuteExtra, Audit: cfg.Audit,
	}
	if cfg.Distributed {
		c.NoClients, c.NoLog = !cfg.LeaderServes, !cfg.ObserverSync
		c.SyncTime, c.DiskFactor = cfg.SyncTime(), cfg.SnapshotSizeFactor
		c.Member.ServerID = int64(cfg.MyID)
		c.Member.Ensemble = &member.Ensemble{
			Self: cfg.MyID, Observer: cfg.Role == quorum.Observer, Quorum: cfg.Servers,
			InitLimit: cfg.InitLimit, SyncLimit: cfg.SyncLimit, Recent: cfg.CommitLogCount,
			DiskSync: cfg.SnapshotSizeFactor >= 0, ForceSnap: cfg.ForceSnapshotSync,
			MaxSnaps: cfg.MaxSnapSyncs, MaxDiffs: cfg.MaxDiffSyncs,
			MinInterval: cfg.MinNotificationInterval, MaxInterval: cfg.MaxNotificationInterval,
			NoBootstrap: !cfg.AutoCreateDatabase, LastSeen: cfg.NextServers, Reconfig: cfg.ReconfigEnabled, LocalSessions: cfg.LocalSessions, Upgrade: cfg.LocalSessionUpgrade,
			ReadOnly: cfg.ReadOnlyMode, MaxEpochWait: cfg.MaxEpochWait,
		}
	}
	return c
}

func connOptions(cfg *config.Config, policy *auth.Policy, log zerolog.Logger, start time.Time) conn.Options {
	o := conn.Options{
		Log: log, Start: start,
		MaxPerAddress: cfg.MaxClientConnections, MaxTotal: cfg.MaxConnections, KeepAlive: cfg.ClientKeepAlive,
		Sessionless: cfg.SessionlessTimeout, MinTimeout: cfg.MinSessionTimeout, MaxTimeout: cfg.MaxSessionTimeout,
		PasswordOK: passwordOK, Handshakes: cfg.HandshakeLimit, DropEarly: cfg.DropEarly, Satisfied: policy.Satisfied,
		LoginFailed: loginFailure(cfg, policy),
		MaxPacket:   cfg.JuteMaxBuffer, Outstanding: cfg.OutstandingLimit(len(cfg.Servers.Voters())),
		LargeThreshold: cfg.LargeRequestThreshold, LargeMaxBytes: cfg.LargeRequestMaxBytes,
		Throttle: conn.Throttle{
			Tokens: cfg.ConnectionThrottle.Tokens, FillTime: cfg.ConnectionThrottle.FillTime,
			FillCount: cfg.ConnectionThrottle.FillCount, Freeze: cfg.ConnectionThrottle.FreezeTime,
			DropIncrease: cfg.ConnectionThrottle.DropIncrease, DropDecrease: cfg.ConnectionThrottle.DropDecrease,
			DecreaseRatio: cfg.ConnectionThrottle.DecreaseRatio,
		},
	}
	return o
}

func passwordOK(id proto.SessionID, password []byte) bool {
	want := session.Password(id)
	return id != 0 && string(password) == string(want[:])
}

// millis returns the monotonic time in milliseconds.
func (s *Server) millis() int64 { return time.Since(s.start).Milliseconds() }
