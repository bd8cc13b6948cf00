/* SPDX-License-Identifier: ISC */
/*
 * Event channels under attack: the fault classes 26 to 30 of our list
 * (docs/simulator.md). All ports at once, priorities, a resume: events_all.c.
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/task.h>

#include "lib/sim_channel.h"

/* --- 26: storms ----------------------------------------------------------- */

struct storm {
	struct channel c;
	bool on;
};

static void storm_on(void *arg)
{
	struct storm *s = arg;

	if (!s->on)
		return;
	sim_evtchn_send(SIM_DOM0, s->c.peer);
	sim_after(FATA_NS_PER_US, storm_on, s);
}

static int sleeper(void *arg)
{
	for (int i = 0; i < 100; i++) {
		if (fata_sleep(FATA_NS_PER_MS))
			return -1;
		++*(unsigned int *)arg;
	}
	return 0;
}

/* A million empty signals a second: the handler runs a few times, others go on.
 */
static void class_26_storm(void **state)
{
	static struct storm s;
	unsigned int slept = 0, before;
	struct evtchn_stat figures;
	struct task *t;

	(void)state;
	open_channel(&s.c);
	s.c.useful = false;
	evtchn_unmask(&s.c.e);
	s.on = true;
	storm_on(&s);
	CHECK(fata_task_spawn(&t, NULL, sleeper, &slept) == 0);
	CHECK(fata_task_join(t, NULL, clock_deadline(FATA_NS_PER_S)) == 0);
	CHECK(slept == 100 && s.c.deliveries < 20);
	evtchn_stat(&figures);
	CHECK(figures.throttled > 0);
	/* a signal with work ends the distrust */
	before = s.c.deliveries;
	s.c.useful = true;
	sim_sleep(FATA_NS_PER_S);
	CHECK(s.c.deliveries > before + 1000);
	s.on = false;
	sim_forget(&s);
	close_channel(&s.c);
}

/* Masking by the owner and by the throttle do not undo each other. */
static void class_26_throttle_and_mask(void **state)
{
	struct channel c;

	(void)state;
	open_channel(&c);
	c.useful = false;
	evtchn_unmask(&c.e);
	for (int i = 0; i < 5; i++) {
		send(&c);
		sim_sleep(100 * FATA_NS_PER_US);
	}
	CHECK(c.sent); /* held back */
	evtchn_mask(&c.e);
	sim_sleep(FATA_NS_PER_S);
	CHECK(c.sent); /* the pause is over, the mask is not */
	evtchn_unmask(&c.e);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(!c.sent);
	/* closed while it is throttled: no timer is left behind */
	for (int i = 0; i < 5; i++) {
		send(&c);
		sim_sleep(50 * FATA_NS_PER_US);
	}
	close_channel(&c);
	sim_sleep(FATA_NS_PER_S);
}

/* --- 27: no event ever ---------------------------------------------------- */

static void class_27_no_event(void **state)
{
	struct channel c;
	uint64_t seen = 0, start = clock_mono_ns();

	(void)state;
	open_channel(&c);
	evtchn_unmask(&c.e);
	CHECK(evtchn_wait(&c.e, &seen, start + FATA_NS_PER_S) == -ETIMEDOUT);
	CHECK(clock_mono_ns() >= start + FATA_NS_PER_S);
	CHECK(clock_mono_ns() < start + 2 * FATA_NS_PER_S);
	close_channel(&c);
}

/* --- 28: events that are nobody's ----------------------------------------- */

