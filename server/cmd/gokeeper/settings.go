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
	"gokeeper/server/environment"
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

// settings is the configuration with all that was said about it.
type settings struct {
	config.Config
	complaints  []config.Complaint
	environment environment.Settings
}

// read reads the configuration of the file that the arguments mean, of the form without
// a file, or of the environment where that says how a server is to run.
func (c *control) read(args []string) settings {
	if len(args) >= 2 {
		return settings{}.parse(config.Input{Arguments: args}, c.env) // port datadir [ticktime] [maxcnxns]
	}
	path := c.configPath(args)
	e := environment.Read(environment.Input{Variables: c.environ, File: path, ReadFile: os.ReadFile})
	s := settings{environment: e, complaints: e.Complaints}
	if e.Said() && config.ExitCode(e.Complaints) == 0 {
		path = e.File
	}
	return s.parse(config.Input{Path: path}, c.env)
}

// parse adds what the configuration says and what the flags of the environment add.
func (s settings) parse(in config.Input, env func(string) string) settings {
	if config.ExitCode(s.complaints) != 0 {
		return s
	}
	in.ReadFile, in.Resolve = s.readFile, resolve
	if env(noAutoCreate) != "" { // first, as in zkServer.sh: the flags of the others win
		in.Flags = append(in.Flags, config.Flags{Name: noAutoCreate, Text: "-Dzookeeper.datadir.autocreate=false"})
	}
	for _, name := range flagVariables {
		if v := env(name); v != "" {
			in.Flags = append(in.Flags, config.Flags{Name: name, Text: v})
		}
	}
	cfg, complaints := config.Parse(in)
	s.Config, s.complaints = cfg, append(s.complaints, s.environment.Attribute(complaints)...)
	return s
}

// readFile reads a file, or what the environment would have it say: it may be that it
// cannot be written, or that nobody has started a server yet.
func (s settings) readFile(name string) ([]byte, error) {
	switch e := s.environment; {
	case name == "":
	case name == e.File && e.Content != nil:
		return e.Content, nil
	case name == e.IDFile && e.ID != nil:
		return e.ID, nil
	}
	return os.ReadFile(name)
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
