#!/bin/sh
# SPDX-License-Identifier: ISC
#
# task.sh - tasks, mutexes and channels beside State Threads and Linux threads.
#
# Interface: task.sh BUILD, from the root of the sources. Prints a table (name,
# Fata, peer, unit, how many times the peer takes) and writes
# BUILD/bench/task.json. Everything is one host process on one CPU.

set -eu

. bench/core.sh
build_core "${1:?usage: task.sh BUILD}" task
peer=$1/pkg/libst
scripts/pkg.sh "$peer" libst-dev libst1

# shellcheck disable=SC2086
$cc $flags -no-pie -I"$peer/usr/include" bench/task/*.c $core \
	"$peer/usr/lib/libst.a" -pthread -Wl,--gc-sections -o "$out/task"
"$out/task" > "$1/bench/task.json.new"
mv "$1/bench/task.json.new" "$1/bench/task.json"
show "$1/bench/task.json"
