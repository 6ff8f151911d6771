#!/bin/bash
# Runs a Java ZooKeeper server in the foreground:   zk.sh 380|396 zoo.cfg
# or Java's shell:   zk.sh 380|396 cli [-server HOST:PORT] [COMMAND...]
# With --check instead of a file: exits 0 if that version is installed, else says what is missing and exits 3.
# env: HEAP (512m), JAVA_PEER_HOME (see install.sh), SERVER_JVMFLAGS (also of the shell)
set -euo pipefail
version=$1 cfg=$2
system=/usr/share/java
case $version in
  380) own=$system ;;
  396) own=${JAVA_PEER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/zk-java-peer}/396$system ;;
  *) echo "zk.sh: unknown version $version" >&2; exit 2 ;;
esac
missing() { echo "Java ZooKeeper $version is not installed ($1); see java/install.sh" >&2; exit 3; }
command -v java >/dev/null || missing java
for j in "$own/zookeeper.jar" "$system/slf4j-simple.jar"; do [ -e "$j" ] || missing "$j"; done
[ "$cfg" != --check ] || exit 0
# the version's own jute first: the manifest of zookeeper.jar names the system's
cp=$own/zookeeper-jute.jar:$own/zookeeper.jar
for j in commons-cli commons-io guava jackson-annotations jackson-core jackson-databind jetty9-server jetty9-servlet \
  jetty9-util jetty9-http jetty9-io jetty9-security jetty9-util-ajax metrics-core netty-all netty-buffer netty-common \
  netty-codec netty-handler netty-resolver netty-transport netty-transport-native-unix-common \
  netty-transport-native-epoll slf4j-api slf4j-simple snappy-java servlet-api-3.1 servlet-api; do
  [ ! -e "$system/$j.jar" ] || cp+=:$system/$j.jar
done
read -ra flags <<<"${SERVER_JVMFLAGS:-}"
main=(org.apache.zookeeper.server.quorum.QuorumPeerMain "$cfg")
[ "$cfg" != cli ] || main=(org.apache.zookeeper.ZooKeeperMain "${@:3}")
exec java -Xmx"${HEAP:-512m}" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dfile.encoding=UTF-8 \
  -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.defaultLogLevel=info \
  "${flags[@]}" -cp "$cp" "${main[@]}"
