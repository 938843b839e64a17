#!/bin/sh
# The Debian package, built in FOLDER (build-dist) from a release of this checkout, or from this tree where it is an
# unpacked release.
#
#   make-deb.sh [FOLDER]
#
# OPBOXD_BUILD=DIR packages a finished Meson build of this tree (configured with --prefix=/usr) instead of compiling.
set -eu
cd "$(dirname "$0")/.."
out=${1:-build-dist}
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
[ "$(dpkg-parsechangelog -SVersion)" = "$version" ] || {
    echo "make-deb: debian/changelog is of another version than meson.build, $version" >&2
    exit 1
}
mkdir -p "$out"
out=$(realpath "$out")
source=$out/source
rm -rf "$source"
mkdir "$source"
if [ -e .release-epoch ]; then
    tar --exclude=./build\* --exclude=node_modules -cf - . | tar -xf - -C "$source"
else
    tar -xf "$(tools/make-tarball.sh "$out")" --strip-components=1 -C "$source"
fi
OPBOXD_BUILD=${OPBOXD_BUILD:-}
if [ -n "$OPBOXD_BUILD" ]; then
    OPBOXD_BUILD=$(realpath "$OPBOXD_BUILD")
    export OPBOXD_BUILD
else
    (cd "$source" && dpkg-checkbuilddeps)
fi
cd "$source"
SOURCE_DATE_EPOCH=$(cat .release-epoch)
export SOURCE_DATE_EPOCH
debian/rules binary >"$out/deb.log" 2>&1 || { tail -40 "$out/deb.log" >&2; exit 1; }
rm -rf "$source"
find "$out" -name "opboxd_${version}_*.deb"
