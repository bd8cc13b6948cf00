/* SPDX-License-Identifier: ISC */
/* Channels of capacity 0, 1 and many: order, waiting, closing. */
#include "unit/unit.h"
#include "unit/tasks.h"

#include "core/task.h"

#include <errno.h>

static struct chan c;
static uint64_t wait_until;

static void init(unsigned capacity)
{
	assert_int_equal(chan_init(&c, sizeof(int), capacity), 0);
	wait_until = FATA_FOREVER;
}

static int send(void *arg)
{
	int v = (int)(intptr_t)arg;

	return chan_send(&c, &v, wait_until);
}

static int receive(void *arg)
{
	int v, err = chan_recv(&c, &v, wait_until);

	(void)arg;
	return err ? err : v;
}

static int poll_recv(void)
{
	int v, err = chan_recv(&c, &v, 0);

	return err ? err : v;
}

static int poll_send(int v)
{
	return chan_send(&c, &v, 0);
}

static void bad_sizes(void **state)
{
	(void)state;
	assert_int_equal(chan_init(&c, 0, 1), -EINVAL);
	assert_int_equal(chan_init(&c, SIZE_MAX / 2, 3), -ENOMEM);
	assert_int_equal(chan_init(&c, 1ull << 50, 4), -ENOMEM);
}

static void buffered(void **state)
{
	(void)state;
	init(3);
	for (int round = 0; round < 5; round++) { /* over the end of the ring */
		assert_int_equal(poll_send(1), 0);
		assert_int_equal(poll_send(2), 0);
		assert_int_equal(poll_recv(), 1);
		assert_int_equal(poll_send(3), 0);
		assert_int_equal(poll_send(4), 0);
		assert_int_equal(poll_send(5), -ETIMEDOUT);
		assert_int_equal(poll_recv(), 2);
		assert_int_equal(poll_recv(), 3);
		assert_int_equal(poll_recv(), 4);
		assert_int_equal(poll_recv(), -ETIMEDOUT);
	}
	chan_destroy(&c);
}

static void waiting_senders_keep_their_order(void **state)
{
	struct task *a, *b;

	(void)state;
	init(1);
	assert_int_equal(poll_send(1), 0);
	a = start(send, (void *)2);
	b = start(send, (void *)3);
	assert_int_equal(poll_recv(), 1); /* 2 moves into the slot */
	assert_int_equal(poll_send(9), -ETIMEDOUT);
	assert_int_equal(poll_recv(), 2);
	assert_int_equal(poll_recv(), 3);
	assert_int_equal(poll_recv(), -ETIMEDOUT);
	assert_int_equal(join(a), 0);
	assert_int_equal(join(b), 0);
	chan_destroy(&c);
}

static void receivers_are_served_in_order(void **state)
{
	struct task *a, *b;

	(void)state;
	init(4);
	a = start(receive, NULL);
	b = start(receive, NULL);
	assert_int_equal(poll_send(1), 0);
	assert_int_equal(poll_send(2), 0);
	assert_int_equal(join(b), 2);
	assert_int_equal(join(a), 1);
	chan_destroy(&c);
}

static void without_slots_both_meet(void **state)
{
	struct task *t;

	(void)state;
	init(0);
	assert_int_equal(poll_send(1), -ETIMEDOUT);
	assert_int_equal(poll_recv(), -ETIMEDOUT);
	t = start(send, (void *)7);
	assert_int_equal(poll_recv(), 7);
	assert_int_equal(join(t), 0);
	t = start(receive, NULL);
	assert_int_equal(poll_send(8), 0);
	assert_int_equal(join(t), 8);
	chan_destroy(&c);
}

static void deadlines_and_cancelling(void **state)
{
	struct task *t;

	(void)state;
	for (unsigned capacity = 0; capacity < 2; capacity++) {
		init(capacity);
		wait_until = clock_deadline(40);
		assert_int_equal(join(start(receive, NULL)), -ETIMEDOUT);
		assert_int_equal(clock_mono_ns(), wait_until);
		if (capacity)
			assert_int_equal(poll_send(1), 0);
		wait_until = FATA_FOREVER;
		t = start(send, (void *)2);
		fata_task_cancel(t);
		if (capacity) /* the slot stays free, 2 is not sent */
			assert_int_equal(poll_recv(), 1);
		assert_int_equal(poll_recv(), -ETIMEDOUT);
		assert_int_equal(join(t), -ECANCELED);
		t = start(receive, NULL);
		fata_task_cancel(t);
		assert_int_equal(poll_send(3), capacity ? 0 : -ETIMEDOUT);
		assert_int_equal(join(t), -ECANCELED);
		chan_destroy(&c);
	}
}

