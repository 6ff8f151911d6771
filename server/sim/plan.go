package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gokeeper/server/jute"
	"gokeeper/server/quorum"
)

// plan is what a seed decides at the beginning.
type plan struct {
	ensemble   quorum.Config
	small      bool // one voter is enough
	fragile    bool // it does not survive the loss of a disk
	spares     int
	clients    int
	tick       time.Duration
	recent     int
	snapCount  int
	snapSize   int64
	piece      int // bytes of a snapshot between which others work
	logSize    int64
	limit      int // longest buffer of a transaction
	padding    int // of values
	diskSync   bool
	diskFactor float64
	forceSnap  bool
	maxSnaps   int
	epochWait  time.Duration
	noLog      bool // observers keep their history in memory only
	noPaths    bool // closeSession names no nodes
	logDir     string
	preAlloc   int64
	lossy      bool
	pace       time.Duration
	downtime   time.Duration
	length     time.Duration // of the bad time
	often      time.Duration // between two faults, on average
	kinds      []string      // of faults
	clientele
}

// newPlan draws a plan.
func newPlan(c *source, calm bool) plan {
	p := plan{
		clients: 2 + c.IntN(4), tick: []time.Duration{200, 500, 2000}[c.IntN(3)] * time.Millisecond,
		recent: []int{1, 5, 20, 100, 500}[c.IntN(5)], snapCount: []int{10, 40, 150, 1000}[c.IntN(4)],
		diskSync: c.chance(2), diskFactor: []float64{0, 0.33, 5}[c.IntN(3)], forceSnap: c.chance(12),
		logDir: []string{"/data", "/log"}[c.IntN(2)], preAlloc: []int64{-1, 4096, 65536}[c.IntN(3)],
		lossy: c.chance(2),
	}
	p.pace = c.between(p.tick/20, p.tick/2)
	if c.chance(3) {
		p.pace *= 8
	}
	p.downtime = c.between(p.tick, 10*p.tick)
	p.length = c.between(20*p.tick, 120*p.tick)
	p.often = c.between(p.tick/2, 6*p.tick)
	p.rarities(c)
	p.servers(c)
	if !calm {
		p.kinds = drawKinds(c, p.spares > 0, p.spares > 0 || len(p.ensemble.Observers()) > 0, p.fragile)
		if grows := "growth with a restart"; p.noLog && len(p.ensemble.Observers()) > 0 && !slices.Contains(p.kinds, grows) {
			p.kinds = append(p.kinds, grows)
		}
	}
	return p
}

// rarities draws what most ensembles leave as it is.
func (p *plan) rarities(c *source) {
	p.limit = jute.DefaultLimit
	if c.chance(8) { // transactions that are nearly as long as may be
		p.limit = 4096
		p.padding = p.limit * 3 / 4
	}
	if c.chance(4) {
		p.snapSize = []int64{8 << 10, 64 << 10}[c.IntN(2)]
	}
	if c.chance(4) {
		p.logSize = []int64{8 << 10, 64 << 10}[c.IntN(2)]
	}
	if c.chance(4) {
		p.maxSnaps = 1
	}
	if c.chance(4) {
		p.epochWait = 3 * p.tick
	}
	p.noLog, p.noPaths = c.chance(4), c.chance(6)
	p.piece = []int{1, 1, 300, 64 << 10}[c.IntN(4)]
}

// servers draws how many servers there are, and which decide.
func (p *plan) servers(c *source) {
	voters, observers := 3, 0
	switch {
	case c.chance(4):
		voters = 5
	case c.chance(8):
		voters = 4
	case c.chance(8):
		voters = 1 + c.IntN(2)
		p.small, p.fragile = true, true
	}
	if c.chance(3) {
		observers = 1 + c.IntN(2)
	}
	if c.chance(2) {
		p.spares = 1 + c.IntN(2)
	}
	tiered := c.chance(4)
	if tiered && voters == 3 {
		voters += c.IntN(4)
	}
	p.fragile = p.fragile || tiered && c.chance(4)
	roles := make([]string, voters+observers)
	for i := range roles {
		roles[i] = participant
		if i >= voters {
			roles[i] = observer
		}
	}
	p.ensemble = p.draw(c, roles, tiered)
}

// Roles of servers in a configuration. A server without one is no member.
const (
	participant = "participant"
	observer    = "observer"
)

// draw draws a configuration of servers with these roles, beginning with server 1, with
// groups and weights if it is tiered.
func (p *plan) draw(c *source, roles []string, tiered bool) quorum.Config {
	for {
		var lines, groups []string
		for i, role := range roles {
			if role != "" {
				lines = append(lines, memberLine(i+1, role))
			}
		}
		if tiered {
			groups = make([]string, 1+c.IntN(3))
			for i, role := range roles {
				if role == participant {
					g := c.IntN(len(groups))
					groups[g] = strings.TrimPrefix(fmt.Sprintf("%s:%d", groups[g], i+1), ":")
					lines = append(lines, fmt.Sprintf("weight.%d=%d", i+1, []int{0, 1, 1, 1, 2, 3}[c.IntN(6)]))
				}
			}
		}
		for g, ids := range groups {
			if ids != "" {
				lines = append(lines, fmt.Sprintf("group.%d=%s", g+1, ids))
			}
		}
		config := mustParse(strings.Join(append(lines, "version=0"), "\n"))
		if hasQuorum(config, config.Voters()) && (p.fragile || survives(config)) {
			return config
		}
		if !tiered {
			panic(fmt.Sprintf("bug: no quorum without one of %v", lines))
		}
	}
}

// survives says that there is a quorum without any one of the voters.
func survives(config quorum.Config) bool {
	voters := quorum.Set(config.Voters())
	return !slices.ContainsFunc(voters, func(id quorum.ServerID) bool {
		others := slices.Clone(voters)
		others.Remove(id)
		return !hasQuorum(config, others)
	})
}

// memberLine is the line of a server in a configuration.
func memberLine(id int, role string) string {
	return fmt.Sprintf("server.%d=sim%d:2888:3888:%s;sim%d:2181", id, id, role, id)
}

func mustParse(text string) quorum.Config {
	c, err := quorum.Parse(text)
	if err != nil {
		panic(fmt.Sprintf("bug: %v in %q", err, text))
	}
	return c
}

// String describes the plan.
func (p plan) String() string {
	tiers := ""
	if p.ensemble.Hierarchical() {
		tiers = fmt.Sprintf(" groups %v weights %v", p.ensemble.Groups, p.ensemble.Weights)
	}
	return fmt.Sprintf("voters %v%s observers %v spares %d clients %d tick %v window %d snapshots every %d or %d bytes disk %v %v snap %v limit %d no log %v lossy %v pace %v length %v faults every %v: %v %v",
		p.ensemble.Voters(), tiers, p.ensemble.Observers(), p.spares, p.clients, p.tick, p.recent, p.snapCount, p.snapSize, p.diskSync, p.diskFactor,
		p.forceSnap, p.limit, p.noLog, p.lossy, p.pace, p.length, p.often, p.kinds, p.clientele)
}