static void class_28_stray_events(void **state)
{
	struct evtchn_stat before, after;
	struct channel c;
	uint32_t port;

	(void)state;
	evtchn_stat(&before);
	/* open in Xen, unmasked behind our back, bound by nobody here */
	port = sim_evtchn_unbound(sim_guest, 0);
	for (int i = 0; i < 10; i++)
		sim_evtchn_raise(sim_guest, port);
	sim_shared(sim_guest)->evtchn_mask[port / 64] &= ~(1ul << port % 64);
	for (int i = 0; i < 10; i++)
		sim_evtchn_raise(sim_guest, port);
	sim_sleep(FATA_NS_PER_MS);
	evtchn_stat(&after);
	CHECK(after.stray <= before.stray + 1);
	CHECK(after.delivered == before.delivered);
	/* the others still work */
	open_channel(&c);
	evtchn_unmask(&c.e);
	send(&c);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(!c.sent);
	close_channel(&c);
	sim_evtchn_close(sim_guest, port);
}

/* The selector names words without pending bits, and bits beyond the end. */
static void class_28_lying_words(void **state)
{
	struct vcpu_info *v = &sim_shared(sim_guest)->vcpu_info[0];
	struct channel c;

	(void)state;
	open_channel(&c);
	evtchn_unmask(&c.e);
	v->evtchn_pending_sel = ~0ul;
	v->evtchn_upcall_pending = 0xff;
	send(&c);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(!c.sent && c.deliveries == 1);
	close_channel(&c);
}

/* --- 29: races ------------------------------------------------------------ */

#define CHANNELS 8

static struct channel channels[CHANNELS];

static void send_any(void *arg)
{
	(void)arg;
	send(&channels[sim_below(CHANNELS)]);
}

static void do_something(struct channel *c)
{
	switch (sim_below(6)) {
	case 0:
		c->unmasked = false;
		evtchn_mask(&c->e);
		break;
	case 1:
	case 2:
		evtchn_unmask(&c->e);
		c->unmasked = true;
		break;
	case 3:
		fata_yield();
		break;
	case 4:
		close_channel(c);
		open_channel(c);
		break;
	default:
		sim_sleep(sim_below(50 * FATA_NS_PER_US));
	}
}

/*
 * The peer signals between any two steps of masking, unmasking, dispatching,
 * binding and closing. In the end each signal has been delivered.
 */
static void run_29(void)
{
	for (int i = 0; i < CHANNELS; i++)
		open_channel(&channels[i]);
	sim.hostile = send_any;
	sim.step_chance = 1 + sim_below(8);
	for (int i = 0; i < 60; i++)
		do_something(&channels[sim_below(CHANNELS)]);
	sim.step_chance = 0;
	sim_sleep(FATA_NS_PER_MS);
	for (int i = 0; i < CHANNELS; i++)
		CHECK(!channels[i].unmasked || !channels[i].sent);
	for (int i = 0; i < CHANNELS; i++)
		evtchn_unmask(&channels[i].e);
	sim_sleep(FATA_NS_PER_MS);
	for (int i = 0; i < CHANNELS; i++) {
		CHECK(!channels[i].sent);
		CHECK(channels[i].deliveries <= channels[i].sends);
		close_channel(&channels[i]);
	}
}

static void class_29_races(void **state)
{
	(void)state;
	sim_runs(3000, run_29);
}

/* --- 30: the peer closes -------------------------------------------------- */

static void class_30_peer_closes(void **state)
{
	struct channel c;

	(void)state;
	open_channel(&c);
	evtchn_unmask(&c.e);
	sim_evtchn_close(SIM_DOM0, c.peer);
	for (int i = 0; i < 10; i++)
		CHECK(evtchn_notify(&c.e) == 0);
	CHECK(evtchn_close(&c.e) == 0);
	CHECK(evtchn_notify(&c.e) == -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_26_storm),
		cmocka_unit_test(class_26_throttle_and_mask),
		cmocka_unit_test(class_27_no_event),
		cmocka_unit_test(class_28_stray_events),
		cmocka_unit_test(class_28_lying_words),
		cmocka_unit_test(class_29_races),
		cmocka_unit_test(class_30_peer_closes),
	};

	return channel_groups(tests, sizeof(tests) / sizeof(*tests));
}
