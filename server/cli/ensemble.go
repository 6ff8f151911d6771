package cli

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"gokeeper/server/client"
)

func (s *Shell) config(ctx context.Context, a *arguments) (answer, error) {
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	data, stat, err := zk.Config(ctx, a.has("w"))
	if err != nil {
		return answer{}, err
	}
	shown := plainText(data)
	version, clients := clientAddresses(string(data))
	if a.has("c") {
		shown = version + " " + strings.Join(clients, ",")
	}
	d := doc{"config": string(data), "version": version, "clients": clients}
	return s.withStat(a, shown+"\n", &stat, d), nil
}

// clientAddresses returns a configuration's version and the addresses at which its servers
// take clients. Java: ConfigUtils.getClientConfigStr, in no order.
func clientAddresses(config string) (version string, addresses []string) {
	addresses = []string{}
	for line := range strings.Lines(config) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch _, client, found := strings.Cut(value, ";"); {
		case name == "version":
			version = value
		case found && strings.HasPrefix(name, "server."):
			if !strings.Contains(client, ":") {
				client = "0.0.0.0:" + client
			}
			addresses = append(addresses, client)
		}
	}
	return version, addresses
}

func (s *Shell) reconfig(ctx context.Context, a *arguments) (answer, error) {
	change, err := s.reconfigChange(a)
	if err != nil {
		return answer{}, err
	}
	zk, err := s.zk()
	if err != nil {
		return answer{}, err
	}
	data, stat, err := zk.Reconfigure(ctx, change)
	if err != nil {
		return answer{}, err
	}
	version, clients := clientAddresses(string(data))
	d := doc{"config": string(data), "version": version, "clients": clients}
	return s.withStat(a, "Committed new configuration:\n"+plainText(data)+"\n", &stat, d), nil
}

// reconfigChange reads the options, in Java's order.
func (s *Shell) reconfigChange(a *arguments) (change client.Reconfig, err error) {
	whole, part := a.any("file", "members"), a.any("add", "remove")
	change.From = client.AnyVersion
	if !whole && !part {
		c, _ := find("reconfig")
		return change, usageError(c.usageText())
	}
	if a.has("v") {
		if change.From, err = strconv.ParseInt(a.values["v"], 16, 64); err != nil {
			return change, usageError("-v must be followed by a long (configuration version)")
		}
	}
	switch {
	case whole && part:
		return change, usageError("Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes is not allowed)")
	case a.has("file") && a.has("members"):
		return change, usageError("Can't use -file and -members together (conflicting non-incremental modes)")
	}
	change.Joining = strings.ToLower(a.values["add"])
	change.Leaving = strings.ToLower(a.values["remove"])
	change.Members = strings.ToLower(a.values["members"])
	if a.has("file") {
		change.Members, err = s.readMembers(a.values["file"])
	}
	return change, err
}

// readMembers reads the servers of a dynamic configuration file.
func (s *Shell) readMembers(name string) (string, error) {
	if s.cfg.ReadFile == nil {
		return "", usageError("Error processing " + name)
	}
	data, err := s.cfg.ReadFile(name)
	if err != nil {
		return "", usageError("Error processing " + name + name + " (" + fileReason(err) + ")")
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "version=") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "", usageError("Error processing " + name + "no server.N line in the file")
	}
	return strings.Join(lines, "\n"), nil
}

// fileReason is why a file cannot be read, in the words of Java and C.
func fileReason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	}
	return err.Error()
}
