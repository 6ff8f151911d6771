#!/bin/sh
# fuzz.sh [TIME]: runs every fuzz target of the tree for the time, one after the other,
# and stops at the first that fails. What it found stays in the package's testdata/fuzz.
set -eu
cd "$(dirname -- "$0")/.."
go=${GO:-go}
listed=$("$go" test -list '^Fuzz' ./...) || { printf '%s\n' "$listed"; exit 1; }
# A package's targets come first, then the line "ok  <package>".
targets=$(printf '%s\n' "$listed" | awk '
	/^Fuzz/ { name[n++] = $1 }
	$1 == "ok" { for (i = 0; i < n; i++) print $2, name[i]; n = 0 }')
[ -n "$targets" ] || { echo "fuzz.sh: no fuzz target found" >&2; exit 1; }
printf '%s\n' "$targets" | while read -r package name; do
	echo "== $package $name"
	# Making interesting inputs shorter, which takes up to a minute each, is no search.
	"$go" test -run '^$' -fuzz "^$name\$" -fuzztime "${1:-10s}" -fuzzminimizetime 20x "$package" </dev/null
done
