package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gokeeper/server/quorum"
)

const (
	minPurgeRetain            = 3
	minSnapCount              = 2
	minCommitLogCount         = 500
	defaultSnapshotSizeFactor = 0.33
	maxExtendedServerID       = 254 // the byte above marks TTL nodes
	maxServerID               = 255
)

// check looks at the settings together, fills in what depends on others and says what Java says
// at this point. The members come later.
func (p *parser) check() {
	c := &p.config
	p.checkSASL()
	p.floors()
	if c.DataDir == "" && !p.bad["dataDir"] {
		p.fail("dataDir", "dataDir is not set")
	}
	p.relative("dataDir", c.DataDir)
	p.relative("dataLogDir", c.DataLogDir)
	p.listener("clientPort", &c.ClientPort, &c.ClientAddress)
	p.listener("secureClientPort", &c.SecureClientPort, &c.SecureClientAddress)
	c.SecureClientAddress = wildcardAsEmpty(c.SecureClientAddress)
	if c.ObserverMasterPort == 0 {
		p.info("observerMasterPort is not set")
	} else {
		p.info("observerMasterPort is " + strconv.Itoa(c.ObserverMasterPort))
	}
	if c.TickTime == 0 {
		p.fail("tickTime", "tickTime is not set")
	}
	p.derive()
	if c.MinSessionTimeout > c.MaxSessionTimeout && !p.bad["tickTime"] && !p.bad["minSessionTimeout"] && !p.bad["maxSessionTimeout"] {
		p.fail("minSessionTimeout", "minSessionTimeout must not be larger than maxSessionTimeout")
	}
	p.info("metricsProvider.className is " + metricsClass(c.Metrics.Provider))
	p.purge()
	if c.MaxConnections == 0 {
		p.info("maxCnxns is not configured, using default value 0.")
	}
	p.checkStores()
	p.checkAuth()
}

func (p *parser) checkSASL() {
	s := p.config.QuorumSASL
	disabled := func(a, b string) {
		p.fail("quorum.auth."+b, "quorum.auth."+a+" is disabled, so cannot enable quorum.auth."+b)
	}
	if !s.Enabled && s.ServerRequired {
		disabled("enableSasl", "serverRequireSasl")
	}
	if !s.Enabled && s.LearnerRequired {
		disabled("enableSasl", "learnerRequireSasl")
	}
	if !s.LearnerRequired && s.ServerRequired {
		disabled("learnerRequireSasl", "serverRequireSasl")
	}
}

// floors raises values that are too low to work, as Java does.
func (p *parser) floors() {
	c := &p.config
	if c.PurgeRetain < minPurgeRetain {
		p.warn("autopurge.snapRetainCount", fmt.Sprintf("Invalid autopurge.snapRetainCount: %d. Defaulting to %d", c.PurgeRetain, minPurgeRetain))
		c.PurgeRetain = minPurgeRetain
	}
	if c.SnapCount < minSnapCount {
		p.warn("snapCount", fmt.Sprintf("SnapCount should be %d or more. Now, snapCount is reset to %d", minSnapCount, minSnapCount))
		c.SnapCount = minSnapCount
	}
	if c.CommitLogCount < minCommitLogCount {
		p.warn("commitLogCount", fmt.Sprintf("Configured commitLogCount %d is less than the recommended value %d, going to use the recommended one",
			c.CommitLogCount, minCommitLogCount))
		c.CommitLogCount = minCommitLogCount
	}
	if c.SnapshotSizeFactor > 1 {
		p.warn("snapshotSizeFactor", fmt.Sprintf("The configured snapshotSizeFactor %v is invalid, going to use the default %v",
			c.SnapshotSizeFactor, defaultSnapshotSizeFactor))
		c.SnapshotSizeFactor = defaultSnapshotSizeFactor
	}
	c.SnapSizeLimit = max(c.SnapSizeLimit, 0)
	c.LogSizeLimit = max(c.LogSizeLimit, 0)
	c.MaxEpochWait = max(c.MaxEpochWait, 0)
}

// relative warns of a path that depends on the working directory without saying so.
func (p *parser) relative(key, path string) {
	if path == "" || path[0] == '/' || strings.HasPrefix(path, "./") {
		return
	}
	p.warn(key, path+" is relative. Prepend ./ to indicate that you're sure!")
}

// listener checks port and address of a client port and normalises the address.
func (p *parser) listener(key string, port *int, address *string) {
	if *port == 0 {
		p.info(key + " is not set")
		if *address != "" && !p.bad[key] {
			p.fail(key+"Address", key+"Address is set but "+key+" is not set")
		}
		return
	}
	host := quorum.CanonicalHost(*address)
	if _, err := netip.ParseAddr(host); err != nil && host != "" && p.in.Resolve != nil {
		if _, err := p.in.Resolve(host); err != nil {
			p.fail(key+"Address", host+": Name or service not known")
		}
	}
	*address = host
	if host == "" {
		host = "0.0.0.0"
	}
	p.info(key + "Address is " + quorum.HostPort{Host: host, Port: *port}.String())
}