static void close_drains(void **state)
{
	struct task *t;

	(void)state;
	init(2);
	poll_send(1);
	poll_send(2);
	t = start(send, (void *)3);
	chan_close(&c);
	assert_int_equal(join(t), -EPIPE);
	assert_int_equal(poll_send(4), -EPIPE);
	assert_int_equal(poll_recv(), 1);
	assert_int_equal(poll_recv(), 2);
	assert_int_equal(poll_recv(), -EPIPE);
	chan_close(&c); /* twice is once */
	chan_destroy(&c);
	init(0);
	t = start(receive, NULL);
	chan_close(&c);
	assert_int_equal(join(t), -EPIPE);
	chan_destroy(&c);
}

static void events_tell_when_to_try(void **state)
{
	struct task *t;

	(void)state;
	init(1);
	assert_int_equal(event_count(chan_readable(&c)), 0);
	poll_send(1);
	assert_int_equal(event_count(chan_readable(&c)), 1);
	assert_int_equal(event_count(chan_writable(&c)), 0);
	poll_recv();
	assert_int_equal(event_count(chan_writable(&c)), 1);
	chan_close(&c);
	assert_int_equal(event_count(chan_readable(&c)), 2);
	assert_int_equal(event_count(chan_writable(&c)), 2);
	chan_destroy(&c);
	init(0);
	t = start(send, (void *)5);
	assert_int_equal(event_count(chan_readable(&c)), 1);
	assert_int_equal(poll_recv(), 5);
	join(t);
	t = start(receive, NULL);
	assert_int_equal(event_count(chan_writable(&c)), 1);
	assert_int_equal(poll_send(6), 0);
	assert_int_equal(join(t), 6);
	chan_destroy(&c);
}

/* --- select over two channels ---------------------------------------- */

static int send_two(void *arg)
{
	struct chan *two = arg;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(chan_send(&two[i % 2], &i, FATA_FOREVER), 0);
		if (i % 7 == 0)
			fata_sleep(3);
	}
	return 0;
}

static void select_on_two(void **state)
{
	struct chan two[2];
	struct event_wait w[2];
	struct task *t;
	int got = 0, v;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(chan_init(&two[i], sizeof(int), (unsigned)i),
				 0);
		w[i] = (struct event_wait){.event = chan_readable(&two[i])};
	}
	assert_int_equal(fata_task_spawn(&t, NULL, send_two, two), 0);
	while (got < 100) {
		int i = event_wait_any(w, 2, FATA_FOREVER);

		assert_in_range(i, 0, 1);
		while (!chan_recv(&two[i], &v, 0)) {
			assert_int_equal(v % 2, i);
			got++;
		}
	}
	join(t);
	chan_destroy(&two[0]);
	chan_destroy(&two[1]);
}

/* --- many to many ---------------------------------------------------- */

#define EACH 3000

static uint64_t sum;

static int send_many(void *arg)
{
	for (int i = 1; i <= EACH; i++) {
		if (chan_send(&c, &i, FATA_FOREVER))
			return -1;
		if (i % 11 == (int)(intptr_t)arg)
			fata_yield();
	}
	return 0;
}

static int receive_many(void *arg)
{
	int v;

	while (!chan_recv(&c, &v, FATA_FOREVER)) {
		sum += (uint64_t)v;
		if (v % 13 == (int)(intptr_t)arg)
			fata_yield();
	}
	return 0;
}

static void many_to_many(void **state)
{
	(void)state;
	for (unsigned capacity = 0; capacity < 6; capacity++) {
		struct task *from[3], *to[4];

		init(capacity);
		sum = 0;
		for (int i = 0; i < 4; i++)
			to[i] = start(receive_many, (void *)(intptr_t)i);
		for (int i = 0; i < 3; i++)
			from[i] = start(send_many, (void *)(intptr_t)i);
		for (int i = 0; i < 3; i++)
			assert_int_equal(join(from[i]), 0);
		chan_close(&c);
		for (int i = 0; i < 4; i++)
			assert_int_equal(join(to[i]), 0);
		assert_int_equal(sum, 3ull * EACH * (EACH + 1) / 2);
		chan_destroy(&c);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(bad_sizes),
	cmocka_unit_test(buffered),
	cmocka_unit_test(waiting_senders_keep_their_order),
	cmocka_unit_test(receivers_are_served_in_order),
	cmocka_unit_test(without_slots_both_meet),
	cmocka_unit_test(deadlines_and_cancelling),
	cmocka_unit_test(close_drains),
	cmocka_unit_test(events_tell_when_to_try),
	cmocka_unit_test(select_on_two),
	cmocka_unit_test(many_to_many),
};

UNIT_MAIN("chan", tests)
