#!/bin/bash
# SPDX-License-Identifier: ISC
#
# options.sh - each boot parameter of a Linux process that no other test gives:
# consoles, log, metrics, trace, stacks, the watchdog; SIGUSR1 and ^C.

# shellcheck source=tests/unix/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99

cat >opt.c <<'END'
#include <fata/fata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
FATA_LOG_SOURCE("opt");
FATA_NAME("opt", "does as it is told");
static int sleeper(void *arg)
{
	(void)arg;
	return fata_sleep(60 * FATA_NS_PER_S);
}
static int deep(int n)
{
	volatile char frame[1024];
	frame[n % 1024] = 1;
	return n ? deep(n - 1) + frame[0] : 0;
}
static int deep_task(void *arg) { return arg ? deep(700) * 0 : 1; }
static int side(void)
{
	char line[64];
	struct console *c;
	if (console_open("side", &c, clock_deadline(60 * FATA_NS_PER_S)))
		return 2;
	console_write(c, "name?\n", 6);
	if (console_read_line(c, line, sizeof(line),
			      clock_deadline(60 * FATA_NS_PER_S)) < 0)
		return 3;
	printf("read: %s\n", line);
	return 0;
}
int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct task_attr attr = {.name = "sleeper"};
	struct task *t;
	int rc = 0;
	if (!strcmp(how, "side"))
		return side();
	if (!strcmp(how, "spin"))
		for (;;)
			;
	if (!strcmp(how, "log")) {
		log_debug("a word of debugging");
		log_info("a word of information");
		for (int i = 0; i < 100; i++)
			log_warn("warning %d", i);
	}
	if (!strcmp(how, "stack")) {
		if (fata_task_spawn(&t, NULL, deep_task, &rc) ||
		    fata_task_join(t, &rc, FATA_FOREVER))
			return 9;
		return rc;
	}
	if (!strcmp(how, "wait")) {
		fata_task_spawn(NULL, &attr, sleeper, NULL);
		puts("ready");
		fata_sleep(30 * FATA_NS_PER_S);
	}
	if (!strcmp(how, "nap"))
		fata_sleep((argc > 2 ? (uint64_t)atoi(argv[2]) : 500) *
			   FATA_NS_PER_MS);
	if (!strcmp(how, "panic")) {
		for (int i = 0; i < 2000; i++)
			log_info("line %d of what came before", i);
		fata_panic("as told");
	}
	return 0;
}
END
build opt.c opt

# --- consoles -----------------------------------------------------------------

./opt --channel side=plain.txt side >out 2>&1
check "a channel on a file that is not there: one line" \
  same "$(grep -c 'plain.txt' out)" 1
mkfifo fifo
if command -v socat >/dev/null; then
  : >got
  socat -t 60 UNIX-LISTEN:side.sock,unlink-early - >got \
    < <(until_ok grep -q 'name?' got; echo by socket) &
  kid=$!
  until_ok test -S side.sock
  ./opt --channel side=unix:side.sock side >out 2>&1
  check "a channel on a socket" same $? 0
  wait $kid
  check "what it wrote there" grep -q 'name?' got
  check "what it read there" grep -q '^read: by socket' out
else
  skip "a channel on a socket" "no socat"
fi
./opt --channel side >out 2>&1
check "a channel without a place is refused" same $? 64

# --- interfaces -------------------------------------------------------------------

cat >net.c <<'END'
#include <fata/net.h>
#include <sys/socket.h>
int main(void)
{
	struct net *n;
	return socket(AF_INET, SOCK_STREAM, 0) < 0 || net_open("0", &n, 0);
}
END
build net.c net
for wrong in 0 0= =tap 0=bogus 0=taps:x; do
  out=$(./net --net "$wrong" 2>&1)
  check "--net $wrong is refused" same "$? $(grep -c 'bad interface' <<<"$out")" \
    "64 1"
done
for wrong in fwd=x fwd=80:99999 fwd=0:80 fwd=8080:80x; do
  check "user,$wrong is refused" same \
    "$(./net --net "0=user,$wrong" 2>&1 | grep -c "user,$wrong: Invalid")" 1
done

# --- log, metrics, trace ----------------------------------------------------------

out=$(./opt log)
check "debugging is not shown" test "$(grep -c debugging <<<"$out")" = 0
out=$(./opt -l debug log)
check "-l debug shows it" matches "$out" 'opt: a word of debugging'
out=$(./opt -l opt:error log)
check "-l of one source hides its warnings" same "$(grep -c 'opt:' <<<"$out")" 0
out=$(./opt -l loud log 2>&1)
check "a level that is none is refused" same $? 64
# of 100; as many in the second in which the machine lets it begin anew
out=$(./opt --log-rate 3 log)
shown=$(grep -c 'warning' <<<"$out")
check "--log-rate" test "$shown" -gt 0 -a "$shown" -lt 20
out=$(timeout -k 5 20 ./opt --metrics 100ms nap)
check "--metrics" same "$? $(matches "$out" 'metrics:' && echo said)" "0 said"
# often enough for a tick to be due whenever the end's search for leaks yields
for _ in 1 2 3 4 5; do
  timeout -k 5 20 ./opt --metrics 1ms nap >/dev/null || break
done
check "no tick comes into the search for leaks" same $? 0
out=$(./opt --trace 64K --trace-dump nap)
check "--trace-dump" test "$(wc -l <<<"$out")" -gt 3
one=$(./opt --log-tail 1K panic 2>&1 | awk '/panic: as told/ { p = 1 } p' | wc -l)
two=$(./opt --log-tail 16K panic 2>&1 | awk '/panic: as told/ { p = 1 } p' |
  wc -l)
check "--log-tail: more of what came before" test "$two" -gt "$one"

# --- memory, stacks, the end --------------------------------------------------------

check "--stack: a task with room" ./opt --stack 2M stack
check "--main-stack" ./opt --main-stack 4M
out=$(./opt --oom never 2>&1)
check "--oom of no kind is refused" same $? 64
for kind in error crash reboot; do
  check "--oom=$kind" ./opt --oom $kind
done
timeout -k 5 30 ./opt --watchdog 1s spin >out 2>&1
rc=$?
check "the watchdog ends what hangs" test $rc != 0 -a $rc != 124 -a $rc != 137
check "and says so" grep -qi watchdog out
check "and not what waits" ./opt --watchdog 4s nap 6000

# --- signals ----------------------------------------------------------------------

./opt wait >out 2>&1 &
kid=$!
until_ok grep -q ready out
kill -USR1 $kid
until_ok grep -q 'memory:' out
check "SIGUSR1 tells of the memory" grep -q 'memory: [0-9]* KiB in use' out
check "and of each task" grep -q 'sleeper' out
kill -INT $kid
wait $kid
check "SIGINT powers off" same $? 0
finish
