package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gokeeper/server/admin"
	"gokeeper/server/audit"
	"gokeeper/server/auth"
	"gokeeper/server/config"
	"gokeeper/server/conn"
	"gokeeper/server/database"
	"gokeeper/server/keystore"
	"gokeeper/server/metrics"
	"gokeeper/server/proto"
	"gokeeper/server/quorum"
	"gokeeper/server/replica"
	"gokeeper/server/sasl"
	"gokeeper/server/secure"
	"gokeeper/server/storage"
	"gokeeper/server/tree"
	"gokeeper/server/vfs"
)

// Options are what a server is given besides its configuration. The zero value is a
// silent server on the operating system's file system.
type Options struct {
	Log     zerolog.Logger
	FS      vfs.FS // nil is the operating system's
	Version string // as srvr prints it: 3.9.6-<commit>, built on <date>
	Seed    uint64 // of what is decided at random; 0 draws one
	JAAS    []byte // content of a JAAS file, for a configuration that names none
	Listen  string // client address instead of the configured one; 127.0.0.1:0 takes a free port

	ListenSecure string // the same for the port that speaks TLS alone
}

// Server is one server with its sockets and its data directory. Several may live in
// one process. Its methods may be called from any goroutine.
type Server struct {
	cfg     config.Config
	opt     Options
	start   time.Time // zero of monotonic times
	policy  *auth.Policy
	dir     *storage.Dir
	db      *database.Database
	replica *replica.Replica
	clients *conn.Server

	commands       *admin.Commands
	secureCommands *admin.Commands
	plain          struct{ local, remote atomic.Int64 } // clients without TLS while it is spoken, from here and elsewhere

	admin     *admin.Server // nil without one
	adminAddr net.Addr

	scraped     *admin.Metrics // nil without one
	scrapedAddr net.Addr

	initial   string // the configuration file of a standalone server
	loading   storage.Progress
	opened    atomic.Bool // the parts are there
	slowSyncs atomic.Int64
	audit     *auditor   // nil: none is wanted
	restoring sync.Mutex // held while a snapshot is restored

	metrics *metrics.Set
	peers   *transport // nil when standalone
	members *membership

	tls       *tls.Config       // of clients, nil without
	stores    *keystore.Context // of clients, nil without TLS
	secure    net.Listener      // for TLS alone, nil without one
	listening sync.Mutex
	listen    net.Listener // nil without a client port; guarded by listening
}

// New opens the data directory, loads what is there and opens the client port. The
// server answers from then on once Run is called. The caller must call Run, which
// releases everything, or Close.
func New(cfg config.Config, opt Options) (*Server, error) {
	if opt.FS == nil {
		opt.FS = vfs.OS()
	}
	if opt.Seed == 0 {
		opt.Seed = rand.Uint64()
	}
	s := &Server{cfg: cfg, opt: opt, start: time.Now(), policy: newPolicy(&cfg), metrics: metrics.New()}
	s.members = newMembership(opt.FS, &s.cfg, opt.Log)
	s.commands = admin.NewCommands(facts{s}, cfg.FourLetterWhitelist.Allows)
	s.secureCommands = s.commands.OfSecurePort()
	if text, err := vfs.ReadFile(opt.FS, cfg.File); err == nil && !cfg.Distributed {
		s.initial = string(text)
	}
	if err := s.open(); err != nil {
		s.audit.server(audit.ServerStart, audit.Failure)
		return nil, errors.Join(err, s.Close())
	}
	s.audit.server(audit.ServerStart, audit.Success)
	return s, nil
}

// open builds the parts from the disk up. The admin server comes first, to tell how far
// that is.
func (s *Server) open() error {
	if err := errors.Join(s.openAudit(), s.openMetrics(), s.openAdmin()); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return err
	}
	s.opened.Store(true)
	return nil
}

func (s *Server) build() error {
	jaas, err := readJAAS(s.opt.FS, &s.cfg, s.opt.JAAS)
	if err != nil {
		return err
	}
	o := storageOptions(&s.cfg)
	o.Progress = &s.loading
	dir, err := storage.Open(s.opt.FS, o)
	if err != nil {
		return fmt.Errorf("open the data directory: %w", err)
	}
	s.dir = dir
	rec, err := s.load()
	if err != nil {
		return fmt.Errorf("load the data directory: %w", err)
	}
	s.db = database.New(rec.Tree, rec.Sessions, s.policy)
	s.db.Report(s.traffic())
	parts := replica.Parts{
		Database: s.db, Dir: s.dir, Policy: s.policy, Events: s.events(), Metrics: s.metrics, Log: s.opt.Log, Start: s.start, Drop: s.drop,
	}
	var epochs storage.Epochs
	if s.cfg.Distributed {
		if epochs, err = s.join(rec, jaas); err != nil {
			return err
		}
		parts.Transport, parts.Configs = s.peers, s.members
	}
	s.replica = replica.New(replicaConfig(&s.cfg), parts, rec, epochs, s.opt.Seed)
	if s.peers != nil {
		s.peers.replica = s.replica
	}
	co := connOptions(&s.cfg, s.policy, s.opt.Log, s.start)
	co.Replied, co.Deficit, co.Identify = s.replied, s.metrics.TokenDeficit.Observe, s.identify
	if co.Login, err = clientLogins(&s.cfg, jaas, s.policy, s.opt.Log); err != nil {
		return err
	}
	s.clients = conn.New(co, backend{s})
	return s.listenClients()
}

