#!/bin/bash
# SPDX-License-Identifier: ISC
#
# program.sh - a program as a Linux process: statuses, signals, disks, consoles,
# and the tools that one debugs with.

# shellcheck source=tests/unix/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99

# --- statuses and signals -----------------------------------------------------

cat >life.c <<'END'
#include <fata/fata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
FATA_NAME("life", "ends as it is told");
static void bye(void *arg) { puts(arg); }
static struct hook one = {bye, "hook 1", 0}, two = {bye, "hook 2", 0};
static void handler(void) { puts("atexit"); }
static bool decide(void *arg, enum lifecycle_request r)
{
	(void)arg;
	printf("request %d\n", r);
	return r == LIFECYCLE_REBOOT;
}
int main(int argc, char **argv)
{
	fata_at_exit(&one);
	fata_at_exit(&two);
	atexit(handler);
	if (argc > 1 && !strcmp(argv[1], "panic"))
		fata_panic("as told");
	if (argc > 1 && !strcmp(argv[1], "reboot")) {
		/* the second life finds its mark */
		if (!access("mark", F_OK))
			return puts("again"), 0;
		fclose(fopen("mark", "w"));
		fata_end(END_REBOOT, 0);
	}
	if (argc > 1 && !strcmp(argv[1], "decide"))
		lifecycle_on_request(decide, NULL);
	if (argc > 1 && strcmp(argv[1], "wait") && strcmp(argv[1], "decide"))
		return atoi(argv[1]);
	puts("ready");
	if (argc > 1)
		sleep(60);
	return 0;
}
END
build life.c life
out=$(./life)
check "status 0" same $? 0
check "handlers, then hooks in reverse" same \
  "$(grep -E 'hook|atexit' <<<"$out" | tr '\n' ' ')" "atexit hook 2 hook 1 "
out=$(./life 7)
check "status 7" same $? 7
check "its line" matches "$out" '^\[[ 0-9.]+\] fata: exit status 7$'
./life --no-such >out 2>&1
check "a bad parameter is 64" same $? 64
./life --help >out 2>&1
check "help is 63" same $? 63
out=$(./life panic 2>&1)
check "a panic is SIGABRT" same $? 134
check "and says why" matches "$out" '^fata: panic: as told'
out=$(./life reboot)
check "a reboot begins anew" matches "$out" '^again$'
out=$("$fata" run -t unix life.c 5)
check "run -t unix compiles and runs" same $? 5

signal() { # SIGNAL WORD: its output in $out, its status in $rc
  : >out
  ./life "$2" >out 2>&1 &
  local pid=$!
  until_ok grep -q ready out
  kill "-$1" $pid
  [ "$2" = decide ] && until_ok grep -q '^request' out && kill -TERM $pid
  wait $pid
  rc=$?
  out=$(cat out)
}
signal TERM wait
check "SIGTERM powers off" same $rc 0
check "with hooks" matches "$out" '^hook 1$'
signal HUP decide
check "SIGHUP asks for a reboot" matches "$out" '^request 1$'
check "then SIGTERM ends it" same "$rc $(grep -c '^request 0' <<<"$out")" '0 1'

# --- what is linked -------------------------------------------------------------

"$fata" cc -t unix life.c -o bare || exit 1
check "a program that uses no Xen has none of it" \
  same "$(nm bare | grep -ciE 'xenevtchn|xengnt|xentool|evtchn_')" 0
cat >xen.c <<'END'
#include <errno.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/xs.h>
#include <stdio.h>
int main(void)
{
	static char page[4096] __attribute__((aligned(4096)));
	struct gnttab_page map = {.ref = 8, .domid = 1};
	struct evtchn e = {0};
	uint32_t ref;
	char *value;

	printf("%d %d %d %d\n", evtchn_bind_unbound(&e, 1),
	       gnttab_share(&ref, 1, page, 1, 0), gnttab_map(&map, 1, 0),
	       xs_read(NULL, "name", &value, NULL, 0));
	return 0;
}
END
build xen.c xen
if [ ! -e /dev/xen ]; then
  out=$(XENSTORED_PATH=$tmp/none ./xen)
  check "where there is no Xen its calls say so" matches "$out" \
    '^-38 -38 -38 -19$'
  check "with a line" matches "$out" '/dev/xen/gntdev is missing'
