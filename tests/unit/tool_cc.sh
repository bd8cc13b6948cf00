#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_cc.sh - `fata cc` as a compiler: what it passes on, what it links, and
# that nothing half-done is left when it fails.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"
for f in libfata.a libc.a fata.ld; do
	[ -e "$build/lib/$f" ] || { echo "no $build/lib/$f (run make)"; exit 99; }
done
cc() { "$fata" cc "$@"; }

cat >hello.c <<'END'
#include <stdio.h>
__attribute__((noinline)) int helper(int n) { return n + 1; }
int main(int argc, char **argv)
{
	printf("%s %d\n", argv[0], helper(argc));
	return 0;
}
END
echo 'int helper(int n) { return n + 2; }' >helper.c
echo 'int helper(int); int main(void) { return helper(1); }' >main.c

# --- images ------------------------------------------------------------------

check "an image" cc -O2 -g hello.c -o hello.xen
out=$("$fata" inspect hello.xen)
check "Xen can boot it" matches "$out" 'Xen +PVH entry'
check "text is not writable" matches "$out" 'load .* r-x$'
check "nothing is both" sh -c "! '$fata' inspect hello.xen | grep -q rwx"
check "no folder is left" same "$(echo hello.xen.*)" 'hello.xen.*'
check "it is executable" test -x hello.xen
linux_refuses()
{
	./hello.xen 2>/dev/null
	[ $? = 127 ] # no such interpreter
}
check "Linux does not run it by mistake" linux_refuses
check "a second time" cc -O2 -g hello.c -o again.xen
check "it is the same to the byte" cmp hello.xen again.xen
# fewer would be a flag that was lost
check "the platform is built with its stack protector" test \
	"$(nm "$build/lib/libfata.a" 2>/dev/null |
		grep -c 'U fata\$__stack_chk_fail$')" -gt 100
if command -v clang >/dev/null; then
	check "clang" cc --cc=clang -O2 -g hello.c -o clang.xen
	check "clang by FATA_CC" env FATA_CC=clang "$fata" cc hello.c -o clang.xen
fi
ln -s /dev/null device
check "a device is written to" cc hello.c -o device
cc -MD hello.c -o device 2>err # its way of its own; fails or not
check "and not replaced" test -c device
check "default output" sh -c "'$fata' cc hello.c && test -e a.out"
check "objects, then an image" sh -c \
	"'$fata' cc -c main.c helper.c && '$fata' cc main.o helper.o -o two.xen"
check "a program on stdin" sh -c \
	"echo 'int main(void) { return 0; }' | '$fata' cc -x c - -o stdin.xen"
echo '-O2 "-DNAME=\"a b\"" -o file.xen hello.c' >args
check "words from a file" cc @args
check "its image" test -e file.xen
check "side files have the output's name" sh -c \
	"'$fata' cc -MMD hello.c -o side.xen && ls | grep -q '^side.*\.d$'"
echo '-c hello.c' >args
check "-c from a file" sh -c "rm -f hello.o; '$fata' cc @args && test -e hello.o"

# --- the names of functions -----------------------------------------------------

# "address name" of each function in the blob, as src/core/symbols.c reads it
symbols()
{
	objcopy -O binary -j .fata.symbols "$1" blob 2>/dev/null
	od -An -v -tu4 -w4 -N16 blob | tr -d ' ' >blob.head
	{ read -r magic; read -r size; read -r count; read -r strings; } <blob.head
	[ "$magic" = 1297699654 ] && [ "$size" = "$(stat -c %s blob)" ] ||
		return 1
	tail -c +17 blob | head -c $((8 * count)) | od -An -v -tu4 -w8 |
		while read -r address at; do
			printf '%d %s\n' "$address" \
				"$(tail -c +$((strings + at + 1)) blob |
					head -c 64 | tr '\0' '\n' | head -n 1)"
		done
}
symbols hello.xen >list
check "names" grep -q ' helper$' list
check "sorted, one an address" sort -n -u -c -k1,1 list
check "no prefix" sh -c '! grep -q "fata\\$" list'
at=$((0x$(nm hello.xen | awk '$3 == "main" { print $1 }')))
check "addresses" grep -qx "$at main" list
check "printf, not __printf" grep -q ' printf$' list
strip hello.xen -o stripped.xen || exit 99
symbols stripped.xen >stripped.list
check "strip keeps them" cmp list stripped.list

