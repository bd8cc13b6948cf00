#!/bin/sh
# SPDX-License-Identifier: ISC
#
# heap.sh - the heap beside glibc's malloc and mimalloc, over the same traces.
#
# Everything is a host process: Fata's heap is compiled with the flags of the
# kernel, over a reserved arena. The three run one after another for each trace,
# so that a slow moment of the machine meets all of them.
#
# Interface: heap.sh BUILD, from the root of the sources. Prints a table and
# writes BUILD/bench/heap.json, a row for each trace, figure and peer:
#	time		best ns per step (a malloc, realloc or free) of 6 x 4
#			rounds, the three allocators in turn
#	instructions	per step, only if valgrind is installed
#	memory		peak bytes taken from the system / peak bytes asked for.
#			Fata: pages taken; the others: resident pages. Not for
#			traces that hold less than 1 MiB
# TRACES, a list of names, leaves the others out.

set -eu

build=${1:?usage: heap.sh BUILD}
cc=${CC:-gcc}
out=$build/bench
mi=$build/pkg/mimalloc
mkdir -p "$out/heap"

scripts/pkg.sh "$mi" libmimalloc-dev libmimalloc2.0
lib=$mi/usr/lib/x86_64-linux-gnu

own="bench/heap/replay.c bench/heap/trace.c"
flags="-std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -Isrc"
# As KFLAGS of the Makefile, as far as a host program can.
kernel="-ffreestanding -fno-pic -mgeneral-regs-only -fstack-protector-strong
	-fcf-protection -fno-omit-frame-pointer -fno-strict-aliasing"

rm -f "$out"/heap/*.o
for f in src/core/heap*.c src/core/page*.c; do
	# shellcheck disable=SC2086
	$cc $flags $kernel -c "$f" -o "$out/heap/$(basename "$f").o"
done
# shellcheck disable=SC2086
{
	$cc $flags -no-pie -DUSE_FATA $own bench/heap/host.c "$out"/heap/*.c.o \
		-o "$out/heap/fata"
	$cc $flags -DUSE_GLIBC $own -o "$out/heap/glibc"
	$cc $flags -DUSE_MIMALLOC -I"$mi/usr/include" $own -L"$lib" \
		-l:libmimalloc.so.2 -Wl,-rpath,"$(realpath "$lib")" \
		-o "$out/heap/mimalloc"
}

# What two rounds take more than one is what a round takes.
count()
{
	command -v valgrind > /dev/null || { echo 0 0; return; }
	for n in 1 2; do
		valgrind --tool=cachegrind --cache-sim=no \
			--cachegrind-out-file=/dev/null \
			"$1" "$2" count $n 2>&1 |
			sed -n 's/.*I  *refs: *//p' | tr -d ,
	done | paste -sd ' '
}

# trace, allocator, what, figures
one()
{
	echo "$1 $2 $3 $("$out/heap/$2" "$1" "$3")"
}

rows=$out/heap/rows
for t in ${TRACES:-$("$out/heap/fata" names)}; do
	for a in fata glibc mimalloc; do
		one "$t" $a memory
		echo "$t $a count $(count "$out/heap/$a" "$t")"
	done
	for turn in 1 2 3 4 5 6; do
		for a in fata glibc mimalloc; do
			one "$t" $a time
		done
	done
done > "$rows"

awk -v json="$out/heap.json" '
function row(unit, what, peer, x, y)
{
	printf "%s\n\t{\"name\": \"%s, %s\", \"unit\": \"%s\", " \
		"\"better\": \"less\", \"fata\": %.2f, \"peer\": %.2f, " \
		"\"peer_name\": \"%s\"}", sep, t, what, unit, x, y, peer > json
	sep = ","
}
function rows(unit, what, v)
{
	if (!((t, "fata") in v))
		return
	row(unit, what, "glibc", v[t, "fata"], v[t, "glibc"])
	row(unit, what, "mimalloc", v[t, "fata"], v[t, "mimalloc"])
	printf "%-8s %-12s %8.2f %8.2f %8.2f   %6.2f %6.2f\n", t, what,
		v[t, "fata"], v[t, "glibc"], v[t, "mimalloc"],
		v[t, "glibc"] / v[t, "fata"], v[t, "mimalloc"] / v[t, "fata"]
}
{
	if (!($1 in seen)) {
		seen[$1] = 1
		name[n++] = $1
	}
	if ($3 == "time" && (!(($1, $2) in ns) || $4 < ns[$1, $2]))
		ns[$1, $2] = $4
	if ($3 == "memory") {
		steps = $6
		if ($5 > 1048576)
			memory[$1, $2] = $4 / $5
	}
	if ($3 == "count" && $5)
		instr[$1, $2] = ($5 - $4) / steps
}
END {
	printf "%-8s %-12s %8s %8s %8s   %s\n", "trace", "", "fata", "glibc",
		"mimalloc", "glibc, mimalloc / fata"
	printf "{\"bench\": \"heap\", \"rows\": [" > json
	for (i = 0; i < n; i++) {
		t = name[i]
		rows("ns", "time", ns)
		rows("instructions", "instructions", instr)
		rows("ratio", "memory", memory)
	}
	print "\n]}" > json
}' "$rows"
