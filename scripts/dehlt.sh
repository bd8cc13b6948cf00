#!/bin/sh
# SPDX-License-Identifier: ISC
# dehlt.sh IN.a OUT.a: a copy of musl's archive in which every hlt is an int3,
# and what looks up names uses our socket().
#
# musl crashes (a failed heap check, abort, a smashed stack) by executing hlt,
# which traps in ring 3. In ring 0 it waits for the next interrupt and then goes
# on. int3 has the same length and always traps.
set -eu
in=$(realpath "$1") out=$2
work=$(mktemp -d "${out}.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Two members may have one name: each gets a number in front.
(
  cd "$work"
  ar t "$in" | awk '{ print ++n[$1], $1 }' >order
  ar x "$in"
  awk '$1 > 1 { print $2 }' order | sort -u | while read -r name; do
    awk -v name="$name" '$2 == name { print $1 }' order | while read -r n; do
      ar xN "$n" "$in" "$name"
      mv "$name" "$n.$name"
    done
  done
)
count=0
for o in "$work"/*.*o; do # musl names its members .lo
  # file offset of each hlt = section's file offset + address in the section
  sites=$(objdump -hd --no-show-raw-insn "$o" | awk '
    $1 ~ /^[0-9]+$/ && $2 ~ /^\./ { offset[$2] = $6 }
    /^Disassembly of section/ { s = $4; sub(/:$/, "", s) }
    $2 == "hlt" { a = $1; sub(/:$/, "", a); print offset[s], a }')
  [ -n "$sites" ] || continue
  echo "$sites" | while read -r base at; do
    pos=$((0x$base + 0x$at))
    byte=$(od -An -tx1 -j $pos -N1 "$o" | tr -d ' ')
    [ "$byte" = f4 ] || { echo "dehlt: $o: no hlt at $pos" >&2; exit 1; }
    printf '\314' | dd of="$o" bs=1 seek=$pos conv=notrunc status=none
  done
  count=$((count + 1))
done
[ $count -gt 0 ] || { echo "dehlt: no hlt found in $in" >&2; exit 1; }
# Who resolves names or asks of interfaces gets our socket(), and with it the
# TCP/IP stack, though the program itself may never call socket(); a syslog()
# does not need one.
for name in getaddrinfo lookup_name res_msend netlink if_nametoindex \
    if_indextoname; do
  objcopy --redefine-sym 'socket=fata$socket' "$work/$name.lo"
done
# keep the archive's own order of members
(
  cd "$work"
  while read -r n name; do
    [ -e "$n.$name" ] && echo "$n.$name" || echo "$name"
  done <order | xargs ar rcsD libc.a
)
mv "$work/libc.a" "$out"
