#!/bin/bash
# launch.sh CFG [-Dname=value]...: what the suites take for ZooKeeper. Runs the target in this very process, so that
# killing it kills the server. What a suite would set as a Java property becomes a line of the configuration file,
# unless that has the key already; SERVER_JVMFLAGS keeps the properties, for those that have no key.
set -euo pipefail
cfg=$1
shift
[ -z "$(tail -c 1 "$cfg")" ] || echo >>"$cfg"
default() { grep -q "^$1=" "$cfg" || echo "$1=$2" >>"$cfg"; }
flags=
for arg; do
  case $arg in
    -Dzookeeper.log.dir=* | -Dzookeeper.root.logger=*) continue ;;
    -Dzookeeper.*) name=${arg#-Dzookeeper.}; default "${name%%=*}" "${name#*=}" ;;
    -Dreadonlymode.enabled=*) default readonlymode.enabled "${arg#*=}" ;;
    -Djava.security.*) ;;
    *) continue ;;
  esac
  flags+=" $arg"
done
# DIGEST-MD5, which the SASL tests use, is refused in FIPS mode, which is on by default
case $flags in *java.security.auth.login.config*) default fips-mode false ;; esac
grep -q '^admin\.enableServer=' "$cfg" || echo admin.enableServer=false >>"$cfg"
export SERVER_JVMFLAGS=${flags# }
# a java that the target needs is the real one
PATH=$(tr : '\n' <<<"$PATH" | grep -vxF "$CONFORMANCE_WORK/shims" | paste -sd:)
export PATH
cut -d' ' -f22 /proc/$$/stat >"$CONFORMANCE_WORK/pids/$$"
read -ra command <<<"${GOKEEPER_TARGET//\{cfg\}/$cfg}"
exec "${command[@]}" >>"$CONFORMANCE_WORK/servers.log" 2>&1
