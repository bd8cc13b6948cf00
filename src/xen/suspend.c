/* SPDX-License-Identifier: ISC */
/*
 * Suspend and resume: `xl save`, `restore`, `migrate`, and a checkpoint.
 *
 *     before, ascending             after, descending
 *     0    program's                ^ program's
 *     100  devices stop             | devices connect anew
 *     200  xenstore drained         | xenstore: new ring, watches again
 *     250  console flushed          | console: new ring
 *          ----- nothing blocks from here ... ------
 *          SCHEDOP_shutdown(suspend)
 *               1: cancelled        nothing has changed
 *               0: new domain       shared page, upcall, clock, event
 *                                   channels, grant table: in this order,
 *                                   before any other line of code runs
 *          ----- ... to here -------------------------
 *
 * What Xen keeps for a domain and the new one lacks is put back here; what the
 * guest's parts keep about it is put back by each of them: they registered for
 * it. If a `before` fails, those already called are told to go on.
 */
#include <errno.h>

#include <fata/clock.h>
#include <fata/end.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fata/trace.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include "core/random.h"
#include "xen/console.h"
#include "xen/gnttab.h"
#include "xen/hypercall.h"
#include "xen/lifecycle.h"
#include "xen/setup.h"
#include "xen/xenstore.h"

FATA_LOG_SOURCE("suspend");

static uint64_t patience = 20 * FATA_NS_PER_S;
FATA_PARAM_TIME(patience, "suspend-wait", "20s",
		"how long stopping all parts for a suspend may take");

static int store_before(void *arg, uint64_t deadline)
{
	(void)arg;
	return xs_suspend(deadline);
}

static void store_after(void *arg, enum lifecycle_resume how)
{
	void *page;

	(void)arg;
	if (how == LIFECYCLE_SAME) {
		xs_resume_same();
		return;
	}
	page = setup_map_special(setup_hvm_param(HVM_PARAM_STORE_PFN));
	if (page)
		xs_resume_at(page, setup_hvm_param(HVM_PARAM_STORE_EVTCHN));
}

static int console_before(void *arg, uint64_t deadline)
{
	(void)arg;
	(void)deadline; /* its own patience is shorter */
	console_suspend();
	return 0;
}

static void console_after(void *arg, enum lifecycle_resume how)
{
	(void)arg;
	if (how == LIFECYCLE_RENEWED)
		console_resume();
}

static struct lifecycle_client console = {
	.name = "console",
	.order = LIFECYCLE_STORE + 50,
	.before = console_before,
	.after = console_after,
};

static struct lifecycle_client store = {
	.name = "xenstore",
	.order = LIFECYCLE_STORE,
	.before = store_before,
	.after = store_after,
	.next = &console,
};

static struct lifecycle_client *clients = &store;
static uint32_t generation;

uint32_t lifecycle_generation(void)
{
	return generation;
}

void lifecycle_register(struct lifecycle_client *c)
{
	struct lifecycle_client **at, *one;

	for (one = clients; one; one = one->next)
		if (one == c)
			return;
	for (at = &clients; *at && (*at)->order <= c->order; at = &(*at)->next)
		;
	c->next = *at;
	*at = c;
}

/* Those before `end`, the last first. The list is short. */
static void call_after(struct lifecycle_client *end, enum lifecycle_resume how)
{
	struct lifecycle_client *last, *one;

	while (end != clients) {
		last = clients;
		for (one = clients; one != end; one = one->next)
			last = one;
		if (last->after)
			last->after(last->arg, how);
		end = last;
	}
}

/* What Xen holds for a domain, in the new one. Nothing here blocks or logs. */
static void renew(void)
{
	generation++;
	if (setup_resume() || gnttab_resume())
		fata_panic("resume: Xen does not give back what we had");
	random_reseed(); /* another copy of this guest may run, too */
}

int suspend_run(void)
{
	struct sched_shutdown how = {.reason = SHUTDOWN_suspend};
	uint64_t deadline = clock_deadline(patience);
	struct lifecycle_client *c;
	long rc;

	log_info("suspending");
	for (c = clients; c; c = c->next) {
		int err = c->before ? c->before(c->arg, deadline) : 0;

		if (err == 0)
			continue;
		log_error("%s cannot stop: error %d; not suspended", c->name,
			  err);
		call_after(c, LIFECYCLE_SAME);
		return err;
	}
	trace(TRACE_SUSPEND, generation, 0);
	rc = hypercall_sched_op(SCHEDOP_shutdown, &how);
	if (rc == 0)
		renew();
	trace(TRACE_SUSPEND, generation, 1);
	call_after(NULL, rc == 0 ? LIFECYCLE_RENEWED : LIFECYCLE_SAME);
	if (rc < 0)
		log_error("Xen does not suspend: error %ld", rc);
	else
		log_info(rc ? "going on in the same domain" : "resumed");
	return rc;
}
