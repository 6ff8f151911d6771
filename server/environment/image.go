package environment

import (
	"slices"
	"strings"
)

// image is one of the images whose variables are understood.
type image struct {
	name      string
	variables []variable
	read      func(r *reader) // what is not one variable, one key
}

// variable stands for a key of zoo.cfg.
type variable struct {
	name, key string
	value     string // default; "" for none: no line
}

// image finds out whose variables these are. Without any there is no image; with those
// of two there is a complaint.
func (r *reader) image() *image {
	for name := range r.vars {
		if ours(name) {
			return official()
		}
	}
	return nil
}

// ours says whether a variable looks like one of the images'.
func ours(name string) bool {
	return strings.HasPrefix(name, "ZOO_") && !slices.Contains(elsewhere, name)
}

// elsewhere are variables that the command reads itself.
var elsewhere = []string{"ZOO_LOG_DIR", "ZOO_LOG_FILE", "ZOO_DATADIR_AUTOCREATE_DISABLE"}
