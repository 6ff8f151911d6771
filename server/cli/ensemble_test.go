package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"gokeeper/server"
	"gokeeper/server/freeport"
)

// TestReconfigRecording changes an ensemble of three, with a fourth that is never there.
func TestReconfigRecording(t *testing.T) {
	java := []string{"2181", "21412", "21413", "21421", "21422", "21423", "21431", "21432", "21433", "21441", "21442", "21443"}
	ports := freeport.Some(t, len(java))
	var there, back []string
	for i, p := range java {
		there, back = append(there, "127.0.0.1:"+p, fmt.Sprint("127.0.0.1:", ports[i]), ":"+p, fmt.Sprint(":", ports[i])), append(back, fmt.Sprint(":", ports[i]), ":"+p)
	}
	rename := strings.NewReplacer(there...)
	lines := []string{"initLimit=10", "syncLimit=5", "reconfigEnabled=true", "standaloneEnabled=false", "tickTime=200",
		"DigestAuthenticationProvider.superDigest=" + digestOf("super", "admin")}
	var members []string
	for n, client := range []string{"2181", "21421", "21431"} {
		members = append(members, rename.Replace(fmt.Sprintf("server.%d=127.0.0.1:214%d2:214%d3:participant;127.0.0.1:%s", n+1, n+1, n+1, client)))
	}
	start := func(n int) {
		files := map[string]string{"/data/myid": fmt.Sprint(n + 1), "./zoo.cfg.dynamic": strings.Join(members, "\n")}
		if n < 2 {
			files["/data/initialize"] = "" // the first two begin without the third
		}
		run(t, server.Options{}, files, append(lines, "dynamicConfigFile=./zoo.cfg.dynamic")...)
	}
	start(0)
	start(1)
	call(t, "", "-server", rename.Replace(javaAddress), "-waitforconnection", "sync", "/")
	start(2) // behind the others, so that it does not lead: it is removed
	call(t, "", "-server", rename.Replace("127.0.0.1:21431"), "-waitforconnection", "sync", "/")
	for _, r := range recordings(t, "reconfig_ensemble.txt") {
		got := r.play(t, rename)
		got.stdout = strings.NewReplacer(back...).Replace(got.stdout)
		r.compare(t, got)
	}
}
