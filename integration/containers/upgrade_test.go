//go:build containers

package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"
)

// fixtures are data directories that Java servers left, with what they must load to.
const fixtures = "../../server/storage/testdata/datadirs"

// expectation is what a fixture says of its content: expected.json.
type expectation struct {
	DataDir    string
	DataLogDir string
	Nodes      []expectedNode
}

// expectedNode is a znode as it is stored: cversion counts creates only.
type expectedNode struct {
	Path string
	Data []byte
	ACL  []struct {
		Perms      int32
		Scheme, ID string
	}
	Czxid, Mzxid, Pzxid         string
	Ctime, Mtime                int64
	Version, Cversion, Aversion int32
	EphemeralOwner              string
}

// expected reads what a fixture says.
func expected(t *testing.T, dir string) expectation {
	t.Helper()
	var e expectation
	b, err := os.ReadFile(filepath.Join(fixtures, dir, "expected.json"))
	must(t, 0, json.Unmarshal(must(t, b, err), &e))
	return e
}

// upgraded are the fixtures that are served: with one directory and with two, from 3.8 and 3.9.
var upgraded = []string{"java-3.9.6-standalone", "java-3.8.0-standalone", "many-logs-and-snapshots"}

// TestUpgrade serves volumes that Java has written from the first start on.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, dir := range upgraded {
		t.Run(dir, func(t *testing.T) {
			e := expected(t, dir)
			n := create(t, newVolumes(t), environment("JVMFLAGS=-Dzookeeper.extendedTypesEnabled=true"))
			for _, d := range slices.Compact([]string{e.DataDir, e.DataLogDir}) {
				n.fill(filepath.Join(fixtures, dir, d))
			}
			n.start()
			n.serving("standalone")
			open(t, n.addr).holds(e.Nodes)
			stopped(n)
		})
	}
}

// TestUpgradeEnsemble does the same with the (anonymous) volumes of three members, whose ids are in their myid files.
func TestUpgradeEnsemble(t *testing.T) {
	t.Parallel()
	e := prepareEnsemble(t, 3, 0)
	for id := 1; id <= 3; id++ {
		e.node(id).fill(filepath.Join(fixtures, "ensemble-3-nodes", strconv.Itoa(id), "data"))
	}
	e.launch()
	e.settled()
	want := expected(t, "ensemble-3-nodes/1")
	for id := 1; id <= 3; id++ {
		open(t, e.node(id).addr).holds(want.Nodes)
	}
}

// ttlOwner begins the owner of a znode with a time to live.
const ttlOwner = "0xff"

// holds compares znodes with what a fixture says of them. Those that servers write or remove by themselves are not
// compared: the configuration, and what has its time to live behind it.
func (s *session) holds(nodes []expectedNode) {
	s.t.Helper()
	compared := 0
	for _, n := range nodes {
		if n.Path == "/zookeeper/config" {
			continue
		}
		got, children, err := s.read(n)
		if errors.Is(err, zk.ErrNoNode) && strings.HasPrefix(n.EphemeralOwner, ttlOwner) {
			continue
		}
		if err != nil {
			s.t.Errorf("%s: %v", n.Path, err)
		} else if want := n.text(children); got != want {
			s.t.Errorf("%s is %s\nwant %s", n.Path, got, want)
		}
		compared++
	}
	if compared < len(nodes)*9/10 {
		s.t.Errorf("%d of %d znodes compared: this proves little", compared, len(nodes))
	}
}

// read returns what the server says of a znode, and how many children it has. Data that nobody may read is not.
func (s *session) read(n expectedNode) (string, int32, error) {
	_, stat, err := s.Exists(n.Path)
	if err != nil {
		return "", 0, err
	}
	data, _, err := s.Get(n.Path)
	if errors.Is(err, zk.ErrNoAuth) {
		data, err = n.Data, nil
	}
	if err != nil {
		return "", 0, err
	}
	acl, _, err := s.GetACL(n.Path)
	return text(data, acl, stat), stat.NumChildren, err
}

// text is the same for a znode as for what a fixture says of it.
func text(data []byte, acl []zk.ACL, stat *zk.Stat) string {
	return fmt.Sprintf("%q %v czxid=%#x mzxid=%#x pzxid=%#x ctime=%d mtime=%d version=%d cversion=%d aversion=%d owner=%#x", data, acl,
		stat.Czxid, stat.Mzxid, stat.Pzxid, stat.Ctime, stat.Mtime, stat.Version, stat.Cversion, stat.Aversion, uint64(stat.EphemeralOwner))
}

// text returns what a client sees of the znode: cversion counts deletes, too, containers and times to live are no owners,
// and the digests of passwords are for administrators.
func (n expectedNode) text(children int32) string {
	owner := hex(n.EphemeralOwner)
	if owner < 0 {
		owner = 0
	}
	stat := zk.Stat{Ctime: n.Ctime, Mtime: n.Mtime, Version: n.Version, Cversion: 2*n.Cversion - children, Aversion: n.Aversion,
		Czxid: hex(n.Czxid), Mzxid: hex(n.Mzxid), Pzxid: hex(n.Pzxid), EphemeralOwner: owner}
	var acl []zk.ACL
	for _, a := range n.ACL {
		if user, _, isDigest := strings.Cut(a.ID, ":"); isDigest && a.Scheme == "digest" {
			a.ID = user + ":x"
		}
		acl = append(acl, zk.ACL{Perms: a.Perms, Scheme: a.Scheme, ID: a.ID})
	}
	return text(n.Data, acl, &stat)
}

func hex(s string) int64 {
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		panic(err)
	}
	return int64(n)
}
