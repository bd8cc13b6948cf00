#!/bin/bash
# SPDX-License-Identifier: ISC
#
# dom0-add.sh - adds programs from Debian's packages to the dom0 of the running
# lab, or packs them for a Linux guest: each FILE, and the libraries it needs.
#
# Interface: dom0-add.sh [-o TAR] PACKAGE... -- FILE...
#   FILE is a path in one of the packages: /usr/bin/fio. Nothing happens if
#   dom0 has all of them. With -o TAR, the archive is written instead of put
#   into dom0; `tar -xf TAR -C /` in a guest does the rest. It then holds all
#   libraries, the loader too.
#   Environment: FATA_LAB_DIR, FATA_LAB_RUN, FATA (the tool; build/fata).
#   Exit: 0, or 1 after one line on stderr.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lab=${FATA_LAB_DIR:-$here/../build/lab}
fata=${FATA:-$here/../build/fata}
libs=lib/x86_64-linux-gnu
out='' packages=()

die()
{
  echo "lab: $*" >&2
  exit 1
}

usage="usage: dom0-add.sh [-o TAR] PACKAGE... -- FILE..."
if [ "${1:-}" = -o ]; then
  [ $# -ge 2 ] || die "$usage"
  out=$2
  shift 2
fi
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  packages+=("$1")
  shift
done
[ ${#packages[@]} -gt 0 ] && [ $# -gt 1 ] || die "$usage"
shift

if [ -z "$out" ]; then
  "$fata" lab status >/dev/null || die "no lab runs; start one: fata lab up"
  ! "$fata" lab exec "ls $*" </dev/null >/dev/null 2>&1 || exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
root=$tmp/root
mkdir -p "$root/$libs" "$root/lib64"
pkg=$lab/pkg-add/$(printf '%s\n' "${packages[@]}" | LC_ALL=C sort |
  tr '\n' '+')
"$here/../scripts/pkg.sh" "$pkg" "${packages[@]}"
pkg=$(cd "$pkg" && pwd)
search=$pkg/usr/lib/x86_64-linux-gnu:$pkg/lib/x86_64-linux-gnu

if [ -z "$out" ]; then
  "$fata" lab exec "ls /$libs" </dev/null >"$tmp/has"
else
  : >"$tmp/has"
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
fi
for file; do
  [ -e "$pkg$file" ] || die "$file is in none of ${packages[*]}"
  mkdir -p "$root${file%/*}"
  cp -L "$pkg$file" "$root$file"
  needed=$(LD_LIBRARY_PATH=$search ldd "$pkg$file" 2>/dev/null) ||
    continue # a script, or static
  case $needed in
  *'not found'*) die "$file: a library is missing: ${needed%% => not found*}" ;;
  esac
  sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' <<<"$needed" | while read -r lib; do
    grep -qx "${lib##*/}" "$tmp/has" || cp -L "$lib" "$root/$libs/"
  done
done

tar -cf "$tmp/tar" -C "$root" . || die "cannot write $tmp: is the disk full?"
if [ -n "$out" ]; then
  cp "$tmp/tar" "$out"
  exit 0
fi
"$fata" lab put "$tmp/tar" "/tmp/add.$$.tar"
"$fata" lab exec "tar -xf /tmp/add.$$.tar -C /; s=\$?
  rm -f /tmp/add.$$.tar; exit \$s" </dev/null ||
  die "$* do not fit into dom0's memory"
