#!/bin/sh
# compose.sh: installs the plugins "docker compose" and "docker buildx" where they are
# missing. Wants Debian or a derivative, and root.
#
# Where the release at hand has no package of compose v2, as bookworm has none, the
# packages of the next release are taken from the mirror that apt is set up with, and
# nothing else is upgraded. Other systems: https://docs.docker.com/compose/install/.
set -eu
if docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1; then
	exit 0
fi
command -v apt-get >/dev/null || { echo "compose.sh: no apt-get here; install the plugins as https://docs.docker.com/compose/install/ says" >&2; exit 1; }
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@"

install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}
# v2 prints the version of the candidate of a package when that is 2 or later.
v2() { apt-cache policy "$1" | awk '$1 == "Candidate:" && $2 ~ /^([0-9]+:)?([2-9]|[1-9][0-9])\./ { print $2 }'; }

apt-get update -q
for package in docker-compose-plugin docker-compose-v2 docker-compose; do
	[ -n "$(v2 $package)" ] || continue
	buildx=docker-buildx
	[ $package != docker-compose-plugin ] || buildx=docker-buildx-plugin
	install $package $buildx
	docker compose version
	docker buildx version
	exit 0
done

next=trixie
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")" | sort -u | head -n 1)
[ -n "$mirror" ] || { echo "compose.sh: apt has no mirror of this release" >&2; exit 1; }
source=/etc/apt/sources.list.d/zz-$next.sources
pin=/etc/apt/preferences.d/zz-$next
trap 'rm -f "$source" "$pin"; apt-get update -qq' EXIT
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$mirror" $next >"$source"
printf 'Package: *\nPin: release n=%s\nPin-Priority: 50\n' $next >"$pin"
apt-get update -q
install docker-compose/$next docker-buildx/$next
docker compose version
docker buildx version
