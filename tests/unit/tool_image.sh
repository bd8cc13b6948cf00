#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_image.sh - files that are no images, or broken ones: one line that says
# what is wrong, never a crash, whatever the bytes are.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

image good.xen 'FATA_NAME("good", "is whole"); FATA_NET("uplink");
	static uint64_t cache; FATA_PARAM_SIZE(cache, "cache", "1M", "bytes");'

refused 1 'missing.xen: no such file' "$fata" inspect missing.xen
refused 1 ': a folder \(expected' "$fata" inspect "$tmp"
refused 1 'not a regular file' "$fata" inspect /dev/null
: >empty
refused 1 'empty: an empty file' "$fata" inspect empty
echo 'int main(void) { return 0; }' >text.c
refused 1 'text.c: not an ELF file \(expected an image made by fata cc\)' \
	"$fata" inspect text.c
refused 1 'image.o: an object file, not linked' "$fata" inspect image.o
refused 1 'no PVH note: Xen cannot boot it' "$fata" inspect /bin/true
truncate -s 2G huge
refused 1 'more than 1 GiB' "$fata" inspect huge
rm huge

# bytes of the ELF header: class, byte order, machine, count of segments
poke()
{
	cp good.xen bad.xen
	# shellcheck disable=SC2059 # octal bytes
	printf "$2" | dd of=bad.xen bs=1 seek="$1" conv=notrunc status=none
}
poke 4 '\001'
refused 1 '32-bit ELF' "$fata" inspect bad.xen
poke 5 '\002'
refused 1 'big-endian' "$fata" inspect bad.xen
poke 18 '\267\000'
refused 1 'another CPU' "$fata" inspect bad.xen
poke 56 '\000\000'
refused 1 'without segments' "$fata" inspect bad.xen
poke 56 '\377\377'
refused 1 'truncated: program headers' "$fata" inspect bad.xen
poke 60 '\377\377'
refused 1 'truncated: section headers' "$fata" inspect bad.xen
# the first segment's address: the entry is not in it any more
poke $((64 + 24)) '\000\000\100\000'
refused 1 'PVH entry is not in the text' "$fata" inspect bad.xen
# ... and its size in the file
poke $((64 + 32)) '\377\377\377\177'
refused 1 'truncated: segment 0' "$fata" inspect bad.xen

# cut anywhere, it is whole or refused, in one line
size=$(stat -c %s good.xen)
cut_ok()
{
	for ((n = 1; n < size; n += 1 + size / 150)); do
		head -c "$n" good.xen >cut.xen
		says 1 'truncated|not an ELF|malformed|corrupt' \
			"$fata" inspect cut.xen || return 1
	done
}
check "cut at many places" cut_ok

# any bytes: status 0 or 1 (a signal would be 128 and more)
noise_ok()
{
	RANDOM=1
	for ((n = 0; n < 300; n++)); do
		cp good.xen bad.xen
		for ((k = 0; k < 4; k++)); do
			# shellcheck disable=SC2059 # hexadecimal
			printf "\\x$(printf %02x $((RANDOM % 256)))" |
				dd of=bad.xen bs=1 seek=$((4 + RANDOM % 700)) \
					conv=notrunc status=none
		done
		timeout 10 "$fata" inspect --json bad.xen >out 2>err
		if [ $? -gt 1 ] || [ "$(wc -l <err)" -gt 1 ]; then
			echo "# round $n: $(cat err)"
			return 1
		fi
	done
}
check "noise in the headers and notes" noise_ok

# what a whole one says
out=$("$fata" inspect good.xen)
check "inspect" matches "$out" '^good.xen: good - is whole$'
check "its devices" matches "$out" '^networks +uplink$'
check "its permissions" matches "$out" 'load +0x10000 .* r-x$'
check "its parameters" matches "$("$fata" inspect --params good.xen)" \
	'--cache=SIZE +bytes \(default 1M\)'
if command -v python3 >/dev/null; then
	check "as JSON" sh -c "'$fata' inspect --json good.xen |
		python3 -m json.tool >/dev/null"
fi
strip good.xen -o stripped.xen || exit 99
check "stripped, the notes stay" matches "$("$fata" inspect stripped.xen)" \
	'^file .*, stripped$'
check "and the name" matches "$("$fata" inspect stripped.xen)" 'good - is whole'
refused 1 'cannot write to stdout: No space left' \
	sh -c "exec '$fata' inspect good.xen >/dev/full"
refused 2 'no image given' "$fata" inspect
refused 2 'did you mean --json' "$fata" inspect --jsn good.xen
refused 2 "no command 'inspct'; did you mean 'inspect'" "$fata" inspct
refused 2 "no command 'zzz' \(fata --help" "$fata" zzz
check "help" matches "$("$fata" help inspect)" '^usage: fata inspect'
check "version" matches "$("$fata" --version)" '^fata [0-9.]+$'
finish
