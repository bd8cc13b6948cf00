/* SPDX-License-Identifier: ISC */
/*
 * Event channels on a real Xen: thousands of them (how many: first argument),
 * bound, fired, closed; masks, priorities, waits; bind and close without a
 * leak. guest: exit 0
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/evtchn.h>
#include <lib/guest.h>

#define SOON clock_deadline(60 * FATA_NS_PER_S)

static unsigned fired;

static void count(void *arg)
{
	(void)arg;
	fired++;
}

/* Let the loop deliver what is pending. */
static void settle(void)
{
	for (int i = 0; i < 200; i++)
		fata_yield();
}

static void test_many(unsigned n)
{
	struct evtchn *e = calloc(n, sizeof(*e));
	uint64_t t[4];

	check(e);
	t[0] = clock_mono_ns();
	for (unsigned i = 0; i < n; i++) {
		check_equal(evtchn_bind_ipi(&e[i]), 0);
		evtchn_handle(&e[i], count, NULL);
		evtchn_unmask(&e[i]);
	}
	t[1] = clock_mono_ns();
	for (unsigned round = 1; round <= 3; round++) {
		fired = 0;
		for (unsigned i = 0; i < n; i++)
			check_equal(evtchn_notify(&e[i]), 0);
		settle();
		check_equal(fired, n);
	}
	t[2] = clock_mono_ns();
	for (unsigned i = 0; i < n; i++)
		check_equal(evtchn_close(&e[i]), 0);
	t[3] = clock_mono_ns();
	printf("%u ports: bind %llu, 3 x fire %llu, close %llu us\n", n,
	       (unsigned long long)(t[1] - t[0]) / 1000,
	       (unsigned long long)(t[2] - t[1]) / 1000,
	       (unsigned long long)(t[3] - t[2]) / 1000);
	free(e);
}

static void test_mask(void)
{
	struct evtchn e = {0};

	fired = 0;
	check_equal(evtchn_bind_ipi(&e), 0);
	evtchn_handle(&e, count, NULL);
	evtchn_notify(&e);
	evtchn_notify(&e);
	settle();
	check_equal(fired, 0);
	evtchn_unmask(&e);
	settle();
	check_equal(fired, 1);
	evtchn_mask(&e);
	evtchn_notify(&e);
	settle();
	check_equal(fired, 1);
	evtchn_unmask(&e);
	settle();
	check_equal(fired, 2);
	check_equal(evtchn_close(&e), 0);
	check_equal(evtchn_notify(&e), -EBADF);
}

/* Two ends of one channel in this domain, 1000 round trips. */
static int echo(void *arg)
{
	struct evtchn *e = arg;
	uint64_t seen = 0;

	for (int i = 0; i < 1000; i++) {
		if (evtchn_wait(e, &seen, SOON))
			return i;
		evtchn_notify(e);
	}
	return 1000;
}

static void test_loopback(void)
{
	struct evtchn a = {0}, b = {0};
	uint64_t seen = 0;
	struct task *t;
	int result;

	check_equal(evtchn_bind_unbound(&a, EVTCHN_SELF), 0);
	check_equal(evtchn_bind_interdomain(&b, EVTCHN_SELF, evtchn_port(&a)),
		    0);
	settle();
	evtchn_unmask(&a);
	evtchn_unmask(&b);
	settle(); /* the bind raises both ends, perhaps */
	seen = event_count(evtchn_event(&a));
	check_equal(fata_task_spawn(&t, NULL, echo, &b), 0);
	for (int i = 0; i < 1000; i++) {
		evtchn_notify(&a);
		check_equal(evtchn_wait(&a, &seen, SOON), 0);
	}
	check_equal(fata_task_join(t, &result, SOON), 0);
	evtchn_close(&a);
	check_equal(evtchn_notify(&b), 0); /* nobody there: lost, no error */
	evtchn_close(&b);
}

static unsigned order[2], position;

static void note(void *arg)
{
	order[position++] = *(unsigned *)arg;
}

static void test_priority(void)
{
	static unsigned name[2] = {0, 1};
	static struct evtchn e[2];

	for (int i = 0; i < 2; i++) {
		check_equal(evtchn_bind_ipi(&e[i]), 0);
		check_equal(evtchn_set_priority(&e[i], i ? EVTCHN_PRIORITY_HIGH
							 : EVTCHN_PRIORITY_LOW),
			    0);
		evtchn_handle(&e[i], note, &name[i]);
		evtchn_unmask(&e[i]);
	}
	evtchn_notify(&e[0]);
	evtchn_notify(&e[1]);
	settle();
	check_equal(position, 2);
	check_equal(order[0], 1);
	evtchn_close(&e[0]);
	evtchn_close(&e[1]);
}

static void test_no_leak(void)
{
	struct evtchn_stat before, after;
	struct evtchn e = {0};

	evtchn_stat(&before);
	for (int i = 0; i < 5000; i++) {
		check_equal(evtchn_bind_unbound(&e, EVTCHN_SELF), 0);
		check_equal(evtchn_close(&e), 0);
	}
	evtchn_stat(&after);
	check_equal(after.bound, before.bound);
}

int main(int argc, char **argv)
{
	unsigned many = argc > 1 ? atoi(argv[1]) : 5000;
	struct evtchn_stat s;

	evtchn_stat(&s);
	printf("%s, %u ports\n", s.fifo ? "fifo" : "2-level", evtchn_ports());
	test_mask();
	test_loopback();
	if (s.fifo)
		test_priority();
	test_many(many);
	test_no_leak();
	evtchn_stat(&s);
	check_equal(s.stray, 0);
	return 0;
}
