/* SPDX-License-Identifier: ISC */
/* Futexes: who is woken, in which order, and what a deadline means. */
#include "unit/unit.h"

#include "core/task.h"
#include "libc/clock.h"
#include "libc/futex.h"
#include "libc/sys.h"

#include <errno.h>
#include "unit/libc_vm.h"

static uint32_t word, other;
static int order[16], ended;

struct job {
	uint32_t *word;
	uint32_t bits;
	int number;
	long result;
	struct task *task;
};

static int set_up(void **state)
{
	(void)state;
	word = other = 0;
	ended = 0;
	vm_forbidden = NULL;
	return 0;
}

static long futex(uint32_t *w, int op, uint32_t value, uint64_t time)
{
	return sys_futex(w, op, value, time, NULL, 0);
}

static int wait_job(void *arg)
{
	struct job *j = arg;

	j->result = sys_futex(j->word, FUTEX_WAIT_BITSET, 0, 0, NULL, j->bits);
	order[ended++] = j->number;
	return 0;
}

static void start(struct job *j, int n)
{
	for (int i = 0; i < n; i++) {
		j[i].number = i;
		if (!j[i].word)
			j[i].word = &word;
		if (!j[i].bits)
			j[i].bits = ~0u;
		j[i].result = 99;
		assert_int_equal(
			fata_task_spawn(&j[i].task, NULL, wait_job, &j[i]), 0);
	}
	fata_yield();
}

static void join(struct job *j, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(
			fata_task_join(j[i].task, NULL, FATA_FOREVER), 0);
}

static void changed_word_is_not_waited_for(void **state)
{
	(void)state;
	word = 1;
	assert_int_equal(futex(&word, FUTEX_WAIT, 0, 0), -EAGAIN);
}

static void bad_words(void **state)
{
	(void)state;
	assert_int_equal(futex((void *)((char *)&word + 1), FUTEX_WAKE, 1, 0),
			 -EINVAL);
	assert_int_equal(futex((void *)8, FUTEX_WAIT, 0, 0), -EFAULT);
	assert_int_equal(futex(&word, FUTEX_WAIT, 0, 24), -EFAULT);
	assert_int_equal(futex(&word, 77, 0, 0), -ENOSYS);
	vm_forbidden = &word;
	assert_int_equal(futex(&word, FUTEX_WAIT, 0, 0), -EFAULT);
}

static void wakes_in_order_of_arrival(void **state)
{
	struct job j[5] = {0};

	(void)state;
	start(j, 5);
	assert_int_equal(futex(&word, FUTEX_WAKE, 2, 0), 2);
	fata_yield();
	assert_int_equal(ended, 2);
	assert_int_equal(futex(&word, FUTEX_WAKE, 100, 0), 3);
	assert_int_equal(futex(&word, FUTEX_WAKE, 100, 0), 0);
	join(j, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(order[i], i);
		assert_int_equal(j[i].result, 0);
	}
}

static void bits_choose(void **state)
{
	struct job j[3] = {{.bits = 1}, {.bits = 2}, {.bits = 3}};

	(void)state;
	start(j, 3);
	assert_int_equal(
		sys_futex(&word, FUTEX_WAKE_BITSET, 9, 0, NULL, 2), 2);
	assert_int_equal(
		sys_futex(&word, FUTEX_WAKE_BITSET, 9, 0, NULL, 0), -EINVAL);
	assert_int_equal(futex(&word, FUTEX_WAKE, 9, 0), 1);
	join(j, 3);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 0);
}

