#!/bin/sh
# libFuzzer with ASan and UBSan on every target of tests/fuzz, one after the other:
#
#   fuzz.sh [SECONDS [TARGET]]
#
# New inputs are kept in build-fuzz/corpus; those of tests/fuzz/corpus are where it begins. Exit 1 at the first finding.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60} only=${2:-}
case $seconds in '' | *[!0-9]*) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac

# Every folder sees the same flags, so that the code under test reports its coverage; only the targets link libFuzzer.
[ -d build-fuzz ] || CC=clang meson setup build-fuzz -Dfuzz=true -Dtests=true -Db_lundef=false \
    -Dc_args=-fsanitize=fuzzer-no-link,address,undefined -Dc_link_args=-fsanitize=address,undefined >/dev/null
targets=$(sed -n "s|.*tests/fuzz/fuzz_\([a-z_]*\).*|\1|p" build-fuzz/build.ninja | sort -u)
done=0
for name in $targets; do
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    [ -e "tests/fuzz/fuzz_$name.c" ] || continue
    ninja -C build-fuzz --quiet "tests/fuzz/fuzz_$name"
    mkdir -p "build-fuzz/corpus/$name"
    echo "fuzz: $name, $seconds s"
    "build-fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build-fuzz/$name-" "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name" 2>"build-fuzz/$name.log" ||
        { tail -n 60 "build-fuzz/$name.log" >&2; echo "fuzz: $name has a finding" >&2; exit 1; }
    grep -E '^stat::number_of_executed_units' "build-fuzz/$name.log" || true
    done=$((done + 1))
done
[ "$done" -gt 0 ] || { echo "fuzz: there is no target${only:+ $only}" >&2; exit 2; }
echo "fuzz: $done targets, no finding"
