#!/bin/sh
# zkCli.sh [-server host:port,.../chroot] [-timeout ms] [-r] [-waitforconnection] [command]
#
# For the habits and scripts that call ZooKeeper's shell. The binary is looked for beside
# this script, in ../bin, and on the PATH.
self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd) || exit 1

for binary in "$here/gokeeper" "$here/../bin/gokeeper"; do
	[ ! -f "$binary" ] || [ ! -x "$binary" ] || exec "$binary" cli "$@"
done
if ! command -v gokeeper >/dev/null; then
	echo "zkCli.sh: no gokeeper in $here, in $here/../bin or on the PATH" >&2
	exit 127
fi
exec gokeeper cli "$@"
