#!/bin/bash
# SPDX-License-Identifier: ISC
#
# unix.sh SOURCE PROGRAM - runs a guest test as a Linux process and judges it by
# the same `guest:` lines as guest.sh. What must die there must die here: of a
# panic, a signal or a sanitizer, whose words are their own. Each start has an
# empty folder of its own; `guest: terminal yes` asks for a terminal as stdin,
# `unix: args WORDS` are words for the process only.
set -u
source=$(realpath "$1") program=$(realpath "$2")
out=$(mktemp)
folder=$(mktemp -d)
typist=
trap 'rm -rf "$out" "$folder"; [ -z "$typist" ] || kill "$typist" 2>/dev/null' EXIT
# a sanitizer's report is a status of its own
export ASAN_OPTIONS=$ASAN_OPTIONS:exitcode=99:allocator_may_return_null=1
export UBSAN_OPTIONS=exitcode=99

# setting KEY: of this start
setting() {
  awk -v boot="$boot" '/guest: again/ { n++; next } n + 0 == boot' "$source" |
    sed -n "s/ *\*\/$//; s/^[ *#/]*guest: $1 *//p"
}

fail() {
  cat "$out"
  echo "not ok $((boot + 1)) $(basename "$program") # $*"
  exit 1
}

# Who types stays until the program has ended.
type_input() {
  until grep -q '^input?' "$out"; do sleep 0.1; done
  printf '%b' "$1"
  exec sleep 180
}

# A program with its words; a terminal of its own if it asks for one.
start() {
  if [ -n "$(setting terminal)" ]; then
    timeout -k 5 120 script -qefc "$(printf '%q ' "$@")" /dev/null
  else
    timeout -k 5 120 "$@"
  fi
}

boots=$(grep -c 'guest: again' "$source")
for boot in $(seq 0 "$boots"); do
  args=$(setting args) input=$(setting input) status=$(setting exit)
  own=$(sed -n 's/^ \* unix: args *//p' "$source")
  args=$args${own:+ $own}
  die=$(setting die)
  # the shell refuses what the guest's command line must refuse by itself
  if ! eval "set -- $args" 2>/dev/null; then
    echo "ok $((boot + 1)) $(basename "$program") $args # skip no such words"
    continue
  fi
  : >"$out"
  rm -rf "$folder" && mkdir "$folder" && cd "$folder" || exit 99
  if [ -n "$input" ]; then
    exec 4< <(type_input "$input")
    typist=$!
    start "$program" "$@" >"$out" 2>&1 <&4
    rc=$?
    exec 4<&-
    kill "$typist" 2>/dev/null
  else
    start "$program" "$@" >"$out" 2>&1 </dev/null
    rc=$?
  fi
  if [ -n "$die" ]; then
    case $rc in 0 | 1 | 124 | 137) fail "it ended with $rc, expected its death" ;; esac
    grep -q 'should be dead' "$out" && fail "it lives"
  else
    [ $rc = "${status:-0}" ] || fail "exit status $rc, not ${status:-0}"
    setting says | while read -r regex; do
      grep -qE -- "$regex" "$out" || { echo "missing: $regex"; exit 1; }
    done || fail "an expected line is missing"
    setting never | while read -r regex; do
      ! grep -qE -- "$regex" "$out" || exit 1
    done || fail "a line is there that must not be"
  fi
  echo "ok $((boot + 1)) $(basename "$program")${args:+ $args}"
done
