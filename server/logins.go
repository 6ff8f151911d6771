package server

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"gokeeper/server/auth"
	"gokeeper/server/config"
	"gokeeper/server/conn"
	"gokeeper/server/peer"
	"gokeeper/server/proto"
	"gokeeper/server/sasl"
	"gokeeper/server/vfs"
)

// errFIPS is why logins fail that are configured.
var errFIPS = errors.New("DIGEST-MD5 is not used in FIPS mode: set fips-mode=false to have it")

// readJAAS reads the file that the configuration names, as a path or as a URL; without
// that the text counts, which may be none.
func readJAAS(fs vfs.FS, cfg *config.Config, text []byte) (sasl.JAAS, error) {
	name := sasl.FileName(cfg.JAASFile)
	if name != "" {
		var err error
		if text, err = vfs.ReadFile(fs, name); err != nil {
			return nil, fmt.Errorf("read the JAAS file (java.security.auth.login.config): %w", err)
		}
	}
	file, err := sasl.ParseJAAS(text, func(property string) (string, bool) {
		value, ok := cfg.Properties[property]
		return value, ok
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return file, nil
}

// clientLogins returns what begins the login of a client, nil where the JAAS file has no
// section of users: clients are told then that there is none.
func clientLogins(cfg *config.Config, jaas sasl.JAAS, policy *auth.Policy, log zerolog.Logger) (func() conn.Login, error) {
	section := jaas[cfg.SASLServerSection]
	if len(section) == 0 {
		return nil, nil
	}
	users, err := section.Users()
	if err != nil {
		return nil, fmt.Errorf("section %s of the JAAS file: %w", cfg.SASLServerSection, err)
	}
	if cfg.FIPSMode {
		log.Warn().Str("section", cfg.SASLServerSection).Err(errFIPS).Msg("clients cannot log in")
		return func() conn.Login { return noLogin{} }, nil
	}
	if _, ok := users[auth.Super]; ok && cfg.SASLSuperPassword != "" {
		users[auth.Super] = cfg.SASLSuperPassword
	}
	log.Info().Str("section", cfg.SASLServerSection).Int("users", len(users)).Msg("clients can log in")
	return func() conn.Login { return login{newSASL(sasl.Clients, users), policy} }, nil
}

// newSASL begins the server's side of an exchange.
func newSASL(service sasl.Service, users map[string]string) *sasl.Server {
	password := func(user string) (string, bool) {
		p, ok := users[user]
		return p, ok
	}
	return sasl.NewServer(service, password, sasl.Nonce(rand.Reader))
}

// errNoSection is what servers cannot authenticate to each other without.
var errNoSection = errors.New("the JAAS file has no such section")

// memberLogins returns how servers authenticate to each other, nil if they do not. Java
// with its FIPS mode on starts, and never finds a leader.
func memberLogins(cfg *config.Config, jaas sasl.JAAS, log zerolog.Logger) (*peer.Auth, error) {
	q := &cfg.QuorumSASL
	switch {
	case !q.Enabled:
		return nil, nil
	case cfg.FIPSMode:
		return nil, fmt.Errorf("quorum.auth.enableSasl: %w", errFIPS)
	}
	section := func(name string) (sasl.Section, error) {
		if len(jaas[name]) == 0 {
			return nil, fmt.Errorf("quorum.auth.enableSasl: section %s: %w", name, errNoSection)
		}
		return jaas[name], nil
	}
	own, err := section(q.LearnerSection)
	if err != nil {
		return nil, err
	}
	others, err := section(q.ServerSection)
	if err != nil {
		return nil, err
	}
	credentials, err := own.Credentials()
	if err != nil {
		return nil, fmt.Errorf("section %s of the JAAS file: %w", q.LearnerSection, err)
	}
	users, err := others.Users()
	if err != nil {
		return nil, fmt.Errorf("section %s of the JAAS file: %w", q.ServerSection, err)
	}
	a := &peer.Auth{
		Check:    func() *sasl.Server { return newSASL(sasl.Members, users) },
		Required: q.ServerRequired, Within: cfg.InitTime(), Log: log,
	}
	if q.LearnerRequired {
		a.Prove = func() *sasl.Client { return sasl.NewClient(sasl.Members, credentials, sasl.Nonce(rand.Reader)) }
	}
	return a, nil
}

// login is that of one client.
type login struct {
	exchange *sasl.Server
	policy   *auth.Policy
}

// Next implements conn.Login.
func (l login) Next(token []byte) (answer []byte, gained []proto.Identity, err error) {
	if answer, err = l.exchange.Next(token); err != nil {
		return nil, nil, err
	}
	if user, ok := l.exchange.User(); ok {
		gained = l.policy.LoggedIn(user)
	}
	return answer, gained, nil
}

// noLogin is one that FIPS mode makes impossible.
type noLogin struct{}

// Next implements conn.Login.
func (noLogin) Next([]byte) ([]byte, []proto.Identity, error) { return nil, nil, errFIPS }

// loginFailure is what a client is told whose login fails. One that may go on is told
// nothing, unless it is in vain since it must be logged in for anything else.
func loginFailure(cfg *config.Config, policy *auth.Policy) proto.Error {
	switch {
	case policy.MustLogIn():
		return proto.SessionClosedRequireSASL
	case cfg.AllowFailedSASL:
		return proto.OK
	}
	return proto.AuthFailed
}
