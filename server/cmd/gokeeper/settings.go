package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"

	"github.com/rs/zerolog"

	"gokeeper/server/config"
)

// flagVariables hold JVM flags: operators of Java's images set properties there.
var flagVariables = []string{"KAFKA_OPTS", "JVMFLAGS", "SERVER_JVMFLAGS"}

// load reads the configuration at the path, "" for the built-in defaults.
func load(path string, env func(string) string) (config.Config, []config.Complaint) {
	return parse(path, nil, env)
}

// parse reads the configuration at the path, or the arguments of the form without a
// file, and what the environment adds.
func parse(path string, args []string, env func(string) string) (config.Config, []config.Complaint) {
	in := config.Input{Path: path, Arguments: args, ReadFile: os.ReadFile, Resolve: resolve}
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
