#!/bin/sh
# SPDX-License-Identifier: ISC
#
# host.sh: the few programs that must be on the machine itself. Whatever else
# the build needs is unpacked into the build folder (scripts/pkg.sh). With the
# word `tests`: also what some tests use and otherwise skip.
set -eu
want=
need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null || want="$want $2"
}
need make make
need gcc gcc
need ld binutils
need cpio cpio
need file file
need perl perl
need patch patch
if [ "${1:-}" = tests ]; then
  need curl curl
  need ip iproute2
  need ping iputils-ping
  need tshark tshark
  need tcpdump tcpdump
  need gdb gdb
  need valgrind valgrind
  ls /usr/lib/*/libslirp.so.0 >/dev/null 2>&1 || want="$want libslirp0"
fi
[ -n "$want" ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "host.sh: missing:$want (apt-get install$want)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one package a word
apt-get install -y -qq --no-install-recommends $want
