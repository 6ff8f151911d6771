#!/bin/sh
# zkServer.sh [--config DIR] start|start-foreground|stop|restart|status|version|print-cmd [zoo.cfg]
#
# For the habits and units that call ZooKeeper's script: finds what that one finds, the
# configuration directory and the shell files in it, and lets gokeeper do the work. The
# binary is looked for beside this script, in ../bin, and on the PATH.
self=$(readlink -f -- "$0" 2>/dev/null) || self=$0
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd) || exit 1

conf=$ZOOCFGDIR
if [ "$1" = --config ] && [ $# -gt 1 ]; then
	conf=$2
fi
for dir in "$here/../conf" "$here/../etc/zookeeper"; do
	[ -n "$conf" ] || [ ! -d "$dir" ] || conf=$dir
done
if [ -n "$conf" ]; then
	export ZOOCFGDIR="$conf"
	set -a # what these files set without exporting it counts too
	for file in "$conf/zookeeper-env.sh" "$conf/java.env"; do
		[ ! -f "$file" ] || . "$file"
	done
	set +a
fi

for binary in "$here/gokeeper" "$here/../bin/gokeeper"; do
	[ ! -f "$binary" ] || [ ! -x "$binary" ] || exec "$binary" "$@"
done
if ! command -v gokeeper >/dev/null; then
	echo "zkServer.sh: no gokeeper in $here, in $here/../bin or on the PATH" >&2
	exit 127
fi
exec gokeeper "$@"
