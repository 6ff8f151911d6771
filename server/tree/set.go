package tree

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// named is what can be in a set. Its name does not change.
type named interface{ Name() string }

// set is a hash table of things that know their names; a map would hold the names a
// second time and leave half of its memory empty. It looks at one place after the
// other. The tag of a place is a part of the hash, so that hardly any name is compared
// in vain. A nil set is empty.
//
// A large table is divided into parts by the first bits of the hash, so that an addition
// never moves more than splitAt things.
type set[T named] struct {
	tags   []uint8 // free, gone, or that of what is in the place
	places []T
	n      int32       // things in here and in the parts
	used   int32       // places that are not free
	parts  *[16]set[T] // instead of tags and places
}

const (
	free     = 0 // a search ends here
	gone     = 1 // something was here, a search goes on
	firstTag = 2

	splitAt = 1024
)

// seed is that of hashes. It is secret, or clients would choose names that collide.
var seed = maphash.MakeSeed()

func tagOf(hash uint64) uint8 { return max(uint8(hash>>24), firstTag) }

// part returns the part for a hash, and the hash in there.
func (s *set[T]) part(hash uint64) (*set[T], uint64) {
	return &s.parts[hash>>60], bits.RotateLeft64(hash, 4)
}

// first returns the place at which a search begins.
func (s *set[T]) first(hash uint64) int {
	i, _ := bits.Mul64(hash, uint64(len(s.tags)))
	return int(i)
}

// next returns the place behind i.
func (s *set[T]) next(i int) int {
	if i++; i < len(s.tags) {
		return i
	}
	return 0
}

// find returns the place of a name, -1 if it is not there.
func (s *set[T]) find(name string, hash uint64) int {
	tag, i := tagOf(hash), s.first(hash)
	for range s.tags {
		switch s.tags[i] {
		case tag:
			if s.places[i].Name() == name {
				return i
			}
		case free:
			return -1
		}
		i = s.next(i)
	}
	return -1
}

func (s *set[T]) len() int {
	if s == nil {
		return 0
	}
	return int(s.n)
}

// get returns the thing with the name.
func (s *set[T]) get(name string) (x T, ok bool) {
	if s.len() == 0 {
		return x, false
	}
	hash := maphash.String(seed, name)
	for s.parts != nil {
		s, hash = s.part(hash)
	}
	if i := s.find(name, hash); i >= 0 {
		return s.places[i], true
	}
	return x, false
}

// put adds a thing, in place of the one with its name if there is one.
func (s *set[T]) put(x T) { s.putAt(0, x, maphash.String(seed, x.Name())) }

// putAt is put into a part that is so many divisions deep.
func (s *set[T]) putAt(depth int, x T, hash uint64) (added bool) {
	if s.parts == nil && int(s.used) == len(s.tags)-len(s.tags)/8 {
		s.rebuild(depth)
	}
	if s.parts != nil {
		p, rest := s.part(hash)
		added = p.putAt(depth+1, x, rest)
	} else {
		added = s.place(x, hash)
	}
	if added {
		s.n++
	}
	return added
}

// place puts a thing into a place, of which one is free.
func (s *set[T]) place(x T, hash uint64) (added bool) {
	if i := s.find(x.Name(), hash); i >= 0 {
		s.places[i] = x
		return false
	}
	i := s.first(hash)
	for s.tags[i] >= firstTag {
		i = s.next(i)
	}
	if s.tags[i] == free {
		s.used++
	}
	s.tags[i], s.places[i] = tagOf(hash), x
	return true
}

// rebuild makes places for half as many more as there are, or parts.
func (s *set[T]) rebuild(depth int) {
	old := *s
	*s = set[T]{}
	if old.n >= splitAt {
		s.parts = new([16]set[T])
	} else {
		s.places = slices.Grow(s.places, int(old.n+old.n/2)+1)
		s.places = s.places[:cap(s.places)] // the allocator gives no less
		s.tags = make([]uint8, len(s.places))
	}
	for i, tag := range old.tags {
		if tag >= firstTag {
			x := old.places[i]
			s.putAt(depth, x, bits.RotateLeft64(maphash.String(seed, x.Name()), 4*depth))
		}
	}
}

// remove takes the thing with the name out, if there is one.
func (s *set[T]) remove(name string) {
	if s.len() > 0 {
		s.removeHashed(name, maphash.String(seed, name))
	}
}

func (s *set[T]) removeHashed(name string, hash uint64) (removed bool) {
	if s.parts != nil {
		p, rest := s.part(hash)
		removed = p.removeHashed(name, rest)
	} else if i := s.find(name, hash); i >= 0 {
		s.vacate(i)
		removed = true
	}
	if !removed {
		return false
	}
	if s.n--; s.n == 0 {
		*s = set[T]{}
	}
	return true
}

// vacate empties a place. Before a free one it is free, and so are those before it that
// are gone.
func (s *set[T]) vacate(i int) {
	var none T
	s.tags[i], s.places[i] = gone, none
	if s.tags[s.next(i)] != free {
		return
	}
	for s.tags[i] == gone {
		s.tags[i] = free
		s.used--
		if i--; i < 0 {
			i = len(s.tags) - 1
		}
	}
}

// all calls yield for everything until it returns false, and says whether it never did.
// The set must not change meanwhile.
func (s *set[T]) all(yield func(T) bool) bool {
	if s == nil {
		return true
	}
	if s.parts != nil {
		for i := range s.parts {
			if !s.parts[i].all(yield) {
				return false
			}
		}
	}
	for i, tag := range s.tags {
		if tag >= firstTag && !yield(s.places[i]) {
			return false
		}
	}
	return true
}
