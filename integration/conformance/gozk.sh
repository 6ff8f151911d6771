#!/bin/bash
# gozk.sh RESULT OMIT: runs the suite of github.com/go-zookeeper/zk; called by run.sh. Writes a line PASS|FAIL|SKIP NAME
# SECONDS for each test into RESULT; leaves out the tests named in OMIT. Exit status 1 if the suite did not run.
set -uo pipefail
result=$1 omit=$2 work=$CONFORMANCE_WORK
version=v1.0.4
src=$(cd "$work" && go mod download -json "github.com/go-zookeeper/zk@$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
[ -d "$src" ] || { echo "gozk.sh: github.com/go-zookeeper/zk $version is not to be had" >&2; exit 1; }
cp -r "$src" "$work/gozk"
chmod -R u+w "$work/gozk"
cd "$work/gozk" || exit 1

# the suite chooses ports at random between 10000 and 15999: ours instead
sed -i "s/rand.Int31n(6000) + 10000/rand.Int31n(28)*10 + $CONFORMANCE_PORT/" server_help_test.go
sed -i "s/rand.Int31n(6000) + 10000/rand.Int31n(2)*5 + $((CONFORMANCE_PORT + 290))/" zk_test.go
# it waits for its servers with a parser of srvr that does not know the build date of any server since 3.6
sed -i 's/FLWSrvr(serverAddrs, time.Second)/serving(serverAddrs)/' server_help_test.go
cat >serving_test.go <<'G'
package zk

import (
	"bytes"
	"time"
)

func serving(addrs []string) (struct{}, bool) {
	for _, a := range addrs {
		answer, err := fourLetterWord(a, "srvr", time.Second)
		if err != nil || !bytes.Contains(answer, []byte("\nMode: ")) {
			return struct{}{}, false
		}
	}
	return struct{}{}, true
}
G
for patched in "Int31n(28)" "serving(serverAddrs)"; do
  grep -qF "$patched" server_help_test.go || { echo "gozk.sh: the suite is not the known one: no $patched" >&2; exit 1; }
done
mkdir -p "$work/shims"
cat >"$work/shims/zkServer.sh" <<'S'
#!/bin/bash
[ "$1" = start-foreground ] || exit 2
read -ra flags <<<"${SERVER_JVMFLAGS:-}"
exec "$CONFORMANCE_HERE/launch.sh" "$2" "${flags[@]}"
S
chmod +x "$work/shims/zkServer.sh"
export ZOOKEEPER_BIN_PATH=$work/shims ZK_VERSION=3.9.6 # without a version the reconfiguration tests are skipped

go test -c -o gozk.test . || exit 1
skip=$(paste -sd'|' "$omit")
timeout 580 ./gozk.test -test.v -test.timeout 560s ${GOZK_RUN:+-test.run "$GOZK_RUN"} ${skip:+-test.skip "^($skip)\$"} \
  >"$work/gozk.out" 2>"$work/gozk.err"
awk '
  /^=== RUN / && $3 !~ /\// { order[++n] = $3; word[$3] = "FAIL"; time[$3] = "(did not end)" }
  /^--- (PASS|FAIL|SKIP): / { name = $3; word[name] = substr($2, 1, 4); time[name] = substr($4, 2, length($4) - 2) }
  END { for (i = 1; i <= n; i++) print word[order[i]], order[i], time[order[i]] }' "$work/gozk.out" >"$result"
[ -s "$result" ] || { tail -20 "$work/gozk.out" "$work/gozk.err" >&2; exit 1; }
! grep -q '^FAIL' "$result" || grep -vE '^=== |^--- PASS|^ok|^PASS' "$work/gozk.out" | tail -60 >&2
exit 0
