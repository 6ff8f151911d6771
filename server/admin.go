package server

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"time"

	"gokeeper/server/admin"
	"gokeeper/server/config"
	"gokeeper/server/conn"
	"gokeeper/server/proto"
	"gokeeper/server/secure"
	"gokeeper/server/snapshot"
	"gokeeper/server/tree"
	"gokeeper/server/vfs"
)

// ErrAdminServer says that the port of the admin server cannot be had. For a standalone
// server that is fatal, as in Java; a member of an ensemble goes on without, and so does
// who has no configuration file, and so has not asked for one.
var ErrAdminServer = errors.New("start the admin server (admin.enableServer=false goes on without it)")

// openAdmin opens the port of the admin server, which answers from now on.
func (s *Server) openAdmin() error {
	a := &s.cfg.Admin
	if !a.Enabled {
		return nil
	}
	ln, err := s.listenAdmin()
	switch {
	case err == nil:
	case s.cfg.Distributed || s.cfg.File == "":
		s.opt.Log.Warn().Str("address", a.Address).Int("port", a.Port).Str("url", a.CommandURL).Err(err).Msg("Problem starting AdminServer")
		return nil
	default:
		return fmt.Errorf("%w: %w", ErrAdminServer, err)
	}
	s.adminAddr = ln.Addr()
	s.admin = admin.NewServer(s.commands, admin.ServerOptions{
		URL: a.CommandURL, Idle: a.IdleTimeout, Probe: probe{s}, Log: s.opt.Log, Console: s.console(), Backup: backup{s},
		Insecure: func() { s.metrics.InsecureAdmin.Add(1) },
		Backups: admin.BackupOptions{
			NoSnapshot: !a.Snapshot, NoRestore: !a.Restore, NoLastZxid: !s.cfg.SerializeLastZxid,
			Forwarded: s.cfg.UseXForwardedFor, Interval: a.RateLimit,
		},
	})
	go func() { // ends with Close
		if err := s.admin.Serve(ln); err != nil {
			s.opt.Log.Error().Err(err).Msg("admin server ended")
		}
	}()
	s.opt.Log.Info().Stringer("address", s.adminAddr).Str("url", a.CommandURL).Msg("Started AdminServer")
	return nil
}

// listenAdmin opens the port.
func (s *Server) listenAdmin() (net.Listener, error) {
	a := &s.cfg.Admin
	if !a.ForceHTTPS && !a.PortUnification {
		return listenEverywhere(a.Address, a.Port)
	}
	tls, err := s.adminTLS()
	if err != nil {
		return nil, fmt.Errorf("prepare TLS for the admin server: %w", err)
	}
	ln, err := listenEverywhere(a.Address, a.Port)
	if err != nil {
		return nil, err
	}
	return secure.Port{TLS: tls, Plain: !a.ForceHTTPS}.Listener(ln), nil
}

// listenEverywhere opens a port. Java's 0.0.0.0 is every address, of IPv6 too.
func listenEverywhere(host string, port int) (net.Listener, error) {
	if host == "0.0.0.0" {
		host = ""
	}
	return conn.Listen(context.Background(), net.JoinHostPort(host, strconv.Itoa(port)))
}

// openMetrics opens the port that Prometheus asks, if the configuration wants one. Java's
// server does not start without it, whatever its role, nor does this, if a file asks.
func (s *Server) openMetrics() error {
	m := &s.cfg.Metrics
	if m.Provider != config.PrometheusMetrics {
		return nil
	}
	ln, err := listenEverywhere(m.Host, m.Port)
	if err != nil && s.cfg.File == "" {
		s.opt.Log.Warn().Int("port", m.Port).Err(err).Msg("metrics are not exported")
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the port of metrics (metricsProvider.httpPort): %w", err)
	}
	s.scrapedAddr = ln.Addr()
	s.scraped = admin.NewMetrics(admin.MetricsOptions{
		Gauges: facts{s}.Scraped, Set: s.metrics, Runtime: m.ExportRuntime, Log: s.opt.Log,
	})
	go func() { // ends with Close
		if err := s.scraped.Serve(ln); err != nil {
			s.opt.Log.Error().Err(err).Msg("metrics server ended")
		}
	}()
	s.opt.Log.Info().Stringer("address", s.scrapedAddr).Msg("metrics are exported for Prometheus")
	return nil
}

