package main

import (
	"os"

	"github.com/spf13/cobra"
)

// newRoot returns the command tree.
func newRoot(stdout, stderr *os.File) *cobra.Command {
	c := &control{stdout: stdout, stderr: stderr, env: os.Getenv, environ: os.Environ()}
	root := &cobra.Command{
		Use:           "gokeeper",
		Short:         "A coordination service that ZooKeeper's clients, tools and data files cannot tell from ZooKeeper",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentFlags().StringVar(&c.configDir, "config", "", "directory of the configuration files (default $ZOOCFGDIR)")
	for _, v := range c.verbs() {
		root.AddCommand(&cobra.Command{
			Use: v.use, Short: v.short, Long: v.long, Example: v.example, Args: cobra.MaximumNArgs(4),
			RunE: func(_ *cobra.Command, args []string) error { return v.run(args) },
		})
	}
	root.AddCommand(c.newShell(), c.newTop())
	c.addOffline(root)
	return root
}

// A verb is a subcommand that concerns the server of a configuration file.
type verb struct {
	use, short    string
	long, example string // of the verb's help
	run           func(args []string) error
}

// about says where a verb finds its configuration.
const about = "\n\nzoo.cfg is looked for in the directory of --config or $ZOOCFGDIR, a name with a slash is taken as it is. " +
	"Without any the built-in defaults hold: port 2181, data in ./data."

// verbs returns the table of those of zkServer.sh, and the probe of containers.
func (c *control) verbs() []verb {
	return []verb{
		{"start [zoo.cfg]", "start a server in the background and return when it serves",
			"Starts a server in the background and returns when it serves, or says why it does not. Its process id goes into " +
				"$ZOOPIDFILE or the data directory, its log into $ZOO_LOG_DIR." + about,
			"  gokeeper start conf/zoo.cfg", c.start},
		{"start-foreground [zoo.cfg]", "run a server here until SIGTERM or SIGINT",
			"Runs a server until SIGTERM or SIGINT and logs to standard output, as containers and supervisors want it." + about,
			"  gokeeper start-foreground conf/zoo.cfg", c.foreground},
		{"stop [zoo.cfg]", "stop the server that start started",
			"Stops the server that start has started, and returns when it has ended." + about, "  gokeeper stop conf/zoo.cfg", c.stop},
		{"restart [zoo.cfg]", "stop, then start", "Stops the server, if it runs, and starts it." + about, "  gokeeper restart conf/zoo.cfg", c.restart},
		{"status [zoo.cfg]", "say in which mode the server runs",
			"Asks the server of the configuration in which mode it runs. Exits with 1 when it does not serve, and names the members " +
				"that it misses." + about, "  gokeeper status conf/zoo.cfg", c.status},
		{"healthcheck [zoo.cfg]", "exit with 0 if the server serves clients, with 1 and the reason if not", "", "", c.healthcheck},
		{"version", "print the version", "", "", c.version},
		{"print-cmd [zoo.cfg]", "print the command that start runs", "", "", c.printCmd},
	}
}
