#!/bin/sh
# A private PostgreSQL for the tests: in a folder of its own, on a unix socket only. It does not wait for the disk (fsync):
# no test takes the machine's power; whatever ends a process, even PostgreSQL's own, finds all that was committed.
#
#   test-postgres.sh start DIR    makes DIR and a cluster in it, starts it, prints its URL
#   test-postgres.sh stop DIR     stops it and removes DIR
#
# PostgreSQL refuses to run as root: then it runs as user postgres.
set -eu

command=${1:-} dir=${2:-}
[ -n "$dir" ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] || { echo "test-postgres: PostgreSQL is not installed" >&2; exit 1; }

as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid postgres --regid postgres --clear-groups -- "$@"
    else
        "$@"
    fi
}

case $command in
start)
    mkdir -p "$dir"
    [ "$(id -u)" != 0 ] || chown postgres "$dir"
    as_postgres "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2; exit 1; }
    as_postgres "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$dir' -c max_connections=200 -c shared_buffers=64MB -c fsync=off -c full_page_writes=off" \
        start >/dev/null || { cat "$dir/log" >&2; exit 1; }
    echo "postgres://postgres@/postgres?host=$dir"
    ;;
stop)
    as_postgres "$bin/pg_ctl" -D "$dir/data" -w -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
