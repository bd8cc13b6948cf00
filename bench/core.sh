#!/bin/sh
# SPDX-License-Identifier: ISC
#
# core.sh - what the benchmarks of src/core on the host share.
#
# Interface: to be sourced from the root of the sources.
#	build_core BUILD NAME	compiles src/core with the kernel's flags, as far
#				as a host program can, and src/unix; then sets
#				$core (objects), $cc, $flags and $out
#	show FILE		prints a benchmark's JSON as a table

build_core()
{
	cc=${CC:-gcc}
	out=$1/bench/$2
	flags="-std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE
		-Iinclude -Isrc"
	kernel="-ffreestanding -fno-pic -mgeneral-regs-only
		-fstack-protector-strong -fcf-protection
		-fno-omit-frame-pointer -fno-strict-aliasing
		-ffunction-sections -fdata-sections"
	core=
	mkdir -p "$out"
	for f in src/core/*.c src/unix/*.c; do
		o=$out/$(echo "$f" | tr / -).o
		case $f in
		src/core/string.c) continue ;; # libc has these names
		src/core/*) more=$kernel ;;
		*) more=-fno-pic ;;
		esac
		# shellcheck disable=SC2086
		$cc $flags $more -c "$f" -o "$o"
		core="$core $o"
	done
}

show()
{
	sed -n 's/.*"name": "\([^"]*\)", "unit": "\([^"]*\)".*"fata": \([0-9.]*\), "peer": \([0-9.]*\), "peer_name": "\([^"]*\)".*/\1|\3|\4|\2|\5/p' "$1" |
		awk -F'|' '{ printf "%-28s %10s %10s %-4s x%-6.2f %s\n", $1, $2, $3, $4, $3 / $2, $5 }'
}
