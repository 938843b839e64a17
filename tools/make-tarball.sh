#!/bin/sh
# A release: opboxd-VERSION.tar.xz in FOLDER (build-dist). It holds the tracked files and the console, built, so that
# `make build` of it needs neither npm nor a network for it. Made twice of the same commit it is the same, byte by byte.
#
#   make-tarball.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
out=${1:-build-dist}
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
name=opboxd-$version

if ! git rev-parse --verify -q HEAD >/dev/null 2>&1; then
    echo "make-tarball: a release is made from a git checkout" >&2
    exit 1
fi
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "make-tarball: it has changes that are not committed" >&2
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
tools/build-console.sh

mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/$name"
# The tracked files as they are here: of a clean checkout, what git archive gives.
git ls-files -z | tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$stage/$name"
cp -R web/dist "$stage/$name/web/dist"
# What the package's build dates its files with: there is no git in it.
printf '%s\n' "$epoch" >"$stage/$name/.release-epoch"
tar --format=gnu --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    -C "$stage" -cf - "$name" | xz -T1 >"$out/$name.tar.xz.part"
mv "$out/$name.tar.xz.part" "$out/$name.tar.xz"
echo "$out/$name.tar.xz"
