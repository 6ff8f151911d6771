package quorum

import "slices"

// Set is a set of servers: who voted, who acknowledged. Ensembles are small, so a slice without
// duplicates in any order beats a map. The zero value is the empty set.
type Set []ServerID

// Add puts id into the set and reports whether it is new.
func (s *Set) Add(id ServerID) bool {
	if s.Has(id) {
		return false
	}
	*s = append(*s, id)
	return true
}

// Remove takes id out of the set and reports whether it was in.
func (s *Set) Remove(id ServerID) bool {
	i := slices.Index(*s, id)
	if i < 0 {
		return false
	}
	(*s)[i] = (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return true
}

// Has reports whether id is in the set.
func (s Set) Has(id ServerID) bool { return slices.Contains(s, id) }

// HasQuorum reports whether the servers in set are a quorum. Observers and strangers in it do not
// count. It allocates nothing: it runs once per acknowledgement.
//
// Majority: more than half of the voters. Hierarchical: a group is satisfied by more than half of
// its weight, a quorum is more than half of the groups, where groups of weight 0 are no groups.
func (c Config) HasQuorum(set Set) bool {
	if c.hierarchical {
		return c.hasGroupQuorum(set)
	}
	voters, have := 0, 0
	for i := range c.Members {
		if c.Members[i].Role != Participant {
			continue
		}
		voters++
		if set.Has(c.Members[i].ID) {
			have++
		}
	}
	return have > voters/2
}

func (c Config) hasGroupQuorum(set Set) bool {
	groups, satisfied := 0, 0
	for i := range c.Groups {
		var total, have int64
		for _, id := range c.Groups[i].Servers {
			weight := c.Weights[id]
			total += weight
			if c.IsVoter(id) && set.Has(id) {
				have += weight
			}
		}
		if total == 0 {
			continue
		}
		groups++
		if have > total/2 {
			satisfied++
		}
	}
	return satisfied > groups/2
}

// Weight returns the weight of a server: 1 for everybody in a majority configuration, otherwise
// that of its weight line. A server of weight 0 can never be elected.
func (c Config) Weight(id ServerID) int64 {
	if !c.hierarchical {
		return 1
	}
	return c.Weights[id]
}
