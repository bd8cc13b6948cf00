/* SPDX-License-Identifier: ISC */
/*
 * Event channels: handles, delivery, waits, and nothing left behind.
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/evtchn.h>

#include "lib/sim.h"

#define OPEN 1 /* the port of xenstore */

static void count(void *arg)
{
	++*(unsigned int *)arg;
}

/* A channel between the guest and dom0; the guest's end is *e. */
static uint32_t connect(struct evtchn *e)
{
	int port;

	CHECK(evtchn_bind_unbound(e, 0) == 0);
	port = sim_evtchn_bind(SIM_DOM0, sim_guest->id, evtchn_port(e));
	CHECK(port > 0);
	return port;
}

static void test_roundtrip(void **state)
{
	struct evtchn e = {0};
	unsigned int got = 0, sent = 0;
	uint32_t port = connect(&e);

	(void)state;
	CHECK(evtchn_bind_unbound(&e, 0) == -EBUSY);
	CHECK(evtchn_handle(&e, count, &got) == 0);
	CHECK(evtchn_unmask(&e) == 0);
	sim_sleep(FATA_NS_PER_MS); /* the bind raised dom0's end once */
	sim_evtchn_on(SIM_DOM0, port, count, &sent);
	sim_evtchn_send(SIM_DOM0, port);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(got == 1);
	CHECK(evtchn_notify(&e) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(sent == 1);
	CHECK(evtchn_close(&e) == 0);
	CHECK(sim_evtchn_open(sim_guest) == OPEN);
	sim_evtchn_close(SIM_DOM0, port);
}

static void test_masked(void **state)
{
	struct evtchn e = {0};
	unsigned int got = 0;
	uint32_t port = connect(&e);

	(void)state;
	evtchn_handle(&e, count, &got);
	sim_evtchn_send(SIM_DOM0, port);
	sim_evtchn_send(SIM_DOM0, port);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(got == 0);
	evtchn_unmask(&e);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(got == 1);
	evtchn_mask(&e);
	sim_evtchn_send(SIM_DOM0, port);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(got == 1);
	evtchn_close(&e);
	sim_evtchn_close(SIM_DOM0, port);
}

static void test_after_close(void **state)
{
	struct evtchn e = {0};
	uint64_t seen = 0;

	(void)state;
	CHECK(evtchn_notify(&e) == -EBADF);
	CHECK(evtchn_unmask(&e) == -EBADF);
	CHECK(evtchn_mask(&e) == -EBADF);
	CHECK(evtchn_close(&e) == -EBADF);
	CHECK(evtchn_port(&e) == -EBADF);
	CHECK(evtchn_handle(&e, count, NULL) == -EBADF);
	CHECK(evtchn_wait(&e, &seen, 0) == -EBADF);
	CHECK(evtchn_served(&e, false) == -EBADF);
	CHECK(evtchn_set_priority(&e, 1) == -EBADF);
	CHECK(evtchn_bind_ipi(&e) == 0);
	CHECK(evtchn_close(&e) == 0);
	CHECK(evtchn_notify(&e) == -EBADF);
}

static void test_errors(void **state)
{
	struct evtchn e = {0}, f = {0};

	(void)state;
	CHECK(evtchn_bind_unbound(&e, 77) == -ESRCH);
	CHECK(evtchn_bind_interdomain(&e, 0, 999) == -EINVAL);
	CHECK(evtchn_bind_virq(&e, 99) == -EINVAL);
	CHECK(evtchn_bind_port(&e, 0) == -EINVAL);
	CHECK(evtchn_bind_port(&e, 1 << 20) == -EINVAL);
	CHECK(evtchn_bind_virq(&e, VIRQ_DEBUG) == 0);
	CHECK(evtchn_bind_virq(&f, VIRQ_DEBUG) == -EEXIST);
	CHECK(evtchn_close(&e) == 0);
	CHECK(sim_evtchn_open(sim_guest) == OPEN);
}

static int waiter(void *arg)
{
	struct evtchn *e = arg;
	uint64_t seen = 0;

	return evtchn_wait(e, &seen, FATA_FOREVER);
}

static void test_close_wakes(void **state)
{
	struct evtchn e = {0};
	struct task *t;
	int result;

	(void)state;
	evtchn_bind_ipi(&e);
	fata_task_spawn(&t, NULL, waiter, &e);
	fata_yield();
	evtchn_close(&e);
	CHECK(fata_task_join(t, &result, FATA_FOREVER) == 0);
	CHECK(result == -EBADF);
}

static void closes_itself(void *arg)
{
	evtchn_close(arg);
}

static void test_close_in_handler(void **state)
{
	struct evtchn e = {0};

	(void)state;
	evtchn_bind_ipi(&e);
	evtchn_handle(&e, closes_itself, &e);
	evtchn_unmask(&e);
	evtchn_notify(&e);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(evtchn_port(&e) == -EBADF);
}

#define MANY 3000

/* Each of many ports that fires is delivered once, whatever the order. */
static void test_many(void **state)
{
	static struct evtchn e[MANY];
	static unsigned int got[MANY];
	struct evtchn_stat s;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		CHECK(evtchn_bind_ipi(&e[i]) == 0);
		evtchn_handle(&e[i], count, &got[i]);
		evtchn_unmask(&e[i]);
	}
	evtchn_stat(&s);
	CHECK(s.bound >= MANY);
	for (unsigned int round = 1; round <= 3; round++) {
		for (int i = 0; i < MANY; i++)
			evtchn_notify(&e[i]);
		sim_sleep(FATA_NS_PER_MS);
		for (int i = 0; i < MANY; i++)
			CHECK(got[i] == round);
	}
	for (int i = 0; i < MANY; i++)
		CHECK(evtchn_close(&e[i]) == 0);
	CHECK(sim_evtchn_open(sim_guest) == OPEN);
}

