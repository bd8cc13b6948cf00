# shellcheck shell=bash
# SPDX-License-Identifier: ISC
#
# lib.sh - what tests of programs as Linux processes share: TAP lines, a folder
# of their own, the sanitizers' status.
#
# Interface: a test sources this file; $tmp is its folder, $B the build folder,
# `check NAME COMMAND...` reports one check, `finish` ends it.
set -u
B=$FATA_BUILD
fata=$B/fata
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; cleanup' EXIT
cleanup() { :; }
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:exitcode=99 UBSAN_OPTIONS=exitcode=99
checks=0 bad=0
SAN=(-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined)

check() { # NAME COMMAND...
  local name=$1
  shift
  checks=$((checks + 1))
  if "$@"; then
    echo "ok $checks $name"
  else
    echo "not ok $checks $name"
    bad=1
  fi
}

# What is not there to test with: one line, skipped.
skip() {
  checks=$((checks + 1))
  echo "ok $checks $1 # skip $2"
}

matches() { grep -qE -- "$2" <<<"$1"; }
same() { [ "$1" = "$2" ] || { echo "# '$1', expected '$2'"; false; }; }

build() { # SOURCE NAME
  "$fata" cc -t unix "${SAN[@]}" -I"$here/.." "$1" -o "$tmp/$2" ||
    { echo "cannot build $1"; exit 1; }
}

# A port of this host that nobody has, below those that connections get.
free_port() {
  local port

  while port=$((10000 + RANDOM % 20000)) &&
    awk '{ print $2 }' /proc/net/tcp /proc/net/udp /proc/net/tcp6 \
      /proc/net/udp6 2>/dev/null | grep -q "$(printf ':%04X$' $port)"; do
    :
  done
  echo "$port"
}

# Try a command until it succeeds, for a minute.
until_ok() {
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.2
  done
  return 1
}

finish() { exit $bad; }
