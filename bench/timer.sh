#!/bin/sh
# SPDX-License-Identifier: ISC
#
# timer.sh - a million timers beside libev's.
#
# Interface: timer.sh BUILD, from the root of the sources. Prints a table (name,
# Fata, peer, unit, how many times the peer takes) and writes
# BUILD/bench/timer.json. Everything is one host process.

set -eu

. bench/core.sh
build_core "${1:?usage: timer.sh BUILD}" timer
peer=$1/pkg/libev
scripts/pkg.sh "$peer" libev-dev libev4

# shellcheck disable=SC2086
$cc $flags -no-pie -fno-strict-aliasing -I"$peer/usr/include" bench/timer/*.c \
	$core "$peer/usr/lib/x86_64-linux-gnu/libev.a" -lm -Wl,--gc-sections \
	-o "$out/timer"
"$out/timer" > "$1/bench/timer.json.new"
mv "$1/bench/timer.json.new" "$1/bench/timer.json"
show "$1/bench/timer.json"
