#!/bin/sh
# release.sh VERSION: makes dist/VERSION/ with the binaries, the container image as a
# tarball for each processor, and their checksums.
#
# What is in the binaries depends on the commit and on Go alone: the date is that of the
# commit, not that of the day. Without docker there are no images; that is said.
set -eu
cd "$(dirname -- "$0")/.."
[ $# = 1 ] || { echo "usage: scripts/release.sh VERSION" >&2; exit 2; }
version=$1
commit=$(git rev-parse --verify HEAD)
if [ -n "$(git status --porcelain)" ]; then
	echo "release.sh: the working tree differs from commit $commit; commit or remove what git status shows" >&2
	exit 1
fi
dir=dist/$version
rm -rf "$dir"
mkdir -p "$dir"
date=$(TZ=UTC git log -1 --date=format-local:'%Y-%m-%d %H:%M UTC' --format=%cd)
created=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd)

for target in linux/amd64 linux/arm64 darwin/arm64; do
	os=${target%/*} arch=${target#*/}
	echo "gokeeper-$version-$os-$arch"
	CGO_ENABLED=0 GOOS=$os GOARCH=$arch ${GO:-go} build -trimpath -buildvcs=false \
		-ldflags "-s -w -X 'main.version=$version' -X 'main.commit=$commit' -X 'main.date=$date'" \
		-o "$dir/gokeeper-$version-$os-$arch" ./server/cmd/gokeeper
done

if docker version >/dev/null 2>&1; then
	source=$(git config --get remote.origin.url || echo gokeeper)
	for arch in amd64 arm64; do
		tag=gokeeper:$version-$arch
		VERSION=$version REVISION=$commit CREATED=$created SOURCE=$source scripts/image.sh "$dir/gokeeper-$version-linux-$arch" "$tag"
		docker save "$tag" | gzip -9n >"$dir/gokeeper-$version-image-linux-$arch.tar.gz"
	done
else
	echo "release.sh: no docker engine answers; made no images" >&2
fi

cd "$dir"
files=$(ls gokeeper-*)
sha256sum $files >SHA256SUMS
ls -l
