#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_config.sh - configurations, and the mistakes that are found before a
# guest boots: devices, memory, parameters, the command line.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

image plain.xen 'static uint64_t cache, port; static bool loud;
	static int64_t bias; static uint64_t wait_ns; static const char *who;
	static int tag(const char *s) { (void)s; return 0; }
	FATA_PARAM_SIZE(cache, "cache", "1M", "bytes");
	FATA_PARAM_UINT(port, "port", "80", "port");
	FATA_PARAM_INT(bias, "bias", "0", "bias");
	FATA_PARAM_TIME(wait_ns, "wait", "1s", "wait");
	FATA_PARAM_STRING(who, "who", "you", "who");
	FATA_PARAM_LIST(tag, "t", "", "tags");
	FATA_PARAM_BOOL(loud, "loud", "no", "loud");'
image wants.xen 'FATA_NET("uplink"); FATA_BLOCK("data");'
image shares.xen 'FATA_FOLDER("share");'
image big.xen 'char big[40 << 20];'
config() { "$fata" config "$@"; }

# --- what is written -----------------------------------------------------------

out=$(config plain.xen)
check "name" matches "$out" '^name = "plain"$'
check "type" matches "$out" '^type = "pvh"$'
check "kernel" matches "$out" "^kernel = \"$tmp/plain.xen\"\$"
check "memory" matches "$out" '^memory = 64$'
check "no command line" sh -c "! grep -q cmdline <<'END'
$out
END"
check "on_crash" matches "$out" '^on_crash = "preserve"$'
check "memory rounds up" matches "$(config --memory 1500K plain.xen)" \
	'^memory = 2$'
check "memory in GiB" matches "$(config --memory=2G plain.xen)" '^memory = 2048$'
check "memory by need" matches "$(config big.xen)" '^memory = 82$'
out=$(config --net uplink=xenbr0 --block-ro data=disk.img --tsc-mode native \
	--set hap=0 -n other wants.xen)
check "vif" matches "$out" "^	'bridge=xenbr0', # uplink\$"
check "disk" matches "$out" \
	"^	'format=raw, vdev=xvda, access=ro, target=$tmp/disk.img', # data\$"
check "tsc_mode" matches "$out" '^tsc_mode = "native"$'
check "its lines are last" same "$(tail -n 1 <<<"$out")" hap=0
# shellcheck disable=SC1003,SC2016 # as they are
check "words are quoted for the guest, then for xl" matches \
	"$(config plain.xen 'a b' "it's" '"' '\' '' '$x;')" \
	"^cmdline = \"'a b' 'it'\\\\\\\\''s' '\\\\x22' '\\\\\\\\' '' '\\\$x;'\"\$"
check "libvirt" matches "$(config --format libvirt plain.xen '<&')" \
	"<cmdline>&apos;&lt;&amp;&apos;</cmdline>"
check "libvirt's type" matches "$(config --format libvirt plain.xen)" \
	"<type arch='x86_64' machine='xenpvh'>xenpvh</type>"

# --- libvirt's own schema ---------------------------------------------------------

lv=$build/pkg/libvirt
lint()
{
	LD_LIBRARY_PATH=$lv/usr/lib/x86_64-linux-gnu "$lv/usr/bin/xmllint" \
		--noout --relaxng "$lv/usr/share/libvirt/schemas/domain.rng" \
		domain.xml >xmllint.log 2>&1
}
valid()
{
	config --format libvirt "$@" >domain.xml && lint && return
	sed 's/^/# /' xmllint.log
	return 1
}
wrong_seen()
{
	sed -i 's/<vcpu>1/<vcpu>one/' domain.xml
	! lint
}
if "$source/scripts/pkg.sh" "$lv" libvirt0 libxml2-utils >pkg.log 2>&1; then
	check "the least is valid" valid plain.xen
	for action in destroy preserve restart coredump-destroy \
		coredump-restart; do
		check "valid with $action" valid --on-crash $action \
			--tsc-mode native --ramdisk plain.xen --memory 1G \
			--net uplink=xenbr0 --block-ro data=/dev/null \
			--name other wants.xen 'a <&"b' --c=d
	done
	check "what is not valid is seen" wrong_seen
else
	sed 's/^/# /' pkg.log
	check "libvirt's schema # skip no package" true
fi

# --- devices ---------------------------------------------------------------------

refused 1 "wants a network interface 'uplink' .*--net uplink=BRIDGE" \
	config wants.xen
refused 1 "wants a block device 'data' .*--block data=FILE" \
	config --net uplink=xenbr0 wants.xen
