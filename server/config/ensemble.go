package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"gokeeper/server/quorum"
)

func isMember(key string) bool { return quorum.IsMemberKey(key) }

// ensemble decides between standalone and distributed and finds this server's place.
func (p *parser) ensemble() {
	servers, ok := p.servers()
	readable := p.readMyID()
	if !ok {
		return
	}
	p.config.Servers = servers
	if !p.checkRoles() {
		return
	}
	c := &p.config
	voters := len(c.Servers.Voters())
	c.Distributed = !c.StandaloneEnabled || voters > 1
	p.clientPort()
	p.role()
	if c.Distributed {
		p.checkDistributed(readable)
	} else if ExitCode(p.complaints) == 0 {
		p.warn("", "Either no config or no quorum defined in config, running in standalone mode")
	}
	p.checkID()
	if c.ClientPort == 0 && c.SecureClientPort == 0 && ExitCode(p.complaints) == 0 {
		p.warn("", "no client can connect: no clientPort, no secureClientPort, no client port in the own server line")
	}
}

// servers reads the members from the file or its dynamic part. It reports false after errors, when
// nothing can be concluded from who is or is not there.
func (p *parser) servers() (quorum.Config, bool) {
	if p.config.DynamicFile == "" {
		return p.build(p.in.Path, p.members, 0)
	}
	ok := true
	for _, e := range p.members {
		p.fail(e.Key, "parameter: "+e.Key+" must be in a separate dynamic config file")
		ok = false
	}
	name := p.config.DynamicFile
	data, err := p.in.ReadFile(name)
	if err != nil {
		text := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			text = name + " (No such file or directory)"
		}
		p.fail("dynamicConfigFile", text)
		return quorum.Config{}, false
	}
	entries := p.entries(name, data)
	for _, e := range entries {
		if e.Key == "version" {
			p.say(Complaint{Level: Error, Exit: ExitConfig, File: name, Line: e.Line, Text: "dynamic file shouldn't have version inside"})
			return quorum.Config{}, false
		}
	}
	servers, built := p.build(name, entries, versionOf(name))
	return servers, p.next() && built && ok
}

// versionOf returns the hexadecimal suffix of a dynamic file's name, 0 if there is none.
func versionOf(name string) int64 {
	i := strings.LastIndexByte(name, '.')
	version, err := strconv.ParseInt(name[i+1:], 16, 64)
	if i < 0 || err != nil {
		return 0
	}
	return version
}

// next reads the configuration that was seen last, if it may still be pending.
func (p *parser) next() bool {
	name := p.in.Path + ".dynamic.next"
	data, err := p.in.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		p.say(Complaint{Level: Warning, Text: "NextQuorumVerifier is initiated to null: " + err.Error()})
		return true
	}
	servers, ok := p.build(name, p.entries(name, data), 0)
	if ok {
		p.config.NextServers = &servers
	}
	return ok
}

// build makes a membership of lines and complains about each wrong one.
func (p *parser) build(file string, entries []Entry, version int64) (quorum.Config, bool) {
	var b quorum.Builder
	ok := true
	for _, e := range entries {
		err := b.Set(e.Key, e.Value)
		if id, multi := strings.CutPrefix(e.Key, "server."); err == nil && multi && !p.config.MultiAddress {
			n, _ := strconv.ParseInt(id, 10, 64)
			m, _ := quorum.ParseMember(quorum.ServerID(n), e.Value)
			err = m.CheckSingleAddress()
		}
		if err != nil {
			p.say(Complaint{Level: Error, Exit: ExitConfig, File: file, Line: e.Line, Key: e.Key, Value: e.Value, Text: err.Error()})
			ok = false
		}
	}
	if !ok {
		return quorum.Config{}, false
	}
	servers, err := b.Config()
	if err != nil {
		p.say(Complaint{Level: Error, Exit: ExitConfig, File: file, Text: err.Error()})
		return quorum.Config{}, false
	}
	if version != 0 {
		servers = servers.WithVersion(version)
	}
	return servers, true
}

// checkRoles refuses memberships that can have no quorum and warns of unwise ones.
func (p *parser) checkRoles() bool {
	c := &p.config
	voters, observers := len(c.Servers.Voters()), len(c.Servers.Observers())
	switch {
	case voters == 0 && !c.StandaloneEnabled:
		p.fail("standaloneEnabled", "standaloneEnabled = false then number of participants should be >0")
		return false
	case voters == 0 && observers > 0:
		p.fail("", "Observers w/o participants is an invalid configuration")
		return false
	case voters == 0:
	case voters == 1 && c.StandaloneEnabled:
		p.warn("", "Invalid configuration, only one server specified (ignoring)")
		if observers > 0 {
			p.fail("", "Observers w/o quorum is an invalid configuration")
			return false
		}
	case voters <= 2:
		p.warn("", "No server failure will be tolerated. You need at least 3 servers.")
	case voters%2 == 0:
		p.warn("", "Non-optimal configuration, consider an odd number of servers.")
	}
	return true
}

