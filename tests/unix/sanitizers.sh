#!/bin/bash
# SPDX-License-Identifier: ISC
#
# sanitizers.sh - programs built with a sanitizer have the runtime under it, too:
# it finds what the runtime does with a program's bad memory; and guest tests
# with tasks, pthreads and sockets under the thread sanitizer.

# shellcheck source=tests/unix/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99
guest=$here/../guest

cat >freed.c <<'END'
#include <fata/event.h>
#include <fata/timer.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	static char bytes[64];
	struct timer *t = calloc(1, sizeof(*t));
	struct event *odd = (struct event *)(bytes + 1);

	(void)argv;
	if (argc > 1) {
		event_signal(odd);
		return 0;
	}
	timer_set(t, 1000, 0, 0);
	free(t);
	timer_cancel(t);
	return 0;
}
END
build freed.c freed
out=$(./freed 2>&1)
check "the runtime's use of freed memory is found" same $? 99
check "in the runtime" matches "$out" '#0 .* in timer_(cancel|set)|#1 .* in timer_'
out=$(./freed odd 2>&1)
check "what is not aligned, too" matches "$out" 'runtime error.*(misaligned|align)'

# Not those that TSan itself has no patience for: 5,000 fibers take it minutes
# (tasks); signals wait for calls while a program computes (libc_alarm).
export TSAN_OPTIONS=exitcode=99:allocator_may_return_null=1
for t in fpu globals libc_interrupt libc_local libc_pipes libc_signals \
  libc_stress libc_threads tasks_talk time timers; do
  if "$fata" cc -t unix -O1 -g -w -I"$here/.." -fsanitize=thread \
    "$guest/$t.c" -o "$t" 2>err; then
    timeout -k 5 250 setarch -R "./$t" >out 2>&1
    rc=$?
    [ $rc = 0 ] || tail -n 30 out
    check "$t under the thread sanitizer" same $rc "$(
      sed -n 's/^ \* guest: exit //p' "$guest/$t.c" | grep . || echo 0)"
  else
    skip "$t under the thread sanitizer" "$(head -n 1 err)"
  fi
done
finish