/* A waiter sees every event: the sender waits for it and sends the next. */
struct pingpong {
	struct evtchn e;
	uint32_t port;
	unsigned int rounds;
};

static void pong(void *arg)
{
	struct pingpong *p = arg;

	if (p->rounds) {
		p->rounds--;
		sim_evtchn_send(SIM_DOM0, p->port);
	}
}

static void run_pingpong(void)
{
	struct pingpong p = {.rounds = 20};
	uint64_t seen, deadline;

	sim.step_chance = 3;
	p.port = connect(&p.e);
	sim_evtchn_on(SIM_DOM0, p.port, pong, &p);
	seen = event_count(evtchn_event(&p.e));
	evtchn_unmask(&p.e);
	while (p.rounds) {
		deadline = clock_deadline(FATA_NS_PER_S);
		evtchn_notify(&p.e);
		CHECK(evtchn_wait(&p.e, &seen, deadline) == 0);
		if (sim_chance(4))
			evtchn_mask(&p.e);
		if (sim_chance(4))
			fata_yield();
		evtchn_unmask(&p.e);
	}
	evtchn_close(&p.e);
	sim_evtchn_close(SIM_DOM0, p.port);
}

static void test_pingpong(void **state)
{
	(void)state;
	sim_runs(2000, run_pingpong);
}

static void run_binds(void)
{
	struct evtchn e[4] = {0};

	for (int i = 0; i < 4; i++) {
		int rc = sim_chance(2) ? evtchn_bind_ipi(&e[i])
				       : evtchn_bind_unbound(&e[i], 0);

		CHECK(rc == 0 || sim.failed);
		if (rc == 0)
			evtchn_unmask(&e[i]);
	}
	for (int i = 0; i < 4; i++)
		if (evtchn_port(&e[i]) > 0)
			CHECK(evtchn_close(&e[i]) == 0);
}

/* Every hypercall and allocation of a bind fails once; nothing is left. */
static void test_bind_failures(void **state)
{
	(void)state;
	sim_nth(SIM_FAIL_HYPERCALL, run_binds);
	sim_nth(SIM_FAIL_ALLOC, run_binds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roundtrip),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_after_close),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_close_wakes),
		cmocka_unit_test(test_close_in_handler),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_pingpong),
		cmocka_unit_test(test_bind_failures),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
