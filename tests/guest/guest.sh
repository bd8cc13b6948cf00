#!/bin/bash
# SPDX-License-Identifier: ISC
#
# guest.sh SOURCE IMAGE - boots IMAGE as a PVH dom0 and judges what it does, by
# lines that stand in SOURCE's comments:
#
#   guest: exit 0            the status it must end with (the default)
#   guest: die REGEX         it must panic with a line that matches
#   guest: says REGEX        a line that must be there (any number of these)
#   guest: args WORDS        its command line
#   guest: memory MIB        its memory (default 64)
#   guest: input TEXT        typed on its console
#   guest: options OPTIONS   more options for pvh-dom0.sh
set -u
source=$1 image=$2
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../lab

setting() { sed -n "s/ *\*\/$//; s/^[ *#/]*guest: $1 *//p" "$source"; }

memory=$(setting memory) status=$(setting exit) die=$(setting die)
args=$(setting args) input=$(setting input) options=$(setting options)
out=$(mktemp)
trap 'rm -f "$out"' EXIT

boot() {
  set -f # the words of args are split, never expanded
  # shellcheck disable=SC2086
  "$lab/pvh-dom0.sh" -q -t 120 -m "${memory:-64}" $options "$image" $args
}

if [ -n "$input" ]; then
  # Xen must be up and listening; the end of the input would be an error.
  boot >"$out" 2>&1 < <(sleep 4; printf '%b' "$input"; exec sleep 30)
  rc=$?
else
  boot >"$out" 2>&1 </dev/null
  rc=$?
fi
cat "$out"

fail() {
  echo "not ok 1 $(basename "$image") # $*"
  exit 1
}

# "exit status N" stands on the console; without it the end says 0 or 134.
got=$(sed -n 's/.*fata: exit status \([0-9]*\).*/\1/p' "$out" | tail -n 1)
if [ -n "$die" ]; then
  [ $rc = 134 ] || fail "it ended with $rc, expected a crash"
  grep -qE "fata: panic: .*$die" "$out" || fail "no panic like: $die"
else
  [ "${got:-$rc}" = "${status:-0}" ] ||
    fail "exit status ${got:-$rc}, expected ${status:-0}"
fi
setting says | while read -r regex; do
  grep -qE -- "$regex" "$out" || {
    echo "missing: $regex"
    exit 1
  }
done || fail "an expected line is missing"
echo "ok 1 $(basename "$image")"
