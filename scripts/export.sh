#!/bin/sh
# SPDX-License-Identifier: ISC
# export.sh OUT.a EXPORTS OBJECT...: the library, with private names.
#
# A program may call its own function page_alloc, or mutex_lock. So every global
# name of ours becomes fata$name, which no C program can spell; references among
# ourselves follow. A name that the contract (include/fata) mentions, or that
# stands in EXPORTS (what libc wants of us), gets a weak alias of its plain
# name beside it: a program sees it, and its own definition wins over it. A
# name that stands in EXPORTS as =NAME is not renamed at all.
set -eu
out=$1 exports=$2
shift 2
work=$(mktemp -d "${TMPDIR:-/tmp}/fata.XXXXXX")
trap 'rm -rf "$work"' EXIT
{
  cat include/fata/*.h include/fata/xen/*.h 2>/dev/null |
    grep -o '[A-Za-z_][A-Za-z0-9_]*' || true
  grep -v '^[#=]' "$exports" || true
} | sort -u > "$work/visible"
nm -g --defined-only --format=posix "$@" 2>/dev/null |
  awk 'NF >= 3 && $2 != "U" { print $1 }' | sort -u > "$work/all"
sed -n 's/^=//p' "$exports" > "$work/keep"
grep -vxF -f "$work/keep" "$work/all" > "$work/defined"
awk '{ print $1, "fata$" $1 }' "$work/defined" > "$work/rename"
dup=$(nm -g --defined-only --format=posix "$@" 2>/dev/null |
  awk 'NF >= 3 && $2 ~ /[TDBR]/ { print $1 }' | sort | uniq -d)
[ -z "$dup" ] || { echo "export: defined twice: $dup" >&2; exit 1; }
mkdir "$work/o"
for o in "$@"; do
  # a flat archive: src/core/log.c and src/net/log.c stay apart by their path
  name=${o#*/kernel/} name=${name#*/unix/}
  name=$(echo "$name" | tr / -)
  add=$(objdump -t "$o" | awk -v visible="$work/visible" '
    BEGIN { while ((getline n < visible) > 0) ok[n] = 1 }
    / g / && $(NF) in ok && $0 !~ /\*UND\*/ {
      type = ($0 ~ / F /) ? "function" : "object"
      for (i = 1; i <= NF; i++) if ($i ~ /^\.|^fata_/) { s = $i; break }
      print "--add-symbol=" $NF "=" s ":0x" $1 ",weak," type
    }')
  # shellcheck disable=SC2086 # one option a word
  objcopy --redefine-syms="$work/rename" $add "$o" "$work/o/$name"
done
rm -f "$out"
mkdir -p "$(dirname "$out")"
ar rcsD "$out" "$work"/o/*.o
