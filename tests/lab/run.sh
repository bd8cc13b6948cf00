#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh - `fata run` with real guests: every way in which one ends, its
# console both ways, ^C, and that no domain is left behind.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
cd "$tmp" || exit 99

cat >guest.c <<'END'
#include <fata/end.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char line[100];

	printf("guest: %s\n", what);
	if (!strcmp(what, "exit")) {
		for (int i = 0; i < 300; i++)
			putchar('.');
		exit(atoi(argv[2]));
	}
	if (!strcmp(what, "panic"))
		fata_panic("as asked");
	if (!strcmp(what, "null"))
		return *(volatile int *)(uintptr_t)(argc - 2);
	if (!strcmp(what, "reboot"))
		fata_end(END_REBOOT, 0);
	if (!strcmp(what, "echo") && fgets(line, sizeof(line), stdin))
		printf("got %s", line);
	if (!strcmp(what, "burst"))
		for (int i = 0; i < 5000; i++)
			printf("line %d\n", i);
	if (!strcmp(what, "sleep"))
		sleep(1000);
	printf("end");
	return 0;
}
END
"$fata" cc -O2 -g guest.c -o guest.xen || broken "the guest does not build"

# run STATUS PATTERN [OPTION...] -- WORD...: ends so, stdout has that line
run()
{
	local status=$1 pattern=$2 got options=()
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	timeout 100 "$fata" run --lab --timeout 60s --tsc-mode native \
		"${options[@]}" guest.xen "$@" >out 2>err <"${input:-/dev/null}"
	got=$?
	[ $got = "$status" ] || {
		cat out err >&2
		fail "run $*: status $got, wanted $status"
	}
	[ -z "$pattern" ] || grep -qE -- "$pattern" out || {
		cat out err >&2
		fail "run $*: nothing matches '$pattern'"
	}
}
said() { grep -qE -- "$1" err || fail "nothing on stderr matches '$1': $(cat err)"; }

# --- how a guest ends --------------------------------------------------------

run 0 '^guest: $' --
expect "the last words, without a newline" "$(grep -c '^end' out)" 1
grep -q $'\r' out && fail "carriage returns came through"
run 7 '^guest: exit' -- exit 7
run 255 '^guest: exit' -- exit -1
run 0 '^guest: reboot' -- reboot
run 63 'Boot parameters' -- --help
run 64 'unknown parameter' -- --no-such-parameter
run 134 'fata: panic: .*as asked' -- panic
run 134 'panic' -- null
run 124 '^guest: sleep' --timeout 20 -- sleep
said 'ended after 20000 ms'
# while xl is creating it, while the console is being attached, just after
for ms in 1 200 400 600 800 1000 1300 1600; do
	start=$SECONDS
	run 124 '' --timeout ${ms}ms -- sleep
	[ $((SECONDS - start)) -lt 40 ] || fail "$ms ms took $((SECONDS - start)) s"
	left=$(dom0 'xl list' | tail -n +3)
	expect "domains left after $ms ms" "$left" ''
done

# --- the console ---------------------------------------------------------------

echo 'a line of mine' >input
input=input run 0 '^got a line of mine$' -- echo
run 0 '^line 4999$' -- burst
expect "lines of a burst" "$(grep -c '^line [0-9]*$' out)" 5000

# --- configuration ---------------------------------------------------------------

echo 'vcpus = 2' >more.cfg
run 0 '^guest:' --memory 1 --config more.cfg --set 'maxvcpus=2' --
run 125 '' --set 'kernel="/nowhere"' --
said 'xl could not create the guest: '

run 125 '' --memory 100G --
said 'could not create the guest: .*the host has less than --memory'
head -c 1000000 /dev/urandom >disk
cp disk disk.before
(sed '/^int main/i FATA_NET("uplink"); FATA_BLOCK("data");' guest.c |
	sed '1i #include <fata/manifest.h>') >devices.c
"$fata" cc devices.c -o devices.xen || broken "devices.c does not build"
timeout 60 "$fata" run --lab --net uplink=xenbr0 --block data=disk devices.xen \
	exit 9 >out 2>err </dev/null
expect "a guest with devices" $? 9
cmp disk disk.before || fail "the disk did not come back as it was"
"$fata" run --lab guest.xen burst 2>err </dev/null | head -n 1 >out
expect "stdout closed early" "${PIPESTATUS[0]}" 141
[ ! -s err ] || fail "stdout closed early: $(cat err)"

# --- ^C ---------------------------------------------------------------------------

# interrupt NAME: once it runs
interrupt()
{
	for _ in $(seq 300); do
		grep -q '^guest: sleep' "$1.out" && break
		sleep 0.2
	done
	kill -INT "$2"
}
"$fata" run --lab --name int1 guest.xen sleep >int1.out 2>int1.err </dev/null &
pid=$!
interrupt int1 $pid
start=$SECONDS
wait $pid
status=$?
# a guest that listens ends by itself; one that does not is destroyed
case $status in
0 | 130) ;;
*) fail "^C: status $status: $(cat int1.err)" ;;
esac
[ $((SECONDS - start)) -lt 25 ] || fail "^C took $((SECONDS - start)) s"

# --- what stays of a crash -----------------------------------------------------------

run 134 'panic' --name kept --on-crash preserve -- panic
said 'kept as domain [0-9]+'
dom0 'xl list kept' | grep -q 'kept .*c' || fail "the crashed guest is gone"
dom0 'xl destroy kept'

# xl looks for 4 GiB of pages, which takes ten minutes here: ^C ends that
"$fata" run --lab --name dumped --on-crash coredump-destroy guest.xen panic \
	>out 2>err </dev/null &
pid=$!
for _ in $(seq 300); do
	grep -q 'writing the guest' err && break
	sleep 0.2
done
kill -INT $pid
wait $pid
expect "a core that was not waited for" $? 134
said "writing the guest's core"
said "did not write"
[ ! -e dumped.core ] || fail "half a core was left"

# --- two at once, and nothing left ------------------------------------------------------

timeout 60 "$fata" run --lab guest.xen exit 3 >/dev/null 2>&1 &
one=$!
timeout 60 "$fata" run --lab guest.xen exit 4 >/dev/null 2>&1 &
two=$!
wait $one
expect "one of two at once" $? 3
wait $two
expect "the other" $? 4
expect "domains left" "$(dom0 'xl list' | tail -n +3)" ''
expect "files left in dom0" "$(dom0 'ls /tmp')" ''
exit 0
