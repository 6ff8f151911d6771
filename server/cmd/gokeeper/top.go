package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gokeeper/server/top"
)

// topOptions are the flags of top.
type topOptions struct {
	servers  string
	once     bool
	interval time.Duration
	admin    int
}

// newTop returns the command that shows what servers do.
func (c *control) newTop() *cobra.Command {
	var o topOptions
	cmd := &cobra.Command{
		Use:   "top [--server host:port,...] [--once] [--interval 2s] [--admin-port 8080]",
		Short: "show live what servers do: members, rates, latencies, busiest clients and paths",
		Long: "Asks the servers in four-letter words (srvr, mntr, cons), and their admin servers for what the whitelist keeps back, " +
			"and shows what has happened in between. Java's servers answer too. q ends it.\n" +
			"--once prints one frame, of one interval, and exits with 1 when no server answers. -server is the same as --server.",
		Example: "  gokeeper top -server a:2181,b:2181,c:2181\n  gokeeper top --once",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return c.top(&o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.servers, "server", "localhost:2181", "client ports of the servers")
	f.BoolVar(&o.once, "once", false, "print one frame and end")
	f.DurationVar(&o.interval, "interval", 2*time.Second, "time between two frames")
	f.IntVar(&o.admin, "admin-port", 8080, "port of the admin servers; 0 asks none")
	_ = cmd.RegisterFlagCompletionFunc("server", cobra.NoFileCompletions) // fails for unknown flags only
	return cmd
}

// doubled writes zkCli.sh's -server with the two dashes that flags of this verb have.
func doubled(args []string) []string {
	if len(args) == 0 || args[0] != "top" {
		return args
	}
	out := append([]string(nil), args...)
	for i, a := range out {
		if a == "-server" || strings.HasPrefix(a, "-server=") {
			out[i] = "-" + a
		}
	}
	return out
}

// addresses returns the servers, each with a port.
func (o *topOptions) addresses() ([]string, error) {
	var out []string
	for a := range strings.SplitSeq(o.servers, ",") {
		if a = strings.TrimSpace(a); a == "" {
			return nil, errors.New("--server: an address is empty; allowed: host:port,host:port")
		}
		if _, _, err := net.SplitHostPort(a); err != nil {
			a = net.JoinHostPort(strings.Trim(a, "[]"), "2181")
		}
		out = append(out, a)
	}
	if o.interval <= 0 {
		return nil, errors.New("--interval must be more than 0")
	}
	return out, nil
}

// top shows frames until q, or one.
func (c *control) top(o *topOptions) error {
	addresses, err := o.addresses()
	if err != nil {
		return exitError{2, err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.once {
		return c.topOnce(ctx, o, addresses)
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(c.stdout.Fd())) {
		return exitError{2, errors.New("top wants a terminal; --once prints one frame without")}
	}
	return c.topLive(ctx, o, addresses)
}

func (c *control) topOnce(ctx context.Context, o *topOptions, addresses []string) error {
	before := top.Collect(addresses, o.admin)
	select {
	case <-time.After(o.interval):
	case <-ctx.Done():
		return exitCode(exitInterrupted)
	}
	now := top.Collect(addresses, o.admin)
	fmt.Fprintln(c.stdout, strings.Join(top.Frame(before, now, 0, 0), "\n"))
	for _, s := range now.Servers {
		if s.Err == nil {
			return nil
		}
	}
	return exitCode(1)
}

// The terminal's other screen without a cursor, and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// topLive draws on the terminal's other screen, and anew when its size changes.
func (c *control) topLive(ctx context.Context, o *topOptions, addresses []string) error {
	in := int(os.Stdin.Fd())
	saved, err := term.MakeRaw(in)
	if err != nil {
		return exitError{1, fmt.Errorf("take the terminal: %w", err)}
	}
	fmt.Fprint(c.stdout, enterScreen)
	defer func() {
		fmt.Fprint(c.stdout, leaveScreen)
		_ = term.Restore(in, saved) // the terminal may be gone
	}()
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	go untilQ(quit) // ends with the process: a read from the terminal cannot be ended
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	ticks := time.NewTicker(o.interval)
	defer ticks.Stop()
	now := top.Collect(addresses, o.admin)
	for before := now; ; {
		c.draw(before, now)
		select {
		case <-ctx.Done():
			return nil
		case <-resized:
		case <-ticks.C:
			before, now = now, top.Collect(addresses, o.admin)
		}
	}
}

// untilQ reads keys until one ends the view: q, or Ctrl-C, which a raw terminal hands on.
func untilQ(quit func()) {
	defer quit()
	key := make([]byte, 1)
	for {
		if n, err := os.Stdin.Read(key); err != nil || n == 1 && strings.ContainsRune("qQ\x03\x04", rune(key[0])) {
			return
		}
	}
}

// draw writes a frame over the one before it.
func (c *control) draw(before, now top.Sample) {
	width, height, err := term.GetSize(int(c.stdout.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, line := range top.Frame(before, now, width, height) {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(line + "\x1b[K")
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(c.stdout, b.String())
}
