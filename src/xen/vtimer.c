/* SPDX-License-Identifier: ISC */
/* The vCPU's one-shot timer; see vtimer.h. */
#include <fata/clock.h>
#include <fata/xen/evtchn.h>
#include <xen/clock.h>
#include <xen/hypercall.h>
#include <xen/vtimer.h>

/*
 * When the event is to come. Only the event itself says that it came: by our
 * clock its time may be some nanoseconds ahead when Xen's has reached it.
 */
static uint64_t armed = FATA_FOREVER;

static void fired(void *arg)
{
	(void)arg;
	armed = FATA_FOREVER;
}

int vtimer_init(void)
{
	static struct evtchn timer;
	int rc;

	(void)evtchn_close(&timer); /* after a resume it is stale */
	armed = FATA_FOREVER;
	rc = evtchn_bind_virq(&timer, VIRQ_TIMER);
	if (rc)
		return rc;
	evtchn_handle(&timer, fired, NULL);
	return evtchn_unmask(&timer);
}

void vtimer_wake_by(uint64_t deadline)
{
	if (armed <= deadline)
		return;
	hypercall_set_timer_op(clock_to_system_time(deadline));
	armed = deadline;
}