static void deadlines(void **state)
{
	struct timespec t = {0, 20000000}, past = {1, 0}, bad = {0, -1};
	uint64_t begin = clock_mono_ns();

	(void)state;
	assert_int_equal(futex(&word, FUTEX_WAIT, 0, (uint64_t)&t), -ETIMEDOUT);
	assert_true(clock_mono_ns() - begin >= 20000000);
	assert_int_equal(futex(&word, FUTEX_WAIT, 0, (uint64_t)&bad), -EINVAL);
	assert_int_equal(sys_futex(&word, FUTEX_WAIT_BITSET | FUTEX_REALTIME, 0,
				   (uint64_t)&past, NULL, ~0u),
			 -ETIMEDOUT);
	begin = clock_mono_ns(); /* which may be a simulated one */
	t = clock_timespec(clock_wall_ns() + 20000000);
	assert_int_equal(sys_futex(&word, FUTEX_WAIT_BITSET | FUTEX_REALTIME, 0,
				   (uint64_t)&t, NULL, ~0u),
			 -ETIMEDOUT);
	assert_true(clock_mono_ns() - begin >= 19000000);
	/* whoever gave up is not counted as woken */
	assert_int_equal(futex(&word, FUTEX_WAKE, 9, 0), 0);
}

static void cancellation_is_eintr(void **state)
{
	struct job j[1] = {0};

	(void)state;
	start(j, 1);
	fata_task_cancel(j->task);
	join(j, 1);
	assert_int_equal(j->result, -EINTR);
	assert_int_equal(futex(&word, FUTEX_WAKE, 9, 0), 0);
}

/* Cancelled but not yet run: the wake-up goes to the next one. */
static void no_wakeup_is_lost_on_the_cancelled(void **state)
{
	struct job j[2] = {0};

	(void)state;
	start(j, 2);
	fata_task_cancel(j[0].task);
	assert_int_equal(futex(&word, FUTEX_WAKE, 1, 0), 1);
	join(j, 2);
	assert_int_equal(j[0].result, -EINTR);
	assert_int_equal(j[1].result, 0);
}

static void requeue(void **state)
{
	struct job j[5] = {0};

	(void)state;
	start(j, 5);
	assert_int_equal(
		sys_futex(&word, FUTEX_CMP_REQUEUE, 1, 2, &other, 1), -EAGAIN);
	assert_int_equal(
		sys_futex(&word, FUTEX_CMP_REQUEUE, 1, 2, &other, 0), 3);
	fata_yield();
	assert_int_equal(ended, 1);
	assert_int_equal(futex(&word, FUTEX_WAKE, 9, 0), 2);
	assert_int_equal(futex(&other, FUTEX_WAKE, 9, 0), 2);
	join(j, 5);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[3], 1);
	assert_int_equal(order[4], 2);
}

static void wake_op(void **state)
{
	struct job j[2] = {{.word = &word}, {.word = &other}};
	/* other += 3; wake there too if it was > -1 */
	uint32_t code = 1u << 28 | 4u << 24 | 3u << 12 | 0xfff;

	(void)state;
	start(j, 2);
	assert_int_equal(sys_futex(&word, FUTEX_WAKE_OP, 1, 1, &other, code),
			 2);
	assert_int_equal(other, 3);
	join(j, 2);
	/* set (1 << 4) with the shifted argument; == 5 does not hold */
	code = 8u << 28 | 0u << 24 | 4u << 12 | 5;
	assert_int_equal(sys_futex(&word, FUTEX_WAKE_OP, 1, 1, &other, code),
			 0);
	assert_int_equal(other, 16);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(changed_word_is_not_waited_for, set_up),
	cmocka_unit_test_setup(bad_words, set_up),
	cmocka_unit_test_setup(wakes_in_order_of_arrival, set_up),
	cmocka_unit_test_setup(bits_choose, set_up),
	cmocka_unit_test_setup(deadlines, set_up),
	cmocka_unit_test_setup(cancellation_is_eintr, set_up),
	cmocka_unit_test_setup(no_wakeup_is_lost_on_the_cancelled, set_up),
	cmocka_unit_test_setup(requeue, set_up),
	cmocka_unit_test_setup(wake_op, set_up),
};

UNIT_MAIN("libc_futex", tests)
