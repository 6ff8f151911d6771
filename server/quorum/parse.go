package quorum

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Parse reads the text of a configuration as it is found in packets, transactions and
// /zookeeper/config: lines "key=value" (also "key:value" and "key value"), comments and empty lines
// ignored, the last of several equal keys winning. Other keys than server, group, weight and version
// are errors. It does not know the escapes of property files, which no such text contains.
func Parse(text string) (Config, error) {
	last := map[string]int{}
	var settings [][2]string
	for line := range strings.Lines(text) {
		line = strings.Trim(line, " \t\f\r\n")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		key, value := cutSetting(line)
		if i, ok := last[key]; ok {
			settings[i][1] = value
			continue
		}
		last[key] = len(settings)
		settings = append(settings, [2]string{key, value})
	}
	var b Builder
	for _, s := range settings {
		if err := b.Set(s[0], s[1]); err != nil {
			return Config{}, err
		}
	}
	return b.Config()
}

func cutSetting(line string) (string, string) {
	i := strings.IndexAny(line, "=: \t\f")
	if i < 0 {
		return line, ""
	}
	key, rest := line[:i], strings.TrimLeft(line[i:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return key, rest
}

// IsMemberKey reports whether the key describes members: server.*, group*, weight*.
func IsMemberKey(key string) bool {
	return strings.HasPrefix(key, "server.") || strings.HasPrefix(key, "group") || strings.HasPrefix(key, "weight")
}

// Builder collects the lines of a configuration one by one, so that the caller can say which of
// them is wrong. The zero value is ready to use.
type Builder struct {
	members map[ServerID]Member
	groups  map[int64][]ServerID
	groupOf map[ServerID]int64
	weights map[ServerID]int64
	version int64
	tiered  bool
}

// Set adds one line. Keys other than version and those of [IsMemberKey] are errors. Texts are Java's.
func (b *Builder) Set(key, value string) error {
	value = strings.TrimSpace(value)
	switch {
	case strings.HasPrefix(key, "server."):
		return b.setServer(key, value)
	case strings.HasPrefix(key, "group"):
		b.tiered = true
		return b.setGroup(key, value)
	case strings.HasPrefix(key, "weight"):
		b.tiered = true
		return b.setWeight(key, value)
	case key == "version":
		version, err := strconv.ParseInt(value, 16, 64)
		if err != nil {
			return malformed("For input string: \"%s\" under radix 16", value)
		}
		b.version = version
		return nil
	}
	return malformed("Unrecognised parameter: %s", key)
}

func (b *Builder) setServer(key, value string) error {
	id, err := number(suffix(key))
	if err != nil {
		return err
	}
	m, err := ParseMember(ServerID(id), value)
	if err != nil {
		return err
	}
	if b.members == nil {
		b.members = map[ServerID]Member{}
	}
	b.members[m.ID] = m
	return nil
}

func (b *Builder) setGroup(key, value string) error {
	gid, err := number(suffix(key))
	if err != nil {
		return err
	}
	if b.groups == nil {
		b.groups, b.groupOf = map[int64][]ServerID{}, map[ServerID]int64{}
	}
	if value == "" {
		return malformed(`For input string: ""`)
	}
	for _, s := range split(value, ":") {
		n, err := number(s)
		if err != nil {
			return err
		}
		id := ServerID(n)
		if _, ok := b.groupOf[id]; ok {
			return malformed("Server %dis in multiple groups", id)
		}
		b.groupOf[id] = gid
		b.groups[gid] = append(b.groups[gid], id)
	}
	return nil
}

func (b *Builder) setWeight(key, value string) error {
	id, err := number(suffix(key))
	if err != nil {
		return err
	}
	weight, err := number(value)
	if err != nil {
		return err
	}
	if b.weights == nil {
		b.weights = map[ServerID]int64{}
	}
	b.weights[ServerID(id)] = weight
	return nil
}

// Config checks what only the whole can show, that every participant is in a group if there are
// groups or weights, and returns the configuration. A group may name a server that is no participant
// only if it has a weight line: its weight then raises what the group needs, as in Java, which
// dies of a null pointer without one.
func (b *Builder) Config() (Config, error) {
	c := Config{Version: b.version, hierarchical: b.tiered}
	for _, id := range slices.Sorted(maps.Keys(b.members)) {
		c.Members = append(c.Members, b.members[id])
	}
	if !b.tiered {
		return c, nil
	}
	c.Weights = map[ServerID]int64{}
	maps.Copy(c.Weights, b.weights)
	for _, id := range c.Voters() {
		if _, ok := b.groupOf[id]; !ok {
			return Config{}, malformed("Server %dis not in a group", id)
		}
		if _, ok := c.Weights[id]; !ok {
			c.Weights[id] = 1
		}
	}
	for _, gid := range slices.Sorted(maps.Keys(b.groups)) {
		g := Group{ID: gid, Servers: slices.Clone(b.groups[gid])}
		slices.Sort(g.Servers)
		for _, id := range g.Servers {
			if _, ok := c.Weights[id]; !ok {
				return Config{}, malformed("group.%d names server %d, which is no participant and has no weight", gid, id)
			}
		}
		c.Groups = append(c.Groups, g)
	}
	return c, nil
}

// suffix returns what follows the first dot, the whole key if there is none (Java then complains
// about the key itself not being a number).
func suffix(key string) string { return key[strings.IndexByte(key, '.')+1:] }

func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, malformed("For input string: \"%s\"", s)
	}
	return n, nil
}
