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
	for _, v := range []struct {
		use, short string
		run        func(args []string) error
	}{
		{"start [zoo.cfg]", "start a server in the background and return when it serves", c.start},
		{"start-foreground [zoo.cfg]", "run a server here until SIGTERM or SIGINT", c.foreground},
		{"stop [zoo.cfg]", "stop the server that start started", c.stop},
		{"restart [zoo.cfg]", "stop, then start", c.restart},
		{"status [zoo.cfg]", "say in which mode the server runs", c.status},
		{"healthcheck [zoo.cfg]", "exit with 0 if the server serves clients, with 1 and the reason if not", c.healthcheck},
		{"version", "print the version", c.version},
		{"print-cmd [zoo.cfg]", "print the command that start runs", c.printCmd},
	} {
		root.AddCommand(&cobra.Command{
			Use: v.use, Short: v.short, Args: cobra.MaximumNArgs(4),
			RunE: func(_ *cobra.Command, args []string) error { return v.run(args) },
		})
	}
	return root
}