// listenClients opens the ports of clients.
func (s *Server) listenClients() (err error) {
	if s.speaksTLS() {
		if s.tls, err = s.clientTLS(); err != nil {
			return fmt.Errorf("prepare TLS for clients: %w", err)
		}
	}
	if address := listenAddress(s.opt.ListenSecure, s.cfg.SecureClientAddress, s.cfg.SecureClientPort); address != "" {
		ln, err := conn.Listen(context.Background(), address)
		if err != nil {
			return fmt.Errorf("open the secure client port: %w", err)
		}
		s.secure = secure.Port{TLS: s.tls}.Listener(ln)
	}
	if address := listenAddress(s.opt.Listen, s.cfg.ClientAddress, s.cfg.ClientPort); address != "" {
		s.members.moved = s.move
		if s.listen, err = s.listenPlain(address); err != nil {
			return fmt.Errorf("open the client port: %w", err)
		}
	}
	return nil
}

// listenAddress returns where to listen, "" for nowhere.
func listenAddress(instead, host string, port int) string {
	if instead == "" && port != 0 {
		return net.JoinHostPort(host, strconv.Itoa(port))
	}
	return instead
}

// listenPlain opens a port for clients without TLS, and with it where that is wanted.
func (s *Server) listenPlain(address string) (net.Listener, error) {
	ln, err := conn.Listen(context.Background(), address)
	if err != nil || !s.cfg.ClientPortUnification {
		return ln, err
	}
	return secure.Port{TLS: s.tls, Plain: true}.Listener(ln), nil
}

// join makes the server a member of its ensemble: it reads the epochs, and opens the
// election port.
func (s *Server) join(rec *storage.Recovered, jaas sasl.JAAS) (storage.Epochs, error) {
	epochs, err := s.dir.LoadEpochs(max(rec.LastZxid, 0))
	if err != nil {
		return epochs, fmt.Errorf("load the epochs: %w", err)
	}
	if epochs.Repaired {
		s.opt.Log.Warn().Int64("epoch", epochs.Current).Msg("currentEpoch was behind the log and is raised")
	}
	if rec.LastZxid < 0 {
		s.opt.Log.Warn().Msg("the data directory is empty: this server does not vote before a leader has brought it up, " +
			"or all voters are heard and none has ever followed a leader")
	}
	s.db.Update(func(t *tree.Tree) {
		s.recall(t)
		t.SetConfig([]byte(s.cfg.Servers.String()), proto.Zxid(s.cfg.Servers.Version), time.Now().UnixMilli())
	})
	if s.cfg.ReconfigEnabled && s.cfg.DynamicFile == "" {
		s.members.backup()
	}
	logins, err := memberLogins(&s.cfg, jaas, s.opt.Log)
	if err != nil {
		return epochs, err
	}
	secure, err := s.quorumTLS()
	if err != nil {
		return epochs, fmt.Errorf("prepare TLS between servers: %w", err)
	}
	s.peers, err = newTransport(&s.cfg, secure, logins, s.opt.Log)
	return epochs, err
}

// recall takes a reconfiguration that the log holds for one that was seen, whatever the
// files say: see [member.Member.Recall]. Java believes the files; an operator who has
// lost a majority, and edits them, is told why that alone does not help here.
func (s *Server) recall(t *tree.Tree) {
	known := s.cfg.Servers.Version
	if s.cfg.NextServers != nil {
		known = max(known, s.cfg.NextServers.Version)
	}
	if c, ok := replica.Reconfigured(t); ok && s.cfg.ReconfigEnabled && c.Version > known {
		s.cfg.NextServers = &c
		s.opt.Log.Warn().Str("version", fmt.Sprintf("%x", c.Version)).Strs("members", c.Lines()).
			Msg("the history holds a newer configuration than the files: a leader needs a quorum of both")
	}
}

// drop closes all connections of clients.
func (s *Server) drop() {
	if s.clients != nil {
		s.clients.DropAll()
	}
}

