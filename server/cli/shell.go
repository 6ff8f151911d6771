package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strconv"
	"sync"
	"time"

	"gokeeper/server/client"
	"gokeeper/server/sasl"
)

// Config is what a shell needs besides its command line. The zero value reads nothing,
// prints nothing and connects by TCP.
type Config struct {
	In       io.Reader // commands, a line each
	Out, Err io.Writer
	Editor   Editor         // reads lines from a terminal instead of In; nil without one
	Hints    bool           // print what to do next below an error
	Version  string         // as the command version prints it
	Location *time.Location // of the times that are printed; nil is the local one
	ReadFile func(name string) ([]byte, error)
	Login    *sasl.Credentials // who to log in as by SASL; nil for nobody
	// Properties reads a file of Java properties; nil reads none.
	Properties func(name string) (map[string]string, error)
	Defined    map[string]string // properties that are set without a file
}

// Shell is one run of the shell. Run is called once; ExitCode and Leave may be called by
// any goroutine.
type Shell struct {
	in      Invocation
	cfg     Config
	timeout time.Duration
	dial    func(ctx context.Context, address string) (net.Conn, error) // nil is TCP
	out     output

	quit bool
	past history

	mu     sync.Mutex     // guards what follows
	client *client.Client // nil until a command needs it
	code   int            // of the last command
	kept   bool           // the session has an ephemeral node that must outlive a single command
}

// New returns a shell for a command line.
func New(in Invocation, cfg Config) *Shell {
	if cfg.Out == nil {
		cfg.Out = io.Discard
	}
	if cfg.Err == nil {
		cfg.Err = io.Discard
	}
	if cfg.Location == nil {
		cfg.Location = time.Local
	}
	s := &Shell{in: in, cfg: cfg}
	if cfg.Editor != nil {
		cfg.Editor.Use(s.Complete)
	}
	s.out = output{out: cfg.Out, err: cfg.Err, editor: cfg.Editor, json: in.JSON, watches: true}
	return s
}

// Run carries out the command of the command line, or those of the input until it ends or
// the context is done, and returns the exit code: that of the last command.
func (s *Shell) Run(ctx context.Context) int {
	if s.in.Complaint != "" {
		s.out.note(s.in.Complaint)
	}
	s.out.plain("Connecting to " + s.in.Server + "\n")
	if err := s.prepare(ctx); err != nil {
		return s.report(err)
	}
	if s.in.Command != nil {
		s.execute(ctx, s.in.Command)
	} else {
		s.session(ctx)
	}
	s.Leave()
	return s.ExitCode()
}

// prepare checks the command line, and waits for a connection when that is asked for.
func (s *Shell) prepare(ctx context.Context) error {
	ms, err := strconv.ParseInt(s.in.Timeout, 10, 32)
	if err != nil {
		return usageError(fmt.Sprintf("-timeout wants a number of milliseconds, not %q", s.in.Timeout))
	}
	s.timeout = time.Duration(ms) * time.Millisecond
	if err := s.configure(); err != nil {
		return err
	}
	if _, err := client.ParseServers(s.in.Server); err != nil {
		return fmt.Errorf("-server: %w", err)
	}
	if !s.in.Wait {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	zk, err := s.zk()
	if err == nil {
		err = zk.AwaitConnected(wait)
	}
	if err != nil {
		s.end(ctx)
		return &client.OpError{Err: err}
	}
	return nil
}

// configure takes in the properties of a Java client, of which those of the file win. Those
// that concern the JVM or what this shell does not have are passed over.
func (s *Shell) configure() error {
	properties := maps.Clone(s.cfg.Defined)
	if s.in.Configuration != "" && s.cfg.Properties != nil {
		file, err := s.cfg.Properties(s.in.Configuration)
		if err != nil {
			return configurationError{fmt.Errorf("-client-configuration %s: %w", s.in.Configuration, err)}
		}
		if properties == nil {
			properties = map[string]string{}
		}
		maps.Copy(properties, file)
	}
	dial, err := dialer(properties)
	if err != nil {
		return configurationError{fmt.Errorf("prepare TLS: %w", err)}
	}
	if dial != nil {
		s.dial = func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "tcp", address) }
	}
	return nil
}

// session reads commands until the input ends.
func (s *Shell) session(ctx context.Context) {
	s.out.plain("Welcome to ZooKeeper!\nJLine support is ")
	read := s.lines()
	if s.cfg.Editor == nil {
		s.out.plain("disabled\n")
	} else {
		s.out.plain("enabled\n")
	}
	for !s.quit && ctx.Err() == nil {
		line, err := read(ctx)
		if err != nil {
			return
		}
		words := split(line)
		if len(words) == 0 {
			continue
		}
		s.past.begin(line)
		s.execute(ctx, words)
		s.past.end()
	}
}

