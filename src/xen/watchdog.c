/* SPDX-License-Identifier: ISC */
/*
 * The watchdog (fata/lifecycle.h): Xen ends the domain unless it is told in
 * time not to. A timer tells it, three times in each period, so the main loop
 * must come round. It is stopped while the guest is suspended, since nobody
 * knows how long that takes, and a new domain has none.
 *
 * Source: xen/include/public/sched.h, SCHEDOP_watchdog.
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/timer.h>
#include <xen/xen.h>
#include <xen/sched.h>
#include "xen/hypercall.h"
#include "xen/lifecycle.h"

static struct {
	struct timer timer;
	uint32_t id; /* Xen's number; 0: none */
	uint32_t seconds;
} w;

static long tell(uint32_t id, uint32_t seconds)
{
	struct sched_watchdog op = {.id = id, .timeout = seconds};

	return hypercall_sched_op(SCHEDOP_watchdog, &op);
}

static void feed(void *arg)
{
	(void)arg;
	tell(w.id, w.seconds);
	timer_set(&w.timer, clock_deadline(w.seconds * FATA_NS_PER_S / 3), feed,
		  NULL);
}

static void stop(void)
{
	timer_cancel(&w.timer);
	if (w.id)
		tell(w.id, 0);
	w.id = 0;
}

static int begin(void)
{
	long id = tell(0, w.seconds);

	if (id <= 0)
		return id ? id : -EIO;
	w.id = id;
	feed(NULL);
	return 0;
}

static int before(void *arg, uint64_t deadline)
{
	(void)arg;
	(void)deadline;
	stop();
	return 0;
}

static void after(void *arg, enum lifecycle_resume how)
{
	(void)arg;
	(void)how;
	if (w.seconds)
		begin();
}

static struct lifecycle_client client = {
	.name = "watchdog",
	.order = LIFECYCLE_PLATFORM,
	.before = before,
	.after = after,
};

int lifecycle_watchdog(uint64_t ns)
{
	uint64_t seconds = ns / FATA_NS_PER_S + (ns % FATA_NS_PER_S != 0);

	/* Xen counts nanoseconds in 64 bits, from a 32-bit number. */
	w.seconds = seconds > UINT32_MAX ? UINT32_MAX : seconds;
	stop();
	if (!ns)
		return 0;
	lifecycle_register(&client);
	return begin();
}
