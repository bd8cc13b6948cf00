# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# lib.sh - what the tests of the tool share. A test is a bash script that
# starts with
#
#	. "$(dirname "$0")/lib.sh"
#
# calls the checks below, and ends with `finish`. Output is TAP. It works in
# $tmp, a folder of its own, which is removed at its end.
#
# Interface: environment: FATA_BUILD, the build folder (default: build).

set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${FATA_BUILD:-build}" && pwd)
fata=$build/fata
# shellcheck disable=SC2034 # for the tests
source=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
# shellcheck disable=SC2064 # now
trap "rm -rf '$tmp'" EXIT
cd "$tmp" || exit 99
[ -x "$fata" ] || { echo "no $fata (run make)"; exit 99; }
unset FATA_CC
checks=0 failures=0

# check WHAT COMMAND...: the command succeeds
check()
{
	local what=$1
	shift
	checks=$((checks + 1))
	if "$@"; then
		echo "ok $checks - $what"
	else
		failures=$((failures + 1))
		echo "not ok $checks - $what"
	fi
}

same()
{
	[ "$1" = "$2" ] || { echo "# got '$1', wanted '$2'"; false; }
}

# matches TEXT REGEX
matches()
{
	grep -qE -- "$2" <<<"$1" ||
		{ echo "# nothing matches '$2' in: $1"; false; }
}

# says STATUS REGEX COMMAND...: ends so, with one line on stderr that matches,
# nothing on stdout
says()
{
	local status=$1 regex=$2 got out err
	shift 2
	out=$("$@" 2>err </dev/null)
	got=$?
	err=$(cat err)
	[ $got = "$status" ] && [ -z "$out" ] &&
		[ "$(wc -l <err)" = 1 ] && grep -qE -- "$regex" err && return
	echo "# status $got, wanted $status; stderr, wanted '$regex':"
	# shellcheck disable=SC2001
	sed 's/^/#   /' <<<"$err"
	[ -z "$out" ] || echo "# and stdout: $out"
	return 1
}

# refused STATUS REGEX COMMAND...: a check of `says`
refused()
{
	check "refused: ${*:3}" says "$@"
}

finish()
{
	echo "1..$checks"
	[ $failures = 0 ]
	exit
}

# image FILE [C TEXT]: a small ELF file that Xen could boot, made without the
# library, so that these tests need nothing but the tool
image()
{
	cat >image.ld <<-'END'
		ENTRY(entry)
		PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6);
			note PT_NOTE FLAGS(4); }
		SECTIONS {
			. = 0x10000;
			.text : { *(.text) } :text
			.note : { KEEP(*(.note.Xen)) KEEP(*(.note.fata)) } :text :note
			. = ALIGN(4096);
			.data : { *(.data .rodata* .bss fata_params) } :data
			/DISCARD/ : { *(.note.gnu*) *(.comment) *(.eh_frame) }
		}
	END
	cat >image.c <<-'END'
		#include <fata/manifest.h>
		#include <fata/param.h>
		__asm__(".globl entry\nentry: hlt\n"
			".section .note.Xen,\"a\",@note\n.long 4,4,18\n"
			".asciz \"Xen\"\n.long entry\n.text\n");
	END
	echo "${2:-}" >>image.c
	gcc -c -g0 -O0 -fno-pic -I"$source/include" image.c -o image.o &&
		ld -T image.ld image.o -o "$1"
}
