#!/bin/sh
# The pages of docs/ that come from the program:
#
#   make-docs.sh PROGRAM            writes them
#   make-docs.sh --check PROGRAM    names those that are stale; exit 1 when there is one
set -eu

check=
[ "${1:-}" != --check ] || { check=1; shift; }
program=${1:-}
[ -x "$program" ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$(realpath "$program")
cd "$(dirname "$0")/../docs"

stale=0
page=$(mktemp)
trap 'rm -f "$page"' EXIT
for name in configuration.md errors.md access-matrix.md openapi.json; do
    case $name in
    # One member a line, so that a change reads as one.
    openapi.json) "$program" openapi | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin), indent=1, ensure_ascii=False))' ;;
    *) "$program" "${name%.md}" ;;
    esac >"$page"
    [ -s "$page" ] || { echo "make-docs: $program said nothing for $name" >&2; exit 1; }
    cmp -s "$page" "$name" && continue
    if [ -n "$check" ]; then
        echo "docs/$name"
        stale=1
    else
        # Not moved: a temporary file has other rights.
        cat "$page" >"$name"
        echo "docs/$name written"
    fi
done
exit $stale
