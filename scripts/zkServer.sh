#!/bin/sh
# zkServer.sh [--config DIR] start|start-foreground|stop|restart|status|version|print-cmd [zoo.cfg]
# for those whose habits and units call it: gokeeper does the work.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for binary in "$here/gokeeper" "$here/../bin/gokeeper"; do
	[ -x "$binary" ] && exec "$binary" "$@"
done
exec gokeeper "$@"
