/* SPDX-License-Identifier: ISC */
/*
 * As many event channels as there can be, their priorities, and a resume after
 * which all are stale (fault class 49).
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/task.h>

#include "lib/sim_channel.h"
#include "lib/sim_hypercall.h"

/* --- a resume ------------------------------------------------------------- */

static int wait_stale(void *arg)
{
	struct channel *c = arg;
	uint64_t seen = event_count(evtchn_event(&c->e));

	return evtchn_wait(&c->e, &seen, FATA_FOREVER);
}

/* All handles are stale, waiters are woken; the port number may live again. */
static void class_49_stale_after_resume(void **state)
{
	struct channel old, new;
	uint64_t seen = 0;
	struct task *t;
	int result;

	(void)state;
	open_channel(&old);
	evtchn_unmask(&old.e);
	fata_task_spawn(&t, NULL, wait_stale, &old);
	fata_yield();
	sim_new_domain(sim_guest);
	evtchn_resume(sim_shared(sim_guest));
	CHECK(fata_task_join(t, &result, FATA_FOREVER) == 0);
	CHECK(result == -ESTALE);
	CHECK(evtchn_notify(&old.e) == -ESTALE);
	CHECK(evtchn_unmask(&old.e) == -ESTALE);
	CHECK(evtchn_port(&old.e) == -ESTALE);
	CHECK(evtchn_wait(&old.e, &seen, 0) == -ESTALE);
	open_channel(&new);
	evtchn_unmask(&new.e);
	CHECK(evtchn_close(&old.e) == 0);
	send(&new);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(!new.sent &&old.deliveries == 0);
	close_channel(&new);
}

/* --- as many as there can be ---------------------------------------------- */

static unsigned int total;

static void count(void *arg)
{
	(void)arg;
	total++;
}

static void all_ports(void **state)
{
	unsigned int n = evtchn_ports() == 4096 ? 4000 : 20000;
	struct evtchn *e = calloc(n, sizeof(*e));
	struct evtchn extra = {0};

	(void)state;
	total = 0;
	for (unsigned int i = 0; i < n; i++) {
		CHECK(evtchn_bind_ipi(&e[i]) == 0);
		evtchn_handle(&e[i], count, NULL);
		evtchn_unmask(&e[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		evtchn_notify(&e[i]);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(total == n);
	if (evtchn_ports() == 4096) {
		unsigned int more = 0;
		static struct evtchn rest[200];

		while (more < 200 && evtchn_bind_ipi(&rest[more]) == 0)
			more++;
		CHECK(evtchn_bind_ipi(&extra) == -ENOSPC);
		while (more > 0)
			CHECK(evtchn_close(&rest[--more]) == 0);
	}
	evtchn_dump();
	for (unsigned int i = 0; i < n; i++)
		CHECK(evtchn_close(&e[i]) == 0);
	free(e);
}

/* --- priorities ----------------------------------------------------------- */

static unsigned int order[3], position;

static void note(void *arg)
{
	order[position++] = *(unsigned int *)arg;
}

static void priorities(void **state)
{
	static const unsigned int level[] = {EVTCHN_PRIORITY_LOW,
					     EVTCHN_PRIORITY_DEFAULT,
					     EVTCHN_PRIORITY_HIGH};
	static unsigned int name[] = {0, 1, 2};
	struct evtchn e[3] = {0};

	(void)state;
	position = 0;
	for (int i = 0; i < 3; i++) {
		CHECK(evtchn_bind_ipi(&e[i]) == 0);
		CHECK(evtchn_set_priority(&e[i], 16) == -EINVAL);
		CHECK(evtchn_set_priority(&e[i], level[i]) ==
		      (evtchn_ports() == 4096 ? -EOPNOTSUPP : 0));
		evtchn_handle(&e[i], note, &name[i]);
		evtchn_unmask(&e[i]);
	}
	for (int i = 0; i < 3; i++)
		evtchn_notify(&e[i]);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(position == 3);
	if (evtchn_ports() != 4096)
		CHECK(order[0] == 2 && order[1] == 1 && order[2] == 0);
	for (int i = 0; i < 3; i++)
		evtchn_close(&e[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_ports),
		cmocka_unit_test(priorities),
		cmocka_unit_test(class_49_stale_after_resume),
	};

	return channel_groups(tests, sizeof(tests) / sizeof(*tests));
}
