#!/bin/sh
# image.sh BINARY TAG...: makes the container image of a static linux binary, for the
# processor that it is built for, under the tags. No registry is needed.
#
# VERSION, REVISION, CREATED, SOURCE and LICENSES become labels. CERTIFICATES is the
# bundle of root certificates that goes into the image.
set -eu
cd "$(dirname -- "$0")/.."
binary=$1
shift
limit=20000000 # bytes

command -v docker >/dev/null || { echo "image.sh: docker is not installed" >&2; exit 1; }
for bundle in "${CERTIFICATES:-}" /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/pki/tls/certs/ca-bundle.crt; do
	[ ! -f "$bundle" ] || break
done
[ -f "$bundle" ] || { echo "image.sh: no bundle of root certificates; install ca-certificates or set CERTIFICATES" >&2; exit 1; }

arch=$(go version -m "$binary" | awk '$1 == "build" && sub("^GOARCH=", "", $2) { print $2 }')
dir=dist/image/linux_$arch
rm -rf "$dir"
mkdir -p "$dir" dist/image/empty
cp "$binary" "$dir/gokeeper"
for name in zkServer.sh zkCli.sh zkCleanup.sh zkTxnLogToolkit.sh zkSnapShotToolkit.sh zkSnapshotComparer.sh zkSnapshotRecursiveSummaryToolkit.sh; do
	ln -s gokeeper "$dir/$name"
done
cp -L "$bundle" dist/image/ca-certificates.crt

for tag in "$@"; do
	set -- "$@" --tag "$tag"
	shift
done
platform=
if docker buildx version >/dev/null 2>&1; then
	platform=--platform=linux/$arch
elif [ "$arch" != "$(docker version --format '{{.Server.Arch}}')" ]; then
	echo "image.sh: without buildx the image would not say that it is for $arch" >&2
	exit 1
fi
docker build --quiet --file images/Dockerfile --target prebuilt $platform \
	--build-arg TARGETARCH="$arch" --build-arg VERSION="${VERSION:-dev}" --build-arg REVISION="${REVISION:-}" \
	--build-arg CREATED="${CREATED:-$(date -u +%Y-%m-%dT%H:%M:%SZ)}" --build-arg SOURCE="${SOURCE:-}" \
	--build-arg LICENSES="${LICENSES:-NOASSERTION}" "$@" .

size=$(docker image inspect --format '{{.Size}}' "$2")
echo "$2 ($arch): $((size / 1000)) kB"
[ "$size" -lt $limit ] || { echo "image.sh: the image has $size bytes, allowed are fewer than $limit" >&2; exit 1; }
