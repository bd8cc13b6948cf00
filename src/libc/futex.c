/* SPDX-License-Identifier: ISC */
/*
 * Futexes: libc's threads wait for a word of memory to change.
 *
 * A waiter is a note on the waiting task's stack, in the list of its word's
 * bucket, in order of arrival. Nothing is preempted, so comparing the word and
 * queueing cannot be separated by a wake-up:
 *
 *     thread A                         thread B
 *     wait: word == expected
 *     note queued, task parked
 *                                      stores the word, wakes: note taken out,
 *                                      task ready
 *     runs: its note is out, so 0
 *
 * A wake-up counts only for a note that it took out, and whoever gives up
 * (timeout, cancellation) takes its own note out. One that gave up and has not
 * run yet is still in the list; task_wake then says so, and the next is woken.
 */
#include <core/list.h>
#include <core/task.h>
#include <errno.h>
#include <libc/clock.h>
#include <libc/futex.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/user.h>

#define BUCKETS 256

struct note {
	struct list link;
	const uint32_t *word;
	uint32_t bits;
	struct task *task;
};

static struct list buckets[BUCKETS];

static struct list *bucket(const uint32_t *word)
{
	struct list *b = &buckets[((uintptr_t)word >> 2) * 0x9e3779b97f4a7c15 >>
				  56];

	if (!b->next)
		list_init(b);
	return b;
}

static bool word_ok(const uint32_t *word)
{
	return (uintptr_t)word % 4 == 0 && user_readable(word, sizeof(*word));
}

int futex_wake(const uint32_t *word, int n, uint32_t bits)
{
	int woken = 0;

	list_for_each (entry, bucket(word)) {
		struct note *note = list_entry(entry, struct note, link);

		if (woken >= n)
			break;
		if (note->word != word || !(note->bits & bits))
			continue;
		if (task_wake(note->task, 0)) {
			list_remove(&note->link);
			woken++;
		}
	}
	return woken;
}

static long wait(const uint32_t *word, uint32_t expected, uint32_t bits,
		 uint64_t deadline)
{
	struct note note = {.word = word, .bits = bits};
	int err;

	if (!word_ok(word))
		return -EFAULT;
	if (*(const volatile uint32_t *)word != expected)
		return -EAGAIN;
	err = task_check_cancel();
	if (err)
		return signal_interrupted(deadline);
	note.task = fata_task_self();
	list_add_last(bucket(word), &note.link);
	err = task_park("futex", deadline, true);
	list_remove(&note.link);
	return err == -ECANCELED ? signal_interrupted(deadline) : err;
}

/* Move up to n waiters from one word to the end of another's queue. */
static int requeue(const uint32_t *from, const uint32_t *to, int n)
{
	int moved = 0;

	list_for_each (entry, bucket(from)) {
		struct note *note = list_entry(entry, struct note, link);

		if (moved >= n)
			break;
		if (note->word != from)
			continue;
		list_remove(&note->link);
		note->word = to;
		list_add_last(bucket(to), &note->link);
		moved++;
	}
	return moved;
}

static long wake_requeue(const uint32_t *word, int wake, int move,
			 const uint32_t *to)
{
	int woken;

	if (wake < 0 || move < 0)
		return -EINVAL;
	if (!word_ok(to))
		return -EFAULT;
	woken = futex_wake(word, wake, ~0u);
	return woken + (word == to ? 0 : requeue(word, to, move));
}

/* FUTEX_WAKE_OP: change the second word, wake at both by what it was. */
static long wake_op(const uint32_t *word, int n, uint32_t *second, int n2,
		    uint32_t code)
{
	uint32_t op = code >> 28 & 7, compare = code >> 24 & 15;
	int32_t arg = (int32_t)(code << 8) >> 20;
	int32_t limit = (int32_t)(code << 20) >> 20, old;
	long woken;

	if ((uintptr_t)second % 4 || !user_writable(second, 4))
		return -EFAULT;
	if (op > 4 || compare > 5)
		return -ENOSYS;
	if (code >> 31)
		arg = (int32_t)(1u << (arg & 31));
	old = (int32_t)*second;
	*second = (uint32_t)(op == 0   ? arg
			     : op == 1 ? (int32_t)((uint32_t)old +
						   (uint32_t)arg)
			     : op == 2 ? old | arg
			     : op == 3 ? old & ~arg
				       : old ^ arg);
	woken = futex_wake(word, n, ~0u);
	if (compare == 0   ? old == limit
	    : compare == 1 ? old != limit
	    : compare == 2 ? old < limit
	    : compare == 3 ? old <= limit
	    : compare == 4 ? old > limit
			   : old >= limit)
		woken += futex_wake(second, n2, ~0u);
	return woken;
}

/* FUTEX_WAIT's time is from now, FUTEX_WAIT_BITSET's a point in time. */
static long wait_until(const uint32_t *word, int op, uint32_t expected,
		       const struct timespec *time, uint32_t bits)
{
	uint64_t deadline = FATA_FOREVER;
	bool absolute = (op & FUTEX_OP_MASK) == FUTEX_WAIT_BITSET;
	int err;

	if (!bits)
		return -EINVAL;
	if (time) {
		err = clock_deadline_of(op & FUTEX_REALTIME ? CLOCK_REALTIME
							    : CLOCK_MONOTONIC,
					absolute, time, &deadline);
		if (err)
			return err;
	}
	return wait(word, expected, bits, deadline);
}

/* The 4th argument is a time for a wait and a count for a requeue. */
long sys_futex(uint32_t *word, int op, uint32_t value, uint64_t time_or_count,
	       uint32_t *word2, uint32_t value3)
{
	const struct timespec *time = (const void *)time_or_count;
	int n = (int)value, n2 = (int)time_or_count;

	if (!word_ok(word))
		return (uintptr_t)word % 4 ? -EINVAL : -EFAULT;
	switch (op & FUTEX_OP_MASK) {
	case FUTEX_WAIT:
		return wait_until(word, op, value, time, ~0u);
	case FUTEX_WAIT_BITSET:
		return wait_until(word, op, value, time, value3);
	case FUTEX_WAKE:
		return futex_wake(word, n, ~0u);
	case FUTEX_WAKE_BITSET:
		return value3 ? futex_wake(word, n, value3) : -EINVAL;
	case FUTEX_CMP_REQUEUE:
		if (*(const volatile uint32_t *)word != value3)
			return -EAGAIN;
		return wake_requeue(word, n, n2, word2);
	case FUTEX_REQUEUE:
		return wake_requeue(word, n, n2, word2);
	case FUTEX_WAKE_OP:
		return wake_op(word, n, word2, n2, value3);
	default:
		return -ENOSYS;
	}
}
