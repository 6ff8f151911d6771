#!/bin/bash
# Runs the test suites of two clients that others wrote, unmodified but for ports, against the server:
#   run.sh [gozk] [kazoo]          both by default
# gozk is github.com/go-zookeeper/zk v1.0.4 (from the Go module cache), kazoo is the Python client as Debian's
# python3-kazoo installs it, with its tests. Debian packages that are missing are installed.
#
# Prints PASS, FAIL or SKIP for each test, then "N passed, N failed, N skipped". expected.txt names the tests that fail for
# a known reason, which count as skipped, and those that need several servers. Details of failures go to standard error.
# The exit status is 0 if nothing failed unexpectedly.
#
# env:
#   GOKEEPER_TARGET      command that runs a server in the foreground, {cfg} being its configuration file;
#                        without it, this tree's gokeeper is built
#   CONFORMANCE_SERVERS  1 (default) or 3: with 3, also the tests that need an ensemble
#   CONFORMANCE_STRICT   1: expected failures count as failures (to see what a server does without excuse)
#   CONFORMANCE_PORT     first of 300 ports (24500)
#   CONFORMANCE_KEEP     1: keep the temporary directory, with the logs of all servers in servers.log
#   GOZK_RUN, KAZOO_RUN  only tests that match: a regular expression; a pytest -k expression
set -uo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
export CONFORMANCE_HERE=$here CONFORMANCE_SERVERS=${CONFORMANCE_SERVERS:-1} CONFORMANCE_PORT=${CONFORMANCE_PORT:-24500}
work=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX")
export CONFORMANCE_WORK=$work
mkdir "$work/pids"

cleanup() { # ends the servers that are left: those whose start time is still the one that launch noted
  local f p
  for f in "$work"/pids/*; do
    p=${f##*/}
    [ -e "$f" ] && [ "$(cut -d' ' -f22 "/proc/$p/stat" 2>/dev/null)" = "$(cat "$f")" ] && kill -KILL "$p" 2>/dev/null
  done
  [ -n "${CONFORMANCE_KEEP:-}" ] && echo "kept $work" >&2 || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ -z "${GOKEEPER_TARGET:-}" ]; then
  (cd "$here/../.." && go build -o "$work/gokeeper" ./server/cmd/gokeeper) || exit 2
  GOKEEPER_TARGET="$work/gokeeper start-foreground {cfg}"
fi
export GOKEEPER_TARGET

[ $# -gt 0 ] || set -- gozk kazoo
: >"$work/all"
broken=
for suite; do
  case $suite in gozk | kazoo) ;; *) echo "run.sh: no suite $suite" >&2; exit 2 ;; esac
  # what only an ensemble can pass is left out on one server: several of those tests wait for it in vain for long
  awk -v s="$suite" -v n="$CONFORMANCE_SERVERS" -v strict="${CONFORMANCE_STRICT:-}" '
    $1 == s && ($2 == "ensemble" && n < 3 || $2 == "hang" && strict == "") { print $3 }' "$here/expected.txt" >"$work/omit"
  : >"$work/result"
  "$here/$suite.sh" "$work/result" "$work/omit" || broken+=" $suite"
  sed 's/^/SKIP /' "$work/omit" >>"$work/result"
  awk -v s="$suite" -v strict="${CONFORMANCE_STRICT:-}" '
    FNR == NR { if ($1 == s) { n = $3; kind[n] = $2; sub(/^[^ ]+ +[^ ]+ +[^ ]+ */, ""); why[n] = $0 } next }
    $1 == "SKIP" && NF == 2 && kind[$2] == "ensemble" { print $0, "(needs several servers: " why[$2] ")"; next }
    $1 == "SKIP" && NF == 2 { print $0, "(expected: " why[$2] ")"; next }
    kind[$2] == "fail" && $1 == "FAIL" && strict == "" { print "SKIP", $2, "(expected: " why[$2] ")"; next }
    kind[$2] == "fail" && $1 == "PASS" { print $0, "(no longer fails: take it out of expected.txt)"; next }
    { print }' "$here/expected.txt" "$work/result" | tee -a "$work/all"
done
awk '{ n[$1]++ } END { printf "%d passed, %d failed, %d skipped\n", n["PASS"], n["FAIL"], n["SKIP"]
  exit !(n["PASS"] > 0 && n["FAIL"] == 0) }' "$work/all"
ok=$?
[ -z "$broken" ] || { echo "run.sh: did not run to the end:$broken" >&2; exit 1; }
exit $ok
