#!/bin/sh
# Installs the Debian 12 packages of one or more groups: build, console, package, check, bench. Says nothing when none is missing.
set -eu

build="gcc make pkg-config meson ninja-build python3 libuv1-dev node-llhttp libcurl4-openssl-dev libssl-dev
    libsodium-dev libqrencode-dev libsqlite3-dev libpq-dev zlib1g-dev ca-certificates"
console="nodejs npm"
package="git xz-utils debhelper dpkg-dev"
check="$build $console $package clang clang-format clang-tidy cppcheck libclang-rt-14-dev libcmocka-dev libjansson-dev
    postgresql-15 nginx-light openssl chromium-headless-shell fonts-noto-core mandoc zsh lintian systemd python3-seccomp"
bench="$build nginx-light wrk postgresql-15 g++ libcmocka-dev libjansson-dev"

wanted=
for group in "$@"; do
    case $group in
    build) wanted="$wanted $build" ;;
    check) wanted="$wanted $check" ;;
    console) wanted="$wanted $console" ;;
    package) wanted="$wanted $package" ;;
    bench) wanted="$wanted $bench" ;;
    *) echo "install-packages: the groups are build, console, package, check and bench" >&2; exit 2 ;;
    esac
done

missing=
for package in $wanted; do
    # A tool that was installed in another way than by its package will do.
    case $package in
    nodejs) command -v node >/dev/null && continue ;;
    npm | git | clang | clang-format | clang-tidy | cppcheck | gcc | g++ | make | python3)
        command -v "$package" >/dev/null && continue ;;
    nginx-light) [ -x /usr/sbin/nginx ] && continue ;;
    esac
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "install-packages: this is not Debian; please install what corresponds to:$missing" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null; then
    root=sudo
else
    echo "install-packages: these packages are missing, and installing them needs root or sudo:$missing" >&2
    exit 1
fi
echo "Installing:$missing"
$root apt-get update -qq
# PostgreSQL is for the tests' own clusters: no cluster is to be made or started at installation.
[ -e /etc/postgresql-common/createcluster.conf ] || {
    $root mkdir -p /etc/postgresql-common
    printf 'create_main_cluster = false\n' | $root tee /etc/postgresql-common/createcluster.conf >/dev/null
}
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
