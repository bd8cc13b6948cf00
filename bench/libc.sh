#!/bin/bash
# SPDX-License-Identifier: ISC
#
# libc.sh - ordinary C programs as guests of their own and on a Linux guest with
# the same memory, in the same lab: system calls, files in RAM, threads, the
# heap, mappings, Lua, SQLite's speedtest1. The same objects are linked with the
# same libc both times.
#
# Interface: libc.sh BUILD, from the root of the sources; see bench/lab.sh. PART
# in the environment is main or speedtest1: only that.
build=${1:?usage: libc.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
B=$build
# shellcheck source=tests/lab/programs/fetch.sh
. tests/lab/programs/fetch.sh
lua=$programs/lua5.4/src

objects() # FOLDER FLAGS... FILE...: compiled into FOLDER, for both
{
  local at=$1

  mkdir -p "$at"
  shift
  (cd "$at" && "$fata" cc -c -O2 "$@")
}

# By name: an image, a program for Linux, their guests.
both() # NAME WORDS
{
  "$fata" cc "$tmp/$1"/*.o -o "$tmp/$1.xen"
  musl_program "$tmp/$1/linux" "$tmp/$1"/*.o
  guest_config "$1" "$tmp/$1.xen" "extra = \"$2\""
  printf '#!/bin/sh\nexec ./linux %s\n' "${2#-- }" >"$tmp/script"
  lab/linux-guest.sh -n -f "$tmp/$1/linux" -s "$tmp/script" "linux-$1"
}

# Its life as either guest, to NAME.out and linux-NAME.out.
live() # NAME PATTERN
{
  local name

  for name in "$1" "linux-$1"; do
    { cat "$tmp/life" && echo "life $name 900"; } >"$tmp/$name.sh"
    timeout 1800 "$fata" lab exec "$(cat "$tmp/$name.sh")" </dev/null \
      >"$tmp/$name.out"
    grep -q "$2" "$tmp/$name.out" || {
      tail -5 "$tmp/$name.out" >&2
      exit 1
    }
  done
}

# speedtest1's own lines, as rows.
speed_rows() # WHO FILE
{
  sed -nE "s/^ *([0-9]+) - (.*[^.])\.+ +([0-9.]+)s\$/$1|SQLite \1: \2|s|less|\3/p
    s/^ *TOTAL\.+ +([0-9.]+)s\$/$1|SQLite speedtest1, all|s|less|\1/p" "$2"
}

bench_lab
: >"$tmp/rows"
if [ "${PART:-main}" = main ]; then
  source_of lua5.4
  lua_header
  files=("$PWD"/bench/libc/*.c "$PWD/bench/heap/trace.c")
  for f in "$lua"/*.c; do
    case $f in */lua.c | */luac.c) ;; *) files+=("$f") ;; esac
  done
  # a fixed seed: the order of tables, and so the work, is the same for both
  objects "$tmp/libc" -std=gnu11 -DLUA_USE_POSIX "-Dluai_makeseed(L)=1u" \
    -I"$lua" "${files[@]}"
  both libc ""
  live libc '^bench '
  sed -n 's/^bench /fata|/p' "$tmp/libc.out" >>"$tmp/rows"
  sed -n 's/^bench /linux|/p' "$tmp/linux-libc.out" >>"$tmp/rows"
fi
if [ "${PART:-speedtest1}" = speedtest1 ]; then
  install_sdk && build_sqlite
  objects "$tmp/speed" -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -I"$programs/sqlite3" \
    "$programs/sqlite3/sqlite3.c" "$programs/sqlite3/test/speedtest1.c"
  both speed "-- --size 25 /tmp/speed.db"
  live speed 'TOTAL'
  speed_rows fata "$tmp/speed.out" >>"$tmp/rows"
  speed_rows linux "$tmp/linux-speed.out" >>"$tmp/rows"
fi
bench_table libc <"$tmp/rows"
