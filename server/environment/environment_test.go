package environment

import (
	"io/fs"
	"strings"
	"testing"
)

// files are those that a test has on its disk.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

// read reads an environment, one variable per line.
func read(vars string, there files) Settings {
	return Read(Input{Variables: strings.Split(vars, "\n"), File: "/conf/zoo.cfg", ReadFile: there.read})
}

// said returns what an environment makes: the complaints, or zoo.cfg, "--" and myid.
func said(s Settings) string {
	var out strings.Builder
	for _, c := range s.Complaints {
		out.WriteString(c.Level.String() + ": " + c.String() + "\n")
	}
	out.Write(s.Content)
	if s.ID != nil {
		out.WriteString("-- " + string(s.ID))
	}
	return out.String()
}

// defaults is what the official image's script writes without any variables.
const defaults = `dataDir=/data
dataLogDir=/datalog
tickTime=2000
initLimit=5
syncLimit=2
autopurge.snapRetainCount=3
autopurge.purgeInterval=0
maxClientCnxns=60
standaloneEnabled=true
admin.enableServer=true
`

// TestOfficial has the examples of the official image's documentation.
func TestOfficial(t *testing.T) {
	f := func(vars, want string) {
		t.Helper()
		if got := said(read("ZOO_CONF_DIR=/conf\n"+vars, nil)); got != want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", vars, got, want)
		}
	}
	const one = "server.1=localhost:2888:3888;2181\n"
	f("", defaults+one+"-- 1\n")
	f("ZOO_INIT_LIMIT=10", strings.Replace(defaults, "initLimit=5", "initLimit=10", 1)+one+"-- 1\n")
	f("ZOO_MY_ID=1\nZOO_SERVERS=server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181 server.3=zoo3:2888:3888;2181",
		defaults+"server.1=zoo1:2888:3888;2181\nserver.2=zoo2:2888:3888;2181\nserver.3=zoo3:2888:3888;2181\n-- 1\n")
	f("ZOO_CFG_EXTRA=metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider metricsProvider.httpPort=7070",
		defaults+one+"metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"+
			"metricsProvider.httpPort=7070\n-- 1\n")
	// The form of 3.4, whose image made a line for the client port.
	f("ZOO_MY_ID=2\nZOO_SERVERS=server.1=zoo1:2888:3888 server.2=zoo2:2888:3888",
		defaults+"server.1=zoo1:2888:3888\nserver.2=zoo2:2888:3888\nclientPort=2181\n-- 2\n")
}
