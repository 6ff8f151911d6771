package environment

import "strings"

// official is the image "zookeeper": https://github.com/31z4/zookeeper-docker. The order
// of the variables is that of the lines in its zoo.cfg.
func official() *image {
	return &image{
		name: "zookeeper",
		variables: []variable{
			{name: "ZOO_DATA_DIR", key: "dataDir", value: "/data"},
			{name: "ZOO_DATA_LOG_DIR", key: "dataLogDir", value: "/datalog"},
			{name: "ZOO_TICK_TIME", key: "tickTime", value: "2000"},
			{name: "ZOO_INIT_LIMIT", key: "initLimit", value: "5"},
			{name: "ZOO_SYNC_LIMIT", key: "syncLimit", value: "2"},
			{name: "ZOO_AUTOPURGE_SNAPRETAINCOUNT", key: "autopurge.snapRetainCount", value: "3"},
			{name: "ZOO_AUTOPURGE_PURGEINTERVAL", key: "autopurge.purgeInterval", value: "0"},
			{name: "ZOO_MAX_CLIENT_CNXNS", key: "maxClientCnxns", value: "60"},
			{name: "ZOO_STANDALONE_ENABLED", key: "standaloneEnabled", value: "true"},
			{name: "ZOO_ADMINSERVER_ENABLED", key: "admin.enableServer", value: "true"},
		},
		read: readOfficial,
	}
}

// readOfficial adds what the script of the official image takes apart: lists of lines,
// separated by blanks.
func readOfficial(r *reader) {
	r.get("ZOO_CONF_DIR")
	r.identity("ZOO_MY_ID", r.find("dataDir").value)
	r.entries("ZOO_SERVERS")
	r.memberVariables()
	if !r.hasMembers() {
		// The script always says server.1, which leaves a server with another id without
		// a client port.
		r.add(line{"server." + r.id.value, "localhost:2888:3888;2181", ""})
	}
	if value := r.get("ZOO_4LW_COMMANDS_WHITELIST"); value != "" {
		r.add(line{"4lw.commands.whitelist", value, "ZOO_4LW_COMMANDS_WHITELIST"})
	}
	r.entries("ZOO_CFG_EXTRA")
	r.place()
	r.clientPort("2181")
}

// entries makes a line of each key=value in a list that blanks separate.
func (r *reader) entries(name string) {
	for entry := range strings.FieldsSeq(r.get(name)) {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			r.fail(name, name, entry, "an entry without a key", "key=value, separated by blanks")
			continue
		}
		r.add(line{key, value, name})
	}
}
