#!/bin/sh
# SPDX-License-Identifier: ISC
#
# host.sh: the few programs that must be on the machine itself. Whatever else
# the build needs is unpacked into the build folder (scripts/pkg.sh).
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
[ -n "$want" ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "host.sh: missing:$want (apt-get install$want)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one package a word
apt-get install -y -qq --no-install-recommends $want
