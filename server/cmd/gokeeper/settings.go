package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"gokeeper/server/config"
)

// flagVariables hold JVM flags: operators of Java's images set properties there.
var flagVariables = []string{"KAFKA_OPTS", "JVMFLAGS", "SERVER_JVMFLAGS"}

// noAutoCreate is the variable that forbids to create data directories.
const noAutoCreate = "ZOO_DATADIR_AUTOCREATE_DISABLE"

// checkDirectories prints which data directory is missing when none may be created.
func (c *control) checkDirectories(cfg *config.Config) error {
	if c.env(noAutoCreate) == "" {
		return nil
	}
	for _, d := range []struct{ name, path string }{{"data", cfg.DataDir}, {"txnlog", cfg.DataLogDir}} {
		if info, err := os.Stat(filepath.Join(d.path, "version-2")); err != nil || !info.IsDir() {
			fmt.Fprintf(c.stdout, "ZooKeeper %s directory is missing at %s fix the path or run initialize\n", d.name, d.path)
			return exitCode(1)
		}
	}
	return nil
}

// load reads the configuration at the path, "" for the built-in defaults.
func load(path string, env func(string) string) (config.Config, []config.Complaint) {
	return parse(path, nil, env)
}

// parse reads the configuration at the path, or the arguments of the form without a
// file, and what the environment adds.
func parse(path string, args []string, env func(string) string) (config.Config, []config.Complaint) {
	in := config.Input{Path: path, Arguments: args, ReadFile: os.ReadFile, Resolve: resolve}
	if env(noAutoCreate) != "" { // first, as in zkServer.sh: the flags of the others win
		in.Flags = append(in.Flags, config.Flags{Name: noAutoCreate, Text: "-Dzookeeper.datadir.autocreate=false"})
	}
	for _, name := range flagVariables {
		if v := env(name); v != "" {
			in.Flags = append(in.Flags, config.Flags{Name: name, Text: v})
		}
	}
	return config.Parse(in)
}

func resolve(host string) ([]netip.Addr, error) {
	ips, err := net.LookupIP(host)
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a.Unmap())
		}
	}
	return out, nil
}

// report logs the complaints.
func report(log zerolog.Logger, complaints []config.Complaint) {
	for _, c := range complaints {
		switch c.Level {
		case config.Error:
			log.Error().Msg(c.String())
		case config.Warning:
			log.Warn().Msg(c.String())
		default:
			log.Debug().Msg(c.String())
		}
	}
}

// printErrors prints the complaints that keep a server from starting.
func printErrors(out io.Writer, complaints []config.Complaint) {
	for _, c := range complaints {
		if c.Level == config.Error {
			fmt.Fprintln(out, c)
		}
	}
}
