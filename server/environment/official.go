package environment

import (
	"cmp"
	"strings"
)

// official is the image zookeeper, https://github.com/31z4/zookeeper-docker. The order of
// the variables is that of the lines in its zoo.cfg.
func official(dataDir string) *image {
	variables := []variable{
		{name: dataDirVariable, key: "dataDir", value: "/data"},
		{name: "ZOO_DATA_LOG_DIR", key: "dataLogDir", value: "/datalog"},
		{name: "ZOO_TICK_TIME", key: "tickTime", value: "2000"},
		{name: "ZOO_INIT_LIMIT", key: "initLimit", value: "5"},
		{name: "ZOO_SYNC_LIMIT", key: "syncLimit", value: "2"},
		{name: "ZOO_AUTOPURGE_SNAPRETAINCOUNT", key: "autopurge.snapRetainCount", value: "3"},
		{name: "ZOO_AUTOPURGE_PURGEINTERVAL", key: "autopurge.purgeInterval", value: "0"},
		{name: "ZOO_MAX_CLIENT_CNXNS", key: "maxClientCnxns", value: "60"},
		{name: "ZOO_STANDALONE_ENABLED", key: "standaloneEnabled", value: "true"},
		{name: "ZOO_ADMINSERVER_ENABLED", key: "admin.enableServer", value: "true"},
	}
	return &image{
		name: "zookeeper", id: "ZOO_MY_ID", dataDir: cmp.Or(dataDir, "/data"),
		variables: variables, rest: restOfOfficial, marks: marksOfficial,
	}
}

func marksOfficial(name, value string) bool {
	switch name {
	case "ZOO_MY_ID", "ZOO_CFG_EXTRA", "ZOO_LOG4J_PROP", "ZOO_STANDALONE_ENABLED", "ZOO_ADMINSERVER_ENABLED",
		"ZOO_AUTOPURGE_SNAPRETAINCOUNT", "ZOO_AUTOPURGE_PURGEINTERVAL":
		return true
	}
	return name == "ZOO_SERVERS" && strings.Contains(value, "=")
}

// restOfOfficial adds what the script of the official image takes apart: lists of lines,
// separated by blanks.
func restOfOfficial(r *reader) {
	r.entries("ZOO_SERVERS")
	r.memberVariables()
	if len(r.members()) == 0 {
		// The script always says server.1, which leaves a server with another id without
		// a client port.
		r.add(line{"server." + r.id.value, "localhost:2888:3888;2181", ""})
	}
	if value := r.get("ZOO_4LW_COMMANDS_WHITELIST"); value != "" {
		r.add(line{"4lw.commands.whitelist", value, "ZOO_4LW_COMMANDS_WHITELIST"})
	}
	r.entries("ZOO_CFG_EXTRA")
	r.checkPlace()
	// The server lines of 3.4 have no client port: its image made a line for it.
	own := r.find("server." + r.id.value)
	if !strings.Contains(own.value, ";") && r.find("clientPort").key == "" && r.find("secureClientPort").key == "" {
		r.add(line{"clientPort", "2181", ""})
	}
}

// entries makes a line of each key=value in a list that blanks separate.
func (r *reader) entries(name string) {
	for entry := range strings.FieldsSeq(r.get(name)) {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			r.fail(name, entry, "an entry without a key", "key=value, separated by blanks")
			continue
		}
		r.add(line{key, value, name})
	}
}