// resetDerived makes derive compute again what flags may still change.
func (p *parser) resetDerived() {
	c, d := &p.config, javaDefaults()
	c.MinSessionTimeout, c.MaxSessionTimeout = d.MinSessionTimeout, d.MaxSessionTimeout
	c.DataLogDir, c.ConnectLimit, c.JuteExtra = "", 0, d.JuteExtra
	c.ElectionReadTimeout, c.FlushPoll = d.ElectionReadTimeout, d.FlushPoll
	c.FourLetterWhitelist, c.ClientTLS.Protocol, c.QuorumTLS.Protocol = nil, "", ""
}

// derive fills in the defaults that depend on other settings.
func (p *parser) derive() {
	c := &p.config
	if c.DataLogDir == "" {
		c.DataLogDir = c.DataDir
	}
	if c.MinSessionTimeout == unset*time.Millisecond {
		c.MinSessionTimeout = 2 * c.TickTime
	}
	if c.MaxSessionTimeout == unset*time.Millisecond {
		c.MaxSessionTimeout = 20 * c.TickTime
	}
	if c.ConnectLimit == 0 {
		c.ConnectLimit = c.InitLimit
	}
	if c.ElectionReadTimeout == unset*time.Millisecond {
		c.ElectionReadTimeout = c.SyncTime()
	}
	if c.FlushPoll == unset*time.Millisecond {
		c.FlushPoll = c.FlushDelay / 3
	}
	if c.JuteExtra == unset {
		c.JuteExtra = c.JuteMaxBuffer
	}
	c.FourLetterWhitelist = append(c.FourLetterWhitelist, "srvr")
	if c.ReadOnlyMode {
		c.FourLetterWhitelist = append(c.FourLetterWhitelist, "isro")
	}
	c.FourLetterWhitelist = sorted(c.FourLetterWhitelist)
	protocol := "TLSv1.3"
	if c.FIPSMode {
		protocol = "TLSv1.2"
	}
	for _, t := range []*TLS{&c.ClientTLS, &c.QuorumTLS} {
		if t.Protocol == "" {
			t.Protocol = protocol
		}
	}
	if c.SecureClientPort != 0 || c.ClientPortUnification {
		c.AuthSchemes = append(c.AuthSchemes, "x509")
	}
	c.AuthSchemes = sorted(c.AuthSchemes)
	c.SASLSuperUsers = sorted(c.SASLSuperUsers)
}

func sorted[S ~[]string](s S) S {
	slices.Sort(s)
	return slices.Compact(s)
}

func (p *parser) purge() {
	c := &p.config
	p.info("autopurge.snapRetainCount set to " + strconv.Itoa(c.PurgeRetain))
	p.info("autopurge.purgeInterval set to " + strconv.FormatInt(int64(c.PurgeInterval/time.Hour), 10))
	if c.PurgeInterval <= 0 {
		c.PurgeInterval = 0
		p.info("Purge task is not scheduled.")
	}
}

func metricsClass(provider string) string {
	const classes = "org.apache.zookeeper.metrics."
	switch provider {
	case PrometheusMetrics:
		return classes + "prometheus.PrometheusMetricsProvider"
	case NullMetrics:
		return classes + "impl.NullMetricsProvider"
	}
	return classes + "impl.DefaultMetricsProvider"
}

// checkStores refuses the one store format nobody here can read.
func (p *parser) checkStores() {
	c := &p.config
	for _, s := range []struct {
		key   string
		store *Store
	}{
		{"ssl.keyStore.", &c.ClientTLS.KeyStore}, {"ssl.trustStore.", &c.ClientTLS.TrustStore},
		{"ssl.quorum.keyStore.", &c.QuorumTLS.KeyStore}, {"ssl.quorum.trustStore.", &c.QuorumTLS.TrustStore},
	} {
		s.store.Type = strings.ToUpper(s.store.Type)
		switch s.store.Type {
		case "JKS", "PEM", "PKCS12":
		case "":
			if strings.HasSuffix(strings.ToLower(s.store.Location), ".bcfks") {
				p.fail(s.key+"location", s.key+"location: BCFKS stores are not supported (allowed: .jks, .pem, .p12)")
			}
		default:
			p.fail(s.key+"type", s.key+"type: "+s.store.Type+" stores are not supported (allowed: JKS, PEM, PKCS12)")
		}
	}
}

func (p *parser) checkAuth() {
	c := &p.config
	unavailable := func(key, scheme string) {
		if scheme != "ip" && (scheme != "digest" || !c.DigestAuth) && !slices.Contains(c.AuthSchemes, scheme) {
			p.fail(key, "Authentication scheme "+scheme+" is not available.")
		}
	}
	if c.RequireClientSASL {
		unavailable("sessionRequireClientSASLAuth", "sasl")
		return
	}
	if !c.EnforceAuth {
		return
	}
	if len(c.EnforceAuthSchemes) == 0 {
		p.fail("enforce.auth.enabled", "zookeeper.enforce.auth.enabled is true zookeeper.enforce.auth.schemes must be  configured.")
	}
	for _, scheme := range c.EnforceAuthSchemes {
		unavailable("enforce.auth.schemes", scheme)
	}
}