// MetricsAddr returns the address that Prometheus asks, nil without one.
func (s *Server) MetricsAddr() net.Addr { return s.scrapedAddr }

// AdminAddr returns the address of the admin server, nil without one.
func (s *Server) AdminAddr() net.Addr { return s.adminAddr }

// backup is the server as the commands snapshot and restore see it.
type backup struct{ s *Server }

// Authenticate implements [admin.Backup], as do the others.
func (b backup) Authenticate(scheme, credentials string, remote netip.Addr) ([]proto.Identity, bool) {
	var given []byte
	if credentials != "" { // as in Java none are null, which digest refuses
		given = []byte(credentials)
	}
	ids, code := b.s.policy.Authenticate(scheme, given, remote)
	return ids, code == proto.OK
}

// Certified implements [admin.Backup]. What the admin server trusts, a client's port need
// not: as in Java, an identity of scheme x509 wants the trust store of the keys ssl.
func (b backup) Certified(certs []*x509.Certificate) []proto.Identity {
	if !b.s.opened.Load() || b.s.stores == nil || b.s.stores.Trusts(certs) != nil {
		return nil
	}
	ids, err := b.s.certified(certs)
	if err != nil {
		return nil
	}
	return ids
}

// Permitted implements [admin.Backup].
func (b backup) Permitted(ids []proto.Identity) (ok bool) {
	b.s.db.View(func(t *tree.Tree) { ok = b.s.policy.Allows(t.ACL(t.FindString(proto.PathRoot)), ids, proto.PermAll) })
	return ok
}

// Snapshot implements [admin.Backup].
func (b backup) Snapshot() (admin.SnapshotFile, error) {
	zxid, err := b.s.replica.Snapshot()
	if err != nil {
		return admin.SnapshotFile{}, err
	}
	name := snapshot.Name(zxid, storageOptions(&b.s.cfg).Snapshot.Compression)
	f, err := b.s.opt.FS.Open(filepath.Join(b.s.dir.SnapshotDir(), name))
	if err != nil {
		return admin.SnapshotFile{}, fmt.Errorf("open the snapshot: %w", err)
	}
	size, err := f.Size()
	if err != nil {
		return admin.SnapshotFile{}, errors.Join(fmt.Errorf("open the snapshot: %w", err), f.Close())
	}
	return admin.SnapshotFile{ReadCloser: section{io.NewSectionReader(f, 0, size), f}, Zxid: zxid, Size: size}, nil
}

// section reads a file from its beginning.
type section struct {
	*io.SectionReader
	f vfs.File
}

// Close closes the file.
func (s section) Close() error { return s.f.Close() }

// detectSize is how much of a snapshot tells how it is compressed.
const detectSize = 8

// Restore implements [admin.Backup]. What is served stays until the stream was read to
// its end and found whole.
func (b backup) Restore(r io.Reader) (proto.Zxid, error) {
	b.s.restoring.Lock() // each holds a whole database
	defer b.s.restoring.Unlock()
	begin := time.Now()
	head := make([]byte, detectSize)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read snapshot: %w", err)
	}
	c, err := snapshot.Read(io.MultiReader(bytes.NewReader(head[:n]), r), snapshot.ReadOptions{
		Compression: snapshot.Detect(head[:n]), Limit: b.s.cfg.JuteMaxBuffer + b.s.cfg.JuteExtra,
	})
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // a stream that is cut may look whole
		return 0, fmt.Errorf("read snapshot: %w", err)
	}
	if c.Tree.LastZxid() == 0 && c.Digest != nil { // of 3.6 to 3.8
		c.Tree.SetLastZxid(c.Digest.Zxid)
	}
	zxid := c.Tree.LastZxid()
	if err := b.s.replica.Restore(c); err != nil {
		return 0, err
	}
	b.s.metrics.RestoreTime.Observe(time.Since(begin).Milliseconds())
	return zxid, nil
}

// Counted implements [admin.Backup].
func (b backup) Counted(e admin.BackupEvent) {
	m := b.s.metrics
	switch e {
	case admin.SnapshotFailed:
		m.SnapshotErrors.Add(1)
	case admin.SnapshotLimited:
		m.SnapshotLimited.Add(1)
	case admin.RestoreFailed:
		m.RestoreErrors.Add(1)
	case admin.RestoreLimited:
		m.RestoreLimited.Add(1)
	}
}