# --- as a plain compiler --------------------------------------------------------

check "-c" sh -c "'$fata' cc -c hello.c -o x.o && file x.o | grep -q relocatable"
check "-E" sh -c "'$fata' cc -E hello.c | grep -q 'int helper'"
check "-S" sh -c "'$fata' cc -S hello.c -o - | grep -q main:"
check "-fsyntax-only" sh -c "'$fata' cc -fsyntax-only hello.c; ! test -e x.out"
check "-M names musl's header" sh -c "'$fata' cc -M hello.c | grep -q musl"
check "-r" sh -c "'$fata' cc -r main.c helper.c -o r.o"
check "--version is the compiler's" sh -c "'$fata' cc --version | grep -qi gcc"
check "-print passes" test -e "$(cc -print-file-name=include)/stdarg.h"
check "macros" sh -c \
	"'$fata' cc -dM -E - </dev/null | grep -q '__FATA_XEN__ 1'"
check "the user's flags win" sh -c \
	"! '$fata' cc -std=c89 -fno-stack-protector -dM -E - </dev/null |
	grep -qE '__STDC_VERSION__|__SSP_STRONG__'"
check "-v shows the command" sh -c \
	"'$fata' cc -v hello.c -o v.xen 2>&1 | grep -q -- '-nostdinc .*fata.ld'"
echo 'int f() { return 1; }' >f.cc
check "C++ compiles" "$fata" c++ -fno-exceptions -c f.cc

# --- refused ----------------------------------------------------------------------

refused 2 'no input files' cc
refused 2 'no input files' cc -O2 -o x
refused 2 '-o: the value is missing' cc hello.c -o
refused 2 '-shared: an image is one static program' cc -shared hello.c
refused 2 '-pie: images are linked at a fixed address' cc -pie hello.c
refused 2 '-m32: images are 64-bit' cc -m32 hello.c
refused 2 '-t hvm: no such target' cc -t hvm hello.c
refused 1 'compiler no-such-cc not found' cc --cc=no-such-cc hello.c
refused 1 'cannot write none/x.xen: No such file' cc hello.c -o none/x.xen
mkdir -p alone/bin
cp "$fata" alone/bin/
refused 1 'include is missing \(run make, or reinstall\)' \
	alone/bin/fata cc hello.c

# --- nothing half-done --------------------------------------------------------------

cp hello.xen keep.xen
unchanged() { cmp -s hello.xen keep.xen && same "$(echo keep.xen.*)" 'keep.xen.*'; }
fails() { ! "$@" >/dev/null 2>err; }
check "a missing function fails" fails cc main.c -o keep.xen
check "the older image is kept" unchanged
echo 'char big[(1ul << 30) + 5]; int main(void) { return big[5]; }' >big.c
refused 1 'keep.xen: the image ends at 0x4[0-9a-f]*, beyond the limit of 1 GiB' \
	cc big.c -o keep.xen
check "the older image is kept" unchanged
cat >entry.c <<'END'
static const struct { int n, d, t; char name[4]; long at; } note
	__attribute__((section(".note.Xen"), used)) = {4, 8, 18, "Xen", 0x40};
int main(void) { return 0; }
END
fails_or_first() { # whichever note comes first, a wrong entry must not pass
	cc entry.c -o entry.xen 2>err || grep -q 'PVH entry 0x40 is not' err
}
check "a wrong entry" fails_or_first
# the disk is full: while linking, and while the image is written
size=$(stat -c %s hello.xen)
for limit in 8 $(((size - 4096) / 1024)); do
	check "no room for more than $limit KiB" fails sh -c \
		"ulimit -f $limit; exec '$fata' cc -O2 -g hello.c -o keep.xen"
	check "one line or the linker's own says so" \
		grep -qiE 'too large|file size|no space' err
	check "the older image is kept" unchanged
done
if unshare -rm true 2>/dev/null; then
	mkdir small
	full()
	{
		unshare -rm sh -c "mount -t tmpfs -o size=200k none small &&
			'$fata' cc -O2 -g hello.c -o small/x.xen 2>err
			[ \$? != 0 ] && [ -z \"\$(ls -A small)\" ]" &&
			grep -qi 'no space' err
	}
	check "a full disk" full
fi
finish
