package environment

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"gokeeper/server/config"
)

// files are those that a test has on its disk.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// read reads an environment, one variable per line, in our image.
func read(vars string, there files) Settings {
	return Read(Input{Variables: strings.Split("PATH=/bin\nZOO_CONF_DIR=/conf\n"+vars, "\n"), File: "/conf/zoo.cfg", ReadFile: there.read})
}

// check wants an environment to make this zoo.cfg and this myid, "" for none.
func check(t *testing.T, vars string, there files, wantFile, wantID string) Settings {
	t.Helper()
	s := read(vars, there)
	for _, c := range s.Complaints {
		t.Errorf("%s\n%v: %v", vars, c.Level, c)
	}
	if string(s.Content) != wantFile {
		t.Errorf("%s\ngot\n%s\nwant\n%s", vars, s.Content, wantFile)
	}
	if got := strings.TrimSuffix(string(s.ID), "\n"); got != wantID {
		t.Errorf("%s\nmyid %q, want %q", vars, got, wantID)
	}
	return s
}

// refused wants an environment to be refused with these complaints.
func refused(t *testing.T, vars string, want ...string) {
	t.Helper()
	var got []string
	for _, c := range read(vars, nil).Complaints {
		if c.Level == config.Error && c.Exit == config.ExitConfig {
			got = append(got, c.String())
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\ngot  %q\nwant %q", vars, got, want)
	}
}

// with returns the lines with one of them changed, or more lines behind them.
func with(lines string, changes ...string) string {
	for _, c := range changes {
		key, _, _ := strings.Cut(c, "=")
		before, rest, ok := strings.Cut("\n"+lines, "\n"+key+"=")
		if !ok {
			lines += c + "\n"
			continue
		}
		_, after, _ := strings.Cut(rest, "\n")
		lines = strings.TrimPrefix(before+"\n"+c+"\n"+after, "\n")
	}
	return lines
}

// TestNothing leaves an environment alone that says nothing to servers.
func TestNothing(t *testing.T) {
	s := Read(Input{Variables: []string{"PATH=/bin", "ZOO_LOG_DIR=/logs", "ZOO_DATADIR_AUTOCREATE_DISABLE=1", "ZOO_MY_ID=",
		"ZOO_SERVICE_HOST=10.0.0.1", "ZOOKEEPER_CLIENT_PORT=tcp://10.0.0.1:2181", "ZOO_PORT=tcp://10.0.0.1:2181"}})
	if s.Said() || s.Content != nil || s.Complaints != nil {
		t.Errorf("got %+v", s)
	}
}

// TestFileWins uses a zoo.cfg that is there, as it is; myid is another matter.
func TestFileWins(t *testing.T) {
	f := func(vars string, there files, wantFile, wantID, wantIgnored string) {
		t.Helper()
		s := check(t, vars, there, "", wantID)
		if ignored := strings.Join(s.Ignored, " "); s.File != wantFile || ignored != wantIgnored {
			t.Errorf("%s\nfile %s, ignored %s; want %s, %s", vars, s.File, ignored, wantFile, wantIgnored)
		}
	}
	there := files{"/conf/zoo.cfg": "clientPort=1", "/opt/bitnami/zookeeper/conf/zoo.cfg": ""}
	f("", there, "/conf/zoo.cfg", "1", "")
	f("ZOO_MY_ID=2\nZOO_SERVERS=nonsense=\nZOO_TICK_TIME=x", there, "/conf/zoo.cfg", "2", "ZOO_SERVERS ZOO_TICK_TIME")
	f("ZOO_SERVER_ID=2\nZOO_PORT_NUMBER=1", there, "/conf/zoo.cfg", "2", "ZOO_PORT_NUMBER")
	f("ZOOKEEPER_SERVER_ID=2\nZOOKEEPER_CLIENT_PORT=1", there, "/conf/zoo.cfg", "2", "ZOOKEEPER_CLIENT_PORT")
	delete(there, "/conf/zoo.cfg")
	f("ZOO_SERVER_ID=2\nZOO_PORT_NUMBER=1", there, "/opt/bitnami/zookeeper/conf/zoo.cfg", "2", "ZOO_PORT_NUMBER")
}

// TestIdentityWins uses a myid that is there; Confluent's image overwrites it.
func TestIdentityWins(t *testing.T) {
	f := func(vars, file, wantID, wantWarning string) {
		t.Helper()
		s := read(vars, files{file: "7\n"})
		got := strings.TrimSuffix(string(s.ID), "\n")
		var warning string
		for _, c := range s.Complaints {
			warning += c.Level.String() + ": " + c.String()
		}
		if s.IDFile != file || got != wantID || warning != wantWarning {
			t.Errorf("%s\n%s: %q, complaints %q; want %s: %q, %q", vars, s.IDFile, got, warning, file, wantID, wantWarning)
		}
	}
	f("", "/data/myid", "", "")
	f("ZOO_MY_ID=7", "/data/myid", "", "")
	f("ZOO_MY_ID=2", "/data/myid", "", "warning: ZOO_MY_ID: 2 has no effect: /data/myid is there already and says 7")
	f("ZOO_DATA_DIR=/d\nZOO_MY_ID=7", "/d/myid", "", "")
	f("ZOO_SERVER_ID=2", "/bitnami/zookeeper/data/myid", "", "warning: ZOO_SERVER_ID: 2 has no effect: /bitnami/zookeeper/data/myid is there already and says 7")
	f("ZOOKEEPER_CLIENT_PORT=1\nZOOKEEPER_SERVER_ID=2", "/var/lib/zookeeper/data/myid", "2", "")
	f("ZOOKEEPER_CLIENT_PORT=1", "/var/lib/zookeeper/data/myid", "", "")
}

// TestRefused wants contradictions and wrong values named.
func TestRefused(t *testing.T) {
	f := func(vars string, want ...string) { t.Helper(); refused(t, vars, want...) }
	f("ZOO_MY_ID=a", "ZOO_MY_ID: not the id of a server (ZOO_MY_ID=a; allowed: 0 to 255)")
	f("ZOO_MY_ID=256", "ZOO_MY_ID: not the id of a server (ZOO_MY_ID=256; allowed: 0 to 255)")
	f("ZOO_MY_ID=1\nZOO_SERVERS=server.1=a:1:2;3 b:1:2", "ZOO_SERVERS: an entry without a key (ZOO_SERVERS=b:1:2; allowed: key=value, separated by blanks)")
	f("ZOO_MY_ID=4\nZOO_SERVERS=server.1=a:1:2;3 server.2=b:1:2;3", "ZOO_MY_ID says that this is server.4, but ZOO_SERVERS has only server.1, server.2")
	f("ZOO_SERVERS=server.2=b:1:2;3", "the default says that this is server.1, but ZOO_SERVERS has only server.2")
	f("ZOO_TICK_TIME=1000\nZOO_CFG_EXTRA=tickTime=2000", "ZOO_TICK_TIME says tickTime=1000, but ZOO_CFG_EXTRA says tickTime=2000: remove one of them")
	f("ZOO_SERVERS=server.1=a:1:2;3\nserver.1=b:1:2;3", "ZOO_SERVERS says server.1=a:1:2;3, but server.1 says server.1=b:1:2;3: remove one of them")
	f("ZOO_CFG_EXTRA=ssl.keyStore.password=a ssl.keyStore.password=b",
		"ZOO_CFG_EXTRA says ssl.keyStore.password=..., but ZOO_CFG_EXTRA says ssl.keyStore.password=...: remove one of them")
	f("ZOO_MY_ID=1\nZOO_PORT_NUMBER=2181",
		"ZOO_MY_ID is a variable of the image zookeeper, but ZOO_PORT_NUMBER is one of bitnami/zookeeper: use those of one image")
	f("ZOO_MY_ID=1\nZOOKEEPER_CLIENT_PORT=2181",
		"ZOOKEEPER_CLIENT_PORT is a variable of the image confluentinc/cp-zookeeper, but ZOO_MY_ID is one of zookeeper: use those of one image")
	f("ZOO_SERVER_ID=1\nZOO_SERVERS=server.1=a:1:2",
		"ZOO_SERVERS is a variable of the image zookeeper, but ZOO_SERVER_ID is one of bitnami/zookeeper: use those of one image")
	f("ZOO_SERVERS=a:1:2,b:1", "ZOO_SERVERS: not a server (ZOO_SERVERS=b:1; allowed: host:port:port[:observer|:participant] for all, or with ::id behind it for all)")
	f("ZOO_RECONFIG_ENABLED=on", "ZOO_RECONFIG_ENABLED: neither yes nor no (ZOO_RECONFIG_ENABLED=on; allowed: yes, no, true, false, 1, 0)")
	f("ZOO_ENABLE_AUTH=yes", "ZOO_ENABLE_AUTH and ZOO_ENABLE_QUORUM_AUTH need ZOO_FIPS_MODE=no: passwords are proved with MD5")
	f("ZOO_ENABLE_AUTH=yes\nZOO_FIPS_MODE=no\nZOO_SERVER_USERS=a,b\nZOO_SERVER_PASSWORDS=c", "ZOO_SERVER_USERS has 2 names, but ZOO_SERVER_PASSWORDS has 1 passwords")
	f("ZOOKEEPER_TICK_TIME=2000", "one of (ZOOKEEPER_CLIENT_PORT,ZOOKEEPER_SECURE_CLIENT_PORT) is required.")
	f("ZOOKEEPER_CLIENT_PORT=2181\nZOOKEEPER_SERVERS=a:1:2;b:1:2", "ZOOKEEPER_SERVER_ID is required.")
}

// TestLines refuses a value that would make two lines of one.
func TestLines(t *testing.T) {
	s := Read(Input{Variables: []string{"ZOO_TICK_TIME=1\nskipACL=yes"}, ReadFile: files{}.read})
	if got := fmt.Sprint(s.Complaints); got != "[ZOO_TICK_TIME: more than one line (ZOO_TICK_TIME=1\nskipACL=yes; allowed: one line)]" {
		t.Errorf("got %s", got)
	}
}

// TestAttribute wants complaints about values to name the variable, and wrong ones to be
// errors, also where Java would take them for something else.
func TestAttribute(t *testing.T) {
	f := func(vars, flags string, want ...string) {
		t.Helper()
		s := read(vars, nil)
		_, complaints := config.Parse(config.Input{Path: s.File, Flags: []config.Flags{{Name: "JVMFLAGS", Text: flags}}, ReadFile: func(name string) ([]byte, error) {
			return files{s.File: string(s.Content), s.IDFile: string(s.ID)}.read(name)
		}})
		var got []string
		for _, c := range s.Attribute(complaints) {
			if c.Level == config.Error {
				got = append(got, c.String())
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s\ngot  %q\nwant %q", vars, got, want)
		}
	}
	f("", "")
	f("ZOO_TICK_TIME=2s", "", `ZOO_TICK_TIME: For input string: "2s" (tickTime=2s; allowed: a whole number of milliseconds)`)
	f("ZOO_ADMINSERVER_ENABLED=no", "", "ZOO_ADMINSERVER_ENABLED: only the exact word false has an effect, taken as true (admin.enableServer=no; allowed: false, true)")
	f("ZOO_CFG_EXTRA=enforceQuota=yes", "", "ZOO_CFG_EXTRA: neither true nor false, taken as false (enforceQuota=yes; allowed: true, false)")
	f("", "-Dzookeeper.enforceQuota=yes")
	f("ZOO_MAX_CLIENT_CNXNS=many\nZOO_STANDALONE_ENABLED=maybe", "",
		`ZOO_MAX_CLIENT_CNXNS: For input string: "many" (maxClientCnxns=many; allowed: a whole number)`,
		"ZOO_STANDALONE_ENABLED: Invalid option maybe for standaloneEnabled. Choose 'true' or 'false.' (standaloneEnabled=maybe; allowed: true, false)")
	f("server.1=zoo1:x:3888", "", "server.1: Address unresolved: zoo1:x (server.1=zoo1:x:3888)")
}

// TestSet lists what variables did and those that did nothing.
func TestSet(t *testing.T) {
	s := read("ZOO_TICK_TIME=1000\nZOO_LOG4J_PROP=INFO,CONSOLE\nZOO_TICKTIME=1\nZOO_CFG_EXTRA=ssl.trustStore.password=secret", nil)
	if got, want := fmt.Sprint(s.Set), "[tickTime=1000 ssl.trustStore.password=...]"; got != want {
		t.Errorf("set %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(s.Ignored), "[ZOO_LOG4J_PROP ZOO_TICKTIME]"; got != want {
		t.Errorf("ignored %s, want %s", got, want)
	}
}
