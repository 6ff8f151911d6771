#!/bin/bash
# Installs Java ZooKeeper from Debian's archive, as a peer to compare with and to exchange data with.
#   install.sh [380] [396]     (both by default)
# 380 is the package of Debian 12 (libzookeeper-java), installed as a system package. 396 is the package of sid, only
# unpacked, into $JAVA_PEER_HOME/396 (default ~/.cache/zk-java-peer/396); it runs with the system's other jars.
# The apt configuration of the system is not touched.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
peers=${JAVA_PEER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/zk-java-peer}
apt() { apt-get -y -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=false "$@" >/dev/null; }

if ! command -v java >/dev/null || [ ! -e /usr/share/java/zookeeper.jar ] || [ ! -e /usr/share/java/slf4j-simple.jar ]; then
  apt update
  apt install zookeeper libslf4j-java default-jre-headless
fi

unpack_sid() {
  local tmp site opts
  [ ! -e "$peers/396/usr/share/java/zookeeper.jar" ] || return 0
  site=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' |
    awk '$2 ~ /^[a-z]+$/ && $3 == "main" { print $1; exit }')
  [ -n "$site" ] || { echo "install.sh: apt knows no Debian mirror" >&2; return 2; }
  tmp=$(mktemp -d)
  chmod 755 "$tmp"
  mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$peers/396"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site sid main" >"$tmp/list"
  opts=(-o "Dir::Etc::sourcelist=$tmp/list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$tmp/lists" -o "Dir::Cache=$tmp/cache" -o APT::Sandbox::User=root)
  apt-get "${opts[@]}" update >/dev/null
  (cd "$tmp" && apt-get "${opts[@]}" download libzookeeper-java >/dev/null)
  dpkg -x "$tmp"/libzookeeper-java_*.deb "$peers/396"
  rm -rf "$tmp"
}

for version in "${@:-380 396}"; do
  for v in $version; do
    case $v in
      380) ;;
      396) unpack_sid ;;
      *) echo "install.sh: unknown version $v" >&2; exit 2 ;;
    esac
  done
done