refused 1 "wants no network interface 'up'" \
	config --net up=br --net uplink=xenbr0 --block data=x wants.xen
refused 2 "'uplink' is given twice" \
	config --net uplink=a --net uplink=b wants.xen
refused 2 'expected NAME=BRIDGE' config --net uplink wants.xen
refused 2 'no name of a bridge' config --net "uplink=a b" wants.xen
refused 1 'comma' config --net uplink=a --block data=a,b wants.xen

check "a shared folder" matches "$(config --folder share=srv shares.xen)" \
	"^	'tag=share, path=$tmp/srv, security_model=none',\$"
refused 1 "wants a shared folder 'share' .*--folder share=FOLDER" \
	config shares.xen
refused 2 'libvirt knows no' \
	config --format libvirt --folder share=srv shares.xen
refused 2 "the lab's sees no folders" "$fata" run --lab --folder share=. shares.xen

# --- options ---------------------------------------------------------------------

refused 2 'not a size' config --memory 64Q plain.xen
refused 2 'must be 1 MiB' config --memory 0 plain.xen
refused 2 'not a size' config --memory 99999999999999999999 plain.xen
refused 1 'big.xen needs at least 41 MiB \(--memory gives 8 MiB\)' \
	config --memory 8 big.xen
refused 2 'expected up to 63 letters' config --name 'a/b' plain.xen
refused 2 'on-crash explode: expected one of' config --on-crash explode plain.xen
refused 2 'expected one of' config --tsc-mode slow plain.xen
refused 2 'expected KEY=VALUE' config --set hap plain.xen
refused 2 'expected xl or libvirt' config --format vbox plain.xen
refused 2 '--memory: the value is missing' config --memory
refused 2 'did you mean --memory' config --memmory 3 plain.xen
refused 2 'no image given' config
refused 1 '--config none: No such file' config --config none plain.xen
refused 2 'lines for xl' config --format libvirt --set hap=0 plain.xen

# --- the guest's parameters, in its own words ------------------------------------

refused 64 '--cache: given twice' config plain.xen --cache=1M --cache 2M
refused 64 '--loud: given twice' config plain.xen --loud --no-loud
refused 64 '--cache=1Q: bad size \(expected bytes with K, M or G\)' \
	config plain.xen --cache=1Q
refused 64 '--port=-1: bad number' config plain.xen --port -1
refused 64 '--wait=5: bad time' config plain.xen --wait=5
refused 64 '--loud=maybe: bad choice \(expected yes or no\)' \
	config plain.xen --loud=maybe
refused 64 '--who: value missing' config plain.xen --who
good_words()
{
	config plain.xen --cache=4K --port 0x50 --bias=-3 --wait 5ms --loud \
		-ta -t b --other --other -- --cache=x --cache=y >/dev/null
}
check "good words pass, unknown ones are the guest's" good_words

# --- a command line of 64 KiB ------------------------------------------------------

long=$(head -c 65535 /dev/zero | tr '\0' x)
check "65535 bytes pass" sh -c "'$fata' config plain.xen '$long' | grep -q xxx"
too_long()
{
	says 1 'command line has 65536 bytes \(at most 65535\)' \
		"$fata" config plain.xen "${long}x"
}
check "65536 bytes do not" too_long

# --- no place to write ---------------------------------------------------------------

refused 1 'cannot write to stdout: No space left' \
	sh -c "exec '$fata' config plain.xen >/dev/full"

# --- run finds the same mistakes, before it looks for a Xen -----------------------

run() { "$fata" run "$@"; }
refused 125 'none.xen: no such file' run none.xen
refused 125 'not an ELF file \(expected an image made by fata cc\)' run image.ld
refused 125 "wants a network interface 'uplink'" run wants.xen
refused 125 '--block: .*disk.img: No such file' \
	run --net uplink=xenbr0 --block data=disk.img wants.xen
refused 125 'needs at least 41 MiB' run --memory 8 big.xen
refused 64 '--cache: given twice' run plain.xen --cache=1 --cache=2
refused 125 'command line has 70001 bytes' \
	run plain.xen "$(head -c 70001 /dev/zero | tr '\0' x)"
refused 2 'choose one' run --xl --lab plain.xen
refused 2 'not a time' run --timeout soon plain.xen
refused 2 'no such target' run -t hvm plain.xen
refused 2 'run knows destroy, preserve' run --on-crash restart plain.xen
refused 125 'none.c: No such file' run none.c
finish