// load reads the data directory and deletes what only a live session may keep.
func (s *Server) load() (*storage.Recovered, error) {
	begin := time.Now()
	rec, err := s.dir.Load()
	if err != nil {
		return nil, err
	}
	for _, r := range rec.Rejected {
		s.opt.Log.Warn().Str("file", r.Name).Err(r.Err).Msg("damaged snapshot passed over")
	}
	if rec.Torn != nil {
		s.opt.Log.Warn().Str("file", rec.Torn.File).Int64("offset", rec.Torn.Offset).AnErr("reason", rec.Torn.Reason).
			Msg("the last write before a crash is incomplete and was cut off")
	}
	var orphans []string
	if !s.cfg.Distributed { // in an ensemble the trees must stay equal
		orphans = rec.Tree.DropOrphans(func(id proto.SessionID) bool { _, ok := rec.Sessions[id]; return ok })
	}
	s.opt.Log.Info().Stringer("zxid", rec.LastZxid).Str("snapshot", rec.Snapshot).Int("replayed", rec.Replayed).
		Int("znodes", rec.Tree.NodeCount()).Int("sessions", len(rec.Sessions)).Int("orphans", len(orphans)).
		Dur("took", time.Since(begin)).Msg("data loaded")
	s.metrics.DBInitTime.Observe(time.Since(begin).Milliseconds())
	s.metrics.StartupTxnsLoaded.Observe(int64(rec.Replayed))
	s.metrics.StartupSnapLoadTime.Observe(rec.SnapshotTook.Milliseconds())
	s.metrics.StartupTxnsLoadTime.Observe(rec.ReplayTook.Milliseconds())
	return rec, nil
}

// ClientAddr returns the address of the client port, nil without one.
func (s *Server) ClientAddr() net.Addr {
	s.listening.Lock()
	defer s.listening.Unlock()
	if s.listen == nil {
		return nil
	}
	return s.listen.Addr()
}

// SecureAddr returns the address of the port that speaks TLS alone, nil without one.
func (s *Server) SecureAddr() net.Addr {
	if s.secure == nil {
		return nil
	}
	return s.secure.Addr()
}

// move accepts clients at another address, which the ensemble's configuration now has
// for this server. Connections stay. Java: ServerCnxnFactory.reconfigure.
func (s *Server) move(to quorum.HostPort) {
	if s.opt.Listen != "" {
		return
	}
	host := to.Host
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = ""
	}
	ln, err := s.listenPlain(net.JoinHostPort(host, strconv.Itoa(to.Port)))
	if err != nil {
		s.opt.Log.Error().Stringer("address", to).Err(err).Msg("cannot open the new client port; the old one stays")
		return
	}
	s.listening.Lock()
	old := s.listen
	s.listen = ln
	s.listening.Unlock()
	s.clients.Move(old, ln)
	s.opt.Log.Info().Stringer("address", ln.Addr()).Msg("client port moved")
}

// Run serves until the context is done or the server cannot go on, which is the error
// it returns. It answers what it took in before it returns, and releases everything.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sockets, closeSockets := context.WithCancel(ctx)
	defer closeSockets()
	ended := make(chan error, 1)
	mesh := make(chan error, 1)
	links, closeLinks := context.WithCancel(context.WithoutCancel(ctx)) // until the replica is done
	defer closeLinks()
	go func() {
		err := s.replica.Run(ctx)
		closeSockets()
		closeLinks()
		if err != nil {
			s.metrics.Unrecoverable.Add(1)
		}
		ended <- err
	}()
	go func() {
		if s.peers == nil {
			mesh <- nil
			return
		}
		err := s.peers.Run(links)
		if links.Err() == nil {
			cancel(err)
		}
		mesh <- err
	}()
	var listeners []net.Listener
	s.listening.Lock()
	if s.listen != nil {
		listeners = append(listeners, s.listen)
		s.opt.Log.Info().Stringer("address", s.listen.Addr()).Str("version", s.opt.Version).Msg("serving")
	}
	s.listening.Unlock()
	if s.secure != nil {
		listeners = append(listeners, s.secure)
		s.opt.Log.Info().Stringer("address", s.secure.Addr()).Msg("serving with TLS")
	}
	err := s.clients.Serve(sockets, listeners...)
	s.audit.server(audit.ServerStop, audit.Invoked)
	cancel(err)
	err = errors.Join(err, <-ended, <-mesh, s.Close())
	s.opt.Log.Info().Stringer("zxid", s.db.LastZxid()).Msg("stopped")
	return err
}

// Close releases the port and the data directory of a server that does not run.
func (s *Server) Close() error {
	var err error
	if s.admin != nil {
		err = s.admin.Close()
	}
	if s.scraped != nil {
		err = errors.Join(err, s.scraped.Close())
	}
	if cerr := s.audit.Close(); !errors.Is(cerr, os.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	s.listening.Lock()
	defer s.listening.Unlock()
	if s.listen != nil {
		if cerr := s.listen.Close(); !errors.Is(cerr, net.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}
	if s.secure != nil {
		if cerr := s.secure.Close(); !errors.Is(cerr, net.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}
	if s.dir != nil {
		err = errors.Join(err, s.dir.Close())
	}
	return err
}
