#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_core.sh - dumps of xl made into cores for gdb: a small one by hand, whose
# every byte is known, and broken ones.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

# Writes dump: pages 1 to 4 are tables that map 0x10000 (page 0x10, writable)
# and 0x11000 (page 0x12, executable); loop: the root table maps itself.
cat >make.c <<'END'
#include <elf.h>
#include <stdio.h>
#include <string.h>
enum { N = 6 };
static unsigned char page[N][4096], context[5168];
static unsigned long pfn[N] = {1, 2, 3, 4, 0x10, 0x12};
static const char names[] = "\0.names\0.xen_prstatus\0.xen_pages\0.xen_pfn";
static void set(int p, int i, unsigned long v) { memcpy(page[p] + 8 * i, &v, 8); }
int main(int argc, char **argv)
{
	Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
		.e_type = ET_CORE, .e_shoff = sizeof(h), .e_shnum = 5,
		.e_shentsize = sizeof(Elf64_Shdr), .e_shstrndx = 1};
	unsigned long at = sizeof(h) + 5 * sizeof(Elf64_Shdr), rip = 0x11010;
	unsigned long cr3 = 0x1000, fs = 0x1234;
	Elf64_Shdr s[5] = {{0},
		{1, SHT_STRTAB, 0, 0, at, sizeof(names)},
		{8, 1, 0, 0, at += sizeof(names), sizeof(context)},
		{22, 1, 0, 0, at += sizeof(context), sizeof(page)},
		{33, 1, 0, 0, at += sizeof(page), sizeof(pfn)}};
	set(0, 0, 0x2003), set(1, 0, 0x3003), set(2, 0, 0x4003);
	set(3, 0x10, 0x10003 | 1ul << 63), set(3, 0x11, 0x12001);
	set(3, 0x12, 0x77001); /* a page that is not in the dump */
	if (argc > 1)
		for (int i = 0; i < 512; i++)
			set(0, i, 0x1003);
	memcpy(page[4], "data", 4), memcpy(page[5], "text", 4);
	memcpy(context + 520 + 16 * 8, &rip, 8);
	memcpy(context + 4984 + 24, &cr3, 8);
	memcpy(context + 5144, &fs, 8);
	fwrite(&h, sizeof(h), 1, stdout), fwrite(s, sizeof(s), 1, stdout);
	fwrite(names, sizeof(names), 1, stdout);
	fwrite(context, sizeof(context), 1, stdout);
	fwrite(page, sizeof(page), 1, stdout);
	fwrite(pfn, sizeof(pfn), 1, stdout);
	return argv == 0;
}
END
gcc -o make make.c && ./make >dump && ./make all >loop || exit 99

check "a core" "$fata" core dump out.core
out=$(readelf -lW out.core)
check "the writable page" matches "$out" \
	'LOAD +0x[0-9a-f]*000 0x0*10000 0x0*10000 0x001000 0x001000 RW '
check "the executable page" matches "$out" \
	'LOAD +0x[0-9a-f]*000 0x0*11000 0x0*12000 0x001000 0x001000 R E'
check "no more" same "$(grep -c LOAD <<<"$out")" 2
check "registers" matches "$(readelf -n out.core 2>/dev/null)" 'NT_PRSTATUS'
offset=$(awk '/LOAD/ && /R E/ { print $2 }' <<<"$out")
check "contents" same "$(tail -c +$((offset + 1)) out.core | head -c 4)" text
if command -v gdb >/dev/null; then
	check "gdb reads it" matches "$(gdb -batch -ex 'info registers rip' \
		-ex 'x/s 0x10000' -c out.core 2>&1)" '0x10000:.*"data"'
	check "gdb knows where it was" matches "$(gdb -batch \
		-ex 'info registers rip' -c out.core 2>&1)" 'rip +0x11010 '
fi

check "tables in a loop end" timeout 20 "$fata" core loop loop.core
refused 1 'none: No such file' "$fata" core none x.core
refused 1 'not a file with a dump' "$fata" core /dev/null x.core
refused 1 'not an ELF file \(expected what xl dump-core writes' \
	"$fata" core make.c x.core
refused 1 'not a 64-bit core' "$fata" core make x.core
refused 1 'cannot write none/x.core: No such file' \
	"$fata" core dump none/x.core
refused 2 'a dump and a core are needed' "$fata" core dump
cut_ok()
{
	for n in 10 100 300 5000 20000 29000; do
		head -c "$n" dump >cut.dump
		says 1 'cut.dump: ' "$fata" core cut.dump x.core || return 1
	done
}
check "cut dumps" cut_ok
check "no core is left" sh -c '! ls x.core* 2>/dev/null'
finish
