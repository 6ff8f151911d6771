#!/bin/sh
# zkTxnLogToolkit.sh, zkSnapShotToolkit.sh, zkSnapshotComparer.sh,
# zkSnapshotRecursiveSummaryToolkit.sh, zkCleanup.sh: for the habits and jobs that call
# ZooKeeper's scripts. gokeeper takes their arguments and prints what they print.
# The others are links to this one. The binary is looked for beside the script, in ../bin,
# and on the PATH.
name=${0##*/}
self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd) || exit 1
if [ -z "$ZOOCFGDIR" ] && [ -d "$here/../conf" ]; then
	export ZOOCFGDIR="$here/../conf"
fi
for binary in "$here/gokeeper" "$here/../bin/gokeeper"; do
	[ ! -f "$binary" ] || [ ! -x "$binary" ] || exec "$binary" "$name" "$@"
done
if ! command -v gokeeper >/dev/null; then
	echo "$name: no gokeeper in $here, in $here/../bin or on the PATH" >&2
	exit 127
fi
exec gokeeper "$name" "$@"
