package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"gokeeper/server/cli"
	"gokeeper/server/config"
	"gokeeper/server/environment"
	"gokeeper/server/sasl"
)

// newShell returns the command that is zkCli.sh. It reads its options itself, as those
// begin with a single dash.
func (c *control) newShell() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cli [-server host:port,.../chroot] [-timeout ms] [-r] [-waitforconnection] [--json] [command]",
		Short: "the shell: zkCli.sh's commands, one by one or in a session",
		Long: "Connects to a server and carries out a command, or those that are entered.\n" +
			"Output, error texts and exit codes are those of zkCli.sh.\n\n" + cli.Help(),
		Example: "  gokeeper cli -server 10.0.0.1:2181 ls /\n" +
			"  gokeeper cli --json get /config | jq -r .data\n" +
			"  gokeeper cli -server a:2181,b:2181/app",
		DisableFlagParsing: true,
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		in := cli.ParseInvocation(args)
		if in.Help {
			return cmd.Help()
		}
		if code := c.shell(in); code != 0 {
			return exitCode(code)
		}
		return nil
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, current string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, candidate := range cli.CompleteInvocation(args, current) {
			out = append(out, cobra.CompletionWithDesc(candidate.Value, candidate.Text))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// shell runs the shell on the standard streams and returns its exit code.
func (c *control) shell(in cli.Invocation) int {
	cfg := cli.Config{
		In: os.Stdin, Out: c.stdout, Err: c.stderr, Hints: isatty.IsTerminal(c.stderr.Fd()) && c.env("TERM") != "dumb",
		Version: serverVersion(), ReadFile: os.ReadFile, Properties: readProperties,
		Defined: c.clientProperties(),
	}
	login, err := c.login()
	if err != nil {
		fmt.Fprintf(c.stderr, "gokeeper: connecting without a login: %v\n", err)
	}
	cfg.Login = login
	if in.Command == nil && !in.JSON && isatty.IsTerminal(os.Stdin.Fd()) {
		cfg.Editor = c.editor()
	}
	s := cli.New(in, cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ended := make(chan int, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case code := <-ended:
		return code
	case <-ctx.Done(): // a read from the terminal cannot be ended
		s.Leave()
		if in.Command != nil {
			return exitInterrupted
		}
		return s.ExitCode()
	}
}

// errNoClient says that a JAAS file has nothing for the shell.
var errNoClient = errors.New("the JAAS file has no such section")

// login returns who the shell is to log in as by SASL: the section Client of the JAAS file
// that the flags of zkCli.sh name, or that the variables of an image make. As in Java the shell goes on without, where that cannot
// be had. Java's shell needs zookeeper.fips-mode=false besides; this one is content unless
// it is true.
func (c *control) login() (*sasl.Credentials, error) {
	p := c.clientProperties()
	name, section := sasl.FileName(p["java.security.auth.login.config"]), p["zookeeper.sasl.clientconfig"]
	text := environment.Read(environment.Input{Variables: c.environ, ReadFile: os.ReadFile}).JAAS
	if name == "" && text == nil || p["zookeeper.sasl.client"] == "false" {
		return nil, nil
	}
	if section == "" {
		section = "Client"
	}
	if p["zookeeper.fips-mode"] == "true" {
		return nil, errors.New("zookeeper.fips-mode is true, which forbids DIGEST-MD5")
	}
	if name != "" {
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	file, err := sasl.ParseJAAS(text, func(property string) (string, bool) { v, ok := p[property]; return v, ok })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(file[section]) == 0 {
		return nil, fmt.Errorf("%s: %s: %w", name, section, errNoClient)
	}
	login, err := file[section].Credentials()
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, section, err)
	}
	return &login, nil
}

// exitInterrupted is the exit code of a command that was interrupted, as shells have it.
const exitInterrupted = 130

// editor returns what reads lines from the terminal: one that edits them, where it can.
func (c *control) editor() cli.Editor {
	if c.env("TERM") == "dumb" || c.env("TERM") == "" || !isatty.IsTerminal(c.stdout.Fd()) {
		return cli.NewPlainEditor(os.Stdin, c.stdout)
	}
	return cli.NewLineEditor()
}

// clientProperties returns the properties that the environment sets for clients. Java's
// scripts put CLIENT_JVMFLAGS first and then JVMFLAGS; the last of a name counts.
func (c *control) clientProperties() map[string]string {
	var flags []config.Flags
	for _, name := range []string{"CLIENT_JVMFLAGS", "JVMFLAGS"} {
		flags = append(flags, config.Flags{Name: name, Text: c.env(name)})
	}
	return config.Defined(flags)
}

// readProperties reads a file of Java properties.
func readProperties(name string) (map[string]string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, e := range config.Properties(data) {
		all[e.Key] = e.Value
	}
	return all, nil
}