// connectPause is how long a prompt waits for the connection, so as to show its state.
const connectPause = time.Second

// lines returns the function that reads the next line.
func (s *Shell) lines() func(context.Context) (string, error) {
	if s.cfg.Editor != nil {
		return func(ctx context.Context) (string, error) {
			if zk, err := s.zk(); err == nil {
				wait, cancel := context.WithTimeout(ctx, connectPause)
				_ = zk.AwaitAttempt(wait) // the prompt tells
				cancel()
			}
			return s.cfg.Editor.ReadLine(s.prompt())
		}
	}
	if s.cfg.In == nil {
		return func(context.Context) (string, error) { return "", io.EOF }
	}
	in := bufio.NewReader(s.cfg.In)
	return func(context.Context) (string, error) {
		line, err := in.ReadString('\n')
		if line != "" {
			return line, nil
		}
		return "", err
	}
}

func (s *Shell) prompt() string {
	return fmt.Sprintf("[zk: %s(%v) %d] ", s.in.Server, s.state(), s.past.count)
}

// state is that of the client, which is not there before something needs it.
func (s *Shell) state() client.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return client.Connecting
	}
	return s.client.State()
}

// zk returns the client, which it opens first when there is none.
func (s *Shell) zk() (*client.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	var err error
	s.client, err = client.Open(client.Config{
		Servers: s.in.Server, Timeout: s.timeout, ReadOnly: s.in.ReadOnly, Watcher: s.out.event, Dial: s.dial, Login: s.cfg.Login,
	})
	return s.client, err
}

// closeLimit is how long the end of a session waits for the server's word.
const closeLimit = 5 * time.Second

// end closes the session, of which the Watcher tells.
func (s *Shell) end(ctx context.Context) {
	zk, err := s.zk()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	_ = zk.Close(ctx) // whatever happens, it is over here
	s.keep(false)
}

// keep notes whether the session must outlive the shell.
func (s *Shell) keep(kept bool) {
	s.mu.Lock()
	s.kept = kept
	s.mu.Unlock()
}

// Leave ends the session without a word, unless a single command has made an ephemeral
// node: as with Java's shell, that stays until the session's timeout.
func (s *Shell) Leave() {
	s.out.silence()
	s.mu.Lock()
	zk, kept := s.client, s.kept
	s.mu.Unlock()
	switch {
	case zk == nil:
	case kept, zk.State() == client.Connecting:
		zk.Leave()
	default:
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		_ = zk.Close(ctx) // whatever happens, it is over here
	}
}

// ExitCode returns the exit code of the last command.
func (s *Shell) ExitCode() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code
}

// execute carries out one command and reports how it went.
func (s *Shell) execute(ctx context.Context, words []string) {
	answer, err := s.carryOut(ctx, words)
	s.out.answer(answer, err == nil)
	code := exitOK
	if err != nil {
		code = s.report(err)
	}
	if !s.quit {
		s.mu.Lock()
		s.code = code
		s.mu.Unlock()
	}
}

// errNotConnected is what every command but connect says after the end of the session.
var errNotConnected = complaint{"Not connected", true}

// carryOut finds the command and runs it.
func (s *Shell) carryOut(ctx context.Context, words []string) (answer, error) {
	c, ok := find(words[0])
	if !ok {
		return answer{}, unknownCommand(words[0])
	}
	over := func() bool { return s.state() == client.Closed }
	if !c.local && over() {
		return answer{}, errNotConnected
	}
	args, err := c.flags.parse(words)
	if err != nil {
		return answer{}, err
	}
	if len(args.words) < c.words {
		return answer{}, usageError(c.usageText())
	}
	a, err := c.run(s, ctx, args)
	if err == nil && c.local && !s.quit && over() { // as in Java, after what they have to say
		err = errNotConnected
	}
	return a, err
}

// report prints an error and returns its exit code.
func (s *Shell) report(err error) int {
	if s.in.JSON {
		s.out.document(errorDocument(err))
		return max(exitCode(err), exitFailed)
	}
	var c complaint
	switch {
	case errors.As(err, new(unknownCommand)):
		s.out.note(usage() + text(err))
	case errors.As(err, &c) && c.stdout:
		s.out.plain(c.text + "\n")
	default:
		s.out.note(text(err))
	}
	if h := hint(err); h != "" && s.cfg.Hints {
		s.out.note("(" + h + ")")
	}
	return exitCode(err)
}
