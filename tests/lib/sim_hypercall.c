/* SPDX-License-Identifier: ISC */
/*
 * The hypercalls of src/xen/hypercall.h, answered by the simulated Xen. Each
 * takes some time, lets others run, and can be made to fail.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fata/end.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/sched.h>

#include "lib/sim.h"
#include "lib/sim_fifo.h"
#include "lib/sim_hypercall.h"
#include "platform.h"
#include "xen/hypercall.h"

static void enter(void)
{
	sim.hypercalls++;
	sim.now += 300 + sim_below(400);
	sim_step();
}

/* Errors that a hypercall may return for reasons of its own. */
static long injected(void)
{
	static const int error[] = {-ENOMEM, -EBUSY, -EINTR, -ENOSPC, -EPERM};

	return sim_fails(SIM_FAIL_HYPERCALL) ? error[sim_below(5)] : 0;
}

long hypercall_event_channel_op(int cmd, void *arg)
{
	long rc = 0;

	enter();
	/* Those never fail for a port that is open. */
	if (cmd != EVTCHNOP_send && cmd != EVTCHNOP_close &&
	    cmd != EVTCHNOP_unmask)
		rc = injected();
	return rc ? rc : sim_event_channel_op(cmd, arg);
}

long hypercall_grant_table_op(unsigned int cmd, void *args, unsigned int count)
{
	enter();
	sim.now += count * 200;
	return sim_grant_table_op(cmd, args, count);
}

long hypercall_memory_op(unsigned int cmd, void *arg)
{
	long rc;

	enter();
	rc = injected();
	return rc ? rc : sim_memory_op(cmd, arg);
}

long hypercall_hvm_op(int cmd, void *arg)
{
	struct xen_hvm_param *p = arg;
	long rc;

	enter();
	rc = injected();
	if (rc)
		return rc;
	if (cmd == HVMOP_set_evtchn_upcall_vector)
		return 0;
	if ((cmd != HVMOP_get_param && cmd != HVMOP_set_param) ||
	    p->index >= HVM_NR_PARAMS || p->domid != DOMID_SELF)
		return -EINVAL;
	if (cmd == HVMOP_get_param)
		p->value = sim_guest->hvm_params[p->index];
	else
		sim_guest->hvm_params[p->index] = p->value;
	return 0;
}

/* --- scheduling, timers, suspend ------------------------------------------ */

static void fire_timer(void *arg)
{
	(void)arg;
	sim_virq(sim_guest, VIRQ_TIMER);
}

long hypercall_set_timer_op(uint64_t timeout)
{
	enter();
	sim_forget(&sim_guest->timer);
	if (timeout)
		sim_after(timeout > sim.now ? timeout - sim.now : 0, fire_timer,
			  &sim_guest->timer);
	return 0;
}

void sim_new_domain(struct sim_domain *d)
{
	for (uint32_t port = 1; port < d->ports_used; port++)
		if (d->ports[port].state != SIM_PORT_FREE)
			sim_evtchn_close(d, port);
	sim_fifo_reset(d);
	sim_gnttab_reset(d);
	memset(sim_shared(d), 0, sizeof(struct shared_info));
}

static long shut_down(struct sched_shutdown *op)
{
	if (op->reason == SHUTDOWN_suspend)
		return sim_guest->suspend ? sim_guest->suspend(sim_guest) : 1;
	platform_end((enum end_reason)op->reason, 0);
}

long hypercall_sched_op(int cmd, void *arg)
{
	enter();
	switch (cmd) {
	case SCHEDOP_yield:
		sim_pass(FATA_NS_PER_US);
		return 0;
	case SCHEDOP_shutdown:
		return shut_down(arg);
	case SCHEDOP_poll: {
		uint64_t end = ((struct sched_poll *)arg)->timeout;

		sim_pass(end > sim.now ? end - sim.now : 0);
		return 0;
	}
	case SCHEDOP_watchdog:
		return sim_watchdog(arg);
	}
	return -ENOSYS;
}

static void watchdog_bites(void *arg)
{
	(void)arg;
	sim_die("the watchdog fired");
}

/* Two slots; id 0 with a timeout makes a new one, timeout 0 ends it. */
long sim_watchdog(struct sched_watchdog *op)
{
	static char slot[2];
	static bool used[2];
	unsigned int i = op->id ? op->id - 1 : used[0];

	if (i >= 2 || (op->id ? !used[i] : used[i] || !op->timeout))
		return op->id || op->timeout ? -EINVAL : 0;
	sim_forget(&slot[i]);
	used[i] = op->timeout != 0;
	if (op->timeout)
		sim_after(op->timeout * FATA_NS_PER_S, watchdog_bites,
			  &slot[i]);
	return op->id ? 0 : (long)i + 1;
}

/* --- the rest ------------------------------------------------------------- */

long hypercall_console_io(int cmd, unsigned int count, char *text)
{
	enter();
	if (cmd != CONSOLEIO_write)
		return -ENOSYS;
	return (long)fwrite(text, 1, count, stderr) == count ? 0 : -EIO;
}
