package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// shellInput are commands whose outcome depends on the server.
const shellInput = `create /a x
create -s /a/s- y
create -e /a/e z
create -t 60000 /t x
create -c /c
get -s /a
ls -R /a
addWatch /a
set /a y
deleteall /a/s-0000000000
removewatches /a
getAcl -s /a
setAcl /a world:anyone:cdr
set /a z
setquota -n 3 /c
listquota /c
delquota /c
getAllChildrenNumber /
getEphemerals /
whoami
sync /a
config -s
reconfig -remove 5
delete /zookeeper
create /bad//path
addauth digest bob:secret
create /bob x auth::r
getAcl /bob
set /bob y
quit
`

var shellMasks = regexp.MustCompile(`0x[1-9a-f][0-9a-f]*|zxid: \d+|[cm]time = .*`)

// TestShellOnJava wants our shell to say the same of Java's server as of ours.
func TestShellOnJava(t *testing.T) {
	binary := program(t)
	said := func(tg target) string {
		s := newServer(t, tg)
		s.start(t)
		var out bytes.Buffer
		cmd := exec.Command(binary, "cli", "-server", fmt.Sprint("127.0.0.1:", s.port))
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(shellInput), &out, &out
		if exit := (*exec.ExitError)(nil); !errors.As(cmd.Run(), &exit) || exit.ExitCode() != 1 {
			t.Errorf("%s: %v, want exit code 1", tg.name, cmd.ProcessState)
		}
		_, text, _ := strings.Cut(out.String(), "\n")
		return shellMasks.ReplaceAllString(text, "*")
	}
	other := said(java(t, "396"))
	if ours := said(target{"gokeeper", []string{binary, "start-foreground", "{cfg}"}}); ours != other {
		t.Errorf("of our server\n%s\nof Java's\n%s", ours, other)
	}
}
