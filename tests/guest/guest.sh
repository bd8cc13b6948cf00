#!/bin/bash
# SPDX-License-Identifier: ISC
#
# guest.sh SOURCE IMAGE - boots IMAGE as a PVH dom0 and judges what it does, by
# lines that stand in SOURCE's comments:
#
#   guest: exit 0            the status it must end with (the default)
#   guest: die REGEX         it must panic with a line that matches
#   guest: says REGEX        a line that must be there (any number of these)
#   guest: image says REGEX  the same, of an image only (unix.sh runs tests, too)
#   guest: never REGEX       a line that must not be there (any number, too)
#   guest: args WORDS        its command line
#   guest: memory MIB        its memory (default 64)
#   guest: input TEXT        typed on its console once it has said "input?"
#   guest: options OPTIONS   more options for pvh-dom0.sh
#   guest: again             what follows is for one more boot of the image
set -u
source=$1 image=$2
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../lab

# setting KEY: of this boot
setting() {
  awk -v boot="$boot" '/guest: again/ { n++; next } n + 0 == boot' "$source" |
    sed -n "s/ *\*\/$//; s/^[ *#/]*guest: $1 *//p"
}

out=$(mktemp)
typist=
trap 'rm -f "$out"; [ -z "$typist" ] || kill "$typist" 2>/dev/null' EXIT

# The end of the input would be an error to QEMU.
type_input() {
  until grep -q '^input?' "$out"; do sleep 0.2; done
  printf '%b' "$1"
  exec sleep 180
}

start() {
  set -f # the words of args are split, never expanded
  # shellcheck disable=SC2086
  "$lab/pvh-dom0.sh" -q -t 300 -m "${memory:-64}" $options "$image" $args
}

fail() {
  echo "not ok $((boot + 1)) $(basename "$image") # $*"
  exit 1
}

judge() {
  local got

  # "exit status N" stands on the console; without it the end says 0 or 134.
  got=$(sed -n 's/.*fata: exit status \([0-9]*\).*/\1/p' "$out" | tail -n 1)
  if [ -n "$die" ]; then
    [ $rc = 134 ] || fail "it ended with $rc, expected a crash"
    grep -qE "fata: panic: .*$die" "$out" || fail "no panic like: $die"
  else
    [ "${got:-$rc}" = "${status:-0}" ] ||
      fail "exit status ${got:-$rc}, expected ${status:-0}"
  fi
  { setting says; setting 'image says'; } | while read -r regex; do
    grep -qE -- "$regex" "$out" || {
      echo "missing: $regex"
      exit 1
    }
  done || fail "an expected line is missing"
  setting never | while read -r regex; do
    ! grep -E -- "$regex" "$out" || exit 1
  done || fail "a line is there that must not be"
  echo "ok $((boot + 1)) $(basename "$image")${args:+ $args}"
}

boots=$(grep -c 'guest: again' "$source")
for boot in $(seq 0 "$boots"); do
  memory=$(setting memory) status=$(setting exit) die=$(setting die)
  args=$(setting args) input=$(setting input) options=$(setting options)
  : >"$out"
  if [ -n "$input" ]; then
    exec 4< <(type_input "$input")
    typist=$!
    start >"$out" 2>&1 <&4
    rc=$?
    exec 4<&-
    kill "$typist" 2>/dev/null
  else
    start >"$out" 2>&1 </dev/null
    rc=$?
  fi
  sed -i 's/\r*$//' "$out"
  cat "$out"
  judge
done
