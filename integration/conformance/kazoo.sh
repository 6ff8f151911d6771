#!/bin/bash
# kazoo.sh RESULT OMIT: runs the suite of the Python client kazoo; called by run.sh. Writes a line PASS|FAIL|SKIP NAME
# SECONDS for each test into RESULT; leaves out the tests named in OMIT. Exit status 1 if the suite did not run.
set -uo pipefail
result=$1 omit=$2 work=$CONFORMANCE_WORK
packages=/usr/lib/python3/dist-packages
for need in kazoo:python3-kazoo pytest:python3-pytest pytest_timeout.py:python3-pytest-timeout mock:python3-mock \
  puresasl:python3-pure-sasl objgraph.py:python3-objgraph; do
  [ -e "$packages/${need%%:*}" ] || missing+=("${need#*:}")
done
if [ -n "${missing:-}" ]; then
  install() { DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=false install "${missing[@]}" >/dev/null; }
  install 2>/dev/null || { apt-get update >/dev/null && install; } || exit 1
fi
# the suite runs "java ... QuorumPeerMain CFG"
mkdir -p "$work/shims"
cat >"$work/shims/java" <<'S'
#!/bin/bash
while [ $# -gt 0 ]; do
  case $1 in
    -cp) shift ;;
    -D*) flags+=("$1") ;;
    *.QuorumPeerMain) exec "$CONFORMANCE_HERE/launch.sh" "$2" "${flags[@]}" ;;
  esac
  shift
done
exit 2
S
chmod +x "$work/shims/java"
export PATH=$work/shims:$PATH PYTHONPATH=$packages:$CONFORMANCE_HERE PYTHONDONTWRITEBYTECODE=1 TMPDIR=$work
export CONFORMANCE_RESULT=$result CONFORMANCE_OMIT=$omit
export ZOOKEEPER_CLASSPATH=unused ZOOKEEPER_VERSION=3.9.6 ZOOKEEPER_PORT_OFFSET=$CONFORMANCE_PORT ZOOKEEPER_CLUSTER_SIZE=$CONFORMANCE_SERVERS
cd "$work" || exit 1
timeout 595 /usr/bin/python3 -m pytest -p kazoo_report -p no:cacheprovider -q --tb=short --timeout=90 \
  ${KAZOO_RUN:+-k "$KAZOO_RUN"} "$packages/kazoo/tests" >"$work/kazoo.out" 2>&1
code=$?
[ ! -e "$result.details" ] || cat "$result.details" >&2
case $code in
  0 | 1 | 5) [ -s "$result" ] ;;
  *) tail -20 "$work/kazoo.out" >&2; exit 1 ;;
esac
