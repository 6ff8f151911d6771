package environment

import (
	"maps"
	"slices"
	"strings"
)

// image is one of the images whose variables are understood.
type image struct {
	name       string
	id         string   // variable with the server's id
	dataDir    string   // where myid lies
	overwrites bool     // the variable with the id wins over a myid that is there
	files      []string // where the image looks for a configuration file, besides ours
	always     string   // name of the file that it makes anew at each start; "" for none
	valueFiles bool     // NAME_FILE names a file with the value of NAME
	variables  []variable
	rest       func(r *reader)               // what is not one variable, one key
	jaas       func(r *reader) []byte        // the file of users, also beside a configuration file; nil without one
	marks      func(name, value string) bool // whether only this image has the variable
}

// variable stands for a key of zoo.cfg.
type variable struct {
	name, key string
	value     string // default; "" for none: no line
	flag      bool   // yes or no in the variable, true or false in the line
}

// has says whether the table of variables has the name.
func has(variables []variable, name string) bool {
	return slices.ContainsFunc(variables, func(v variable) bool { return v.name == name })
}

// defaultFile is where the official image has its configuration.
const defaultFile = "/conf/zoo.cfg"

// findImage finds out whose variables these are. Without any there is no image. Those
// that several images have belong to the official one, unless a variable says otherwise.
func (r *reader) findImage() *image {
	type mark struct {
		image *image
		name  string
	}
	var first *mark
	images, said := []*image{official(r.vars[dataDirVariable]), bitnami(), confluent()}, false
	for _, name := range slices.Sorted(maps.Keys(r.vars)) {
		said = said || looksOurs(name) || name == confDir || isMember(name)
		for _, i := range images {
			switch {
			case !i.marks(name, r.vars[name]):
			case first == nil:
				first = &mark{i, name}
			case first.image.name != i.name:
				r.conflict("%s is a variable of the image %s, but %s is one of %s: use those of one image",
					first.name, first.image.name, name, i.name)
				return first.image
			}
		}
	}
	switch {
	case first != nil:
		return first.image
	case said:
		return images[0]
	}
	return nil
}

// Variables that say where things are. They say nothing about whose the others are: our
// image sets the first.
const (
	confDir         = "ZOO_CONF_DIR"
	dataDirVariable = "ZOO_DATA_DIR"
)

// elsewhere are variables of scripts and of the command, not of images.
var elsewhere = []string{confDir, "ZOO_LOG_DIR", "ZOO_LOG_FILE", "ZOO_DATADIR_AUTOCREATE_DISABLE"}

// looksOurs says whether a variable looks like a setting of one of the images. Services
// of Kubernetes named zoo or zookeeper make variables like ZOOKEEPER_SERVICE_HOST.
func looksOurs(name string) bool {
	if slices.Contains(elsewhere, name) || strings.Contains(name, "_SERVICE_") || strings.Contains(name, "_PORT_2181_TCP") {
		return false
	}
	return strings.HasPrefix(name, "ZOO_") || strings.HasPrefix(name, "ZOOKEEPER_")
}