fi

# --- disks ----------------------------------------------------------------------

"$fata" cc -t unix "${SAN[@]}" "$here/../../examples/disk/main.c" -o disk ||
  exit 1
truncate -s 1M disk.img
for n in 1 2; do
  out=$(./disk --block data=disk.img)
  check "run $n of the disk" matches "$out" "^runs: $n\$"
done
out=$(./disk --block-ro data=disk.img 2>&1)
check "read-only" matches "$out" 'Read-only'
out=$(./disk 2>&1)
check "no disk: one line" matches "$out" 'disk data: no such disk'
build "$here/block.c" block
check "many requests, flush, discard" ./block --block d=disk.img
check "the discard left a hole" test "$(stat -c %b disk.img)" -lt 2048

# --- consoles -------------------------------------------------------------------

cat >chan.c <<'END'
#include <fata/fata.h>
#include <stdio.h>
int main(void)
{
	struct console *c;
	char line[32];
	if (console_open("side", &c, clock_deadline(60000000000)))
		return 1;
	console_write(c, "name? ", 6);
	if (console_read_line(c, line, sizeof(line),
			      clock_deadline(60000000000)) < 0)
		return 2;
	printf("read: %s\n", line);
	return 0;
}
END
build chan.c chan
./chan --channel side=pty >out 2>&1 &
until_ok grep -q 'channel side is' out
pty=$(sed -n 's/.*channel side is //p' out)
printf 'gust\177\r' >"$pty"
wait $!
check "a channel on a terminal" same $? 0
check "edited" grep -q '^read: gus$' out
mkfifo stuck
cat >flood.c <<'END'
#include <fata/fata.h>
#include <stdio.h>
int main(void)
{
	struct console_stat s;
	static char text[100000];
	for (int i = 0; i < 4; i++)
		console_write(console_main(), text, sizeof(text));
	console_stat(console_main(), &s);
	fprintf(stderr, "dropped %d\n", s.dropped > 0);
	return 0;
}
END
build flood.c flood
sleep 30 <stuck &
sleeper=$!
timeout 20 ./flood --console-wait=50ms >stuck 2>err
check "a reader that stopped does not stop us" same $? 0
check "what was dropped is counted" grep -q '^dropped 1' err
kill $sleeper

# --- tools ----------------------------------------------------------------------

cat >tasks.c <<'END'
#include <fata/fata.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static int sum;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static int task(void *arg)
{
	for (int i = 0; i < 100; i++) {
		sum++;
		fata_yield();
	}
	(void)arg;
	return 0;
}
static void *thread(void *arg)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&m);
		usleep(10);
		sum++;
		pthread_mutex_unlock(&m);
	}
	return arg;
}
int main(void)
{
	struct task *t[4];
	pthread_t p[4];
	for (int i = 0; i < 4; i++) {
		fata_task_spawn(&t[i], NULL, task, NULL);
		pthread_create(&p[i], NULL, thread, NULL);
	}
	for (int i = 0; i < 4; i++) {
		fata_task_join(t[i], NULL, FATA_FOREVER);
		pthread_join(p[i], NULL);
	}
	printf("sum %d\n", sum);
	return sum != 800;
}
END
build tasks.c tasks
check "tasks and pthreads" ./tasks
if "$fata" cc -t unix -g -fsanitize=thread tasks.c -o tsan 2>err; then
  out=$(setarch -R ./tsan 2>&1)
  check "the thread sanitizer finds nothing" same \
    "$? $(grep -c WARNING <<<"$out")" '0 0'
else
  skip "the thread sanitizer" "$(head -n 1 err)"
fi
"$fata" cc -t unix -g -O0 tasks.c -o plain || exit 1
if command -v valgrind >/dev/null; then
  out=$(valgrind -q --error-exitcode=9 ./plain 2>&1)
  check "valgrind finds nothing" same $? 0
else
  skip "valgrind" "not installed"
fi
if command -v gdb >/dev/null; then
  out=$(gdb -q -batch -ex 'break task' -ex run -ex 'bt 3' ./plain 2>&1)
  check "gdb stops in a task" matches "$out" '#0 +task \(arg='
else
  skip "gdb" "not installed"
fi
finish