// readMyID reads the first line of myid. It reports whether MyID is known or the absence of the file
// is no mistake by itself.
func (p *parser) readMyID() bool {
	if p.config.DataDir == "" || p.in.ReadFile == nil {
		return true
	}
	name := path.Join(p.config.DataDir, "myid")
	data, err := p.in.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		p.say(Complaint{Level: Error, Exit: ExitConfig, Text: err.Error()})
		return false
	}
	line := string(data)
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	} else if line == "" {
		line = "null"
	}
	id, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		p.say(Complaint{Level: Error, Exit: ExitConfig, File: name, Line: 1, Text: "serverid " + line + " is not a number"})
		return false
	}
	p.config.MyID = quorum.ServerID(id)
	return true
}

// clientPort reconciles the client address of the own server line with that of the file.
func (p *parser) clientPort() {
	c := &p.config
	own, ok := c.Servers.Member(c.MyID)
	if !ok || c.MyID == NoID {
		c.ClientAddress = wildcardAsEmpty(c.ClientAddress)
		return
	}
	static := quorum.HostPort{Host: c.ClientAddress, Port: c.ClientPort}
	switch {
	case own.Client.IsZero() && c.ClientPort != 0:
		if static.Host == "" {
			static.Host = "0.0.0.0"
		}
		c.Servers = c.Servers.WithClient(c.MyID, static)
	case own.Client.IsZero():
	case c.ClientPort != 0 && !p.agree(static, own.Client):
		p.fail("clientPort", fmt.Sprintf("client address for this server (id = %d) in static config file is %s"+
			" is different from client address found in dynamic file: %s", c.MyID, p.javaAddress(static), p.javaAddress(own.Client)))
	default:
		c.ClientAddress, c.ClientPort = own.Client.Host, own.Client.Port
	}
	c.ClientAddress = wildcardAsEmpty(c.ClientAddress)
}

// agree: the address in the file is the wildcard, or both are the same.
func (p *parser) agree(static, line quorum.HostPort) bool {
	if static.Port != line.Port {
		return false
	}
	if wildcardAsEmpty(static.Host) == "" || static.Host == line.Host {
		return true
	}
	a, okA := p.lookup(static.Host)
	b, okB := p.lookup(line.Host)
	// A name that cannot be looked up is given the benefit of the doubt.
	return !okA || !okB || a == b
}

func (p *parser) lookup(host string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), true
	}
	if p.in.Resolve == nil {
		return netip.Addr{}, false
	}
	ips, err := p.in.Resolve(host)
	if err != nil || len(ips) == 0 {
		return netip.Addr{}, false
	}
	return ips[0].Unmap(), true
}

// javaAddress prints an address as Java's InetSocketAddress does: name/IP:port.
func (p *parser) javaAddress(a quorum.HostPort) string {
	if a.Host == "" {
		return "0.0.0.0/0.0.0.0:" + strconv.Itoa(a.Port)
	}
	if _, err := netip.ParseAddr(a.Host); err == nil {
		return "/" + a.String()
	}
	ip, ok := p.lookup(a.Host)
	if !ok {
		return a.Host + "/<unresolved>:" + strconv.Itoa(a.Port)
	}
	return a.Host + "/" + quorum.HostPort{Host: quorum.CanonicalHost(ip.String()), Port: a.Port}.String()
}

func wildcardAsEmpty(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		return ""
	}
	return host
}

// role corrects peerType by the server lines.
func (p *parser) role() {
	c := &p.config
	listed := quorum.Participant
	if c.Servers.IsObserver(c.MyID) {
		listed = quorum.Observer
	}
	if listed == c.Role {
		return
	}
	if !p.bad["peerType"] {
		p.warn("peerType", fmt.Sprintf("Peer type from servers list (%s) doesn't match peerType (%s). Defaulting to servers list.",
			strings.ToUpper(listed.String()), strings.ToUpper(c.Role.String())))
	}
	c.Role = listed
}

func (p *parser) checkDistributed(idReadable bool) {
	c := &p.config
	if c.InitLimit == 0 && !p.bad["initLimit"] {
		p.fail("initLimit", "initLimit is not set")
	}
	if c.SyncLimit == 0 && !p.bad["syncLimit"] {
		p.fail("syncLimit", "syncLimit is not set")
	}
	if !idReadable {
		return
	}
	if c.MyID == NoID {
		p.fail("", "myid file is missing")
		return
	}
	if _, ok := c.Servers.Member(c.MyID); !ok {
		p.about(Error, ExitStart, "", fmt.Sprintf("My id %d not in the peer list", c.MyID))
	}
}

// checkID refuses ids that do not fit into session ids and ephemeral owners.
func (p *parser) checkID() {
	c := &p.config
	if c.MyID == NoID {
		return
	}
	if c.ExtendedTypes && c.MyID > maxExtendedServerID {
		p.about(Error, ExitStart, "extendedTypesEnabled",
			fmt.Sprintf("ServerId is too large. Cannot be larger than %d", maxExtendedServerID))
		return
	}
	if c.MyID < 0 || c.MyID > maxServerID {
		p.warn("", fmt.Sprintf("my id %d is not within 0 to %d: only its low byte is in session ids, two servers may share it", c.MyID, maxServerID))
	}
}
