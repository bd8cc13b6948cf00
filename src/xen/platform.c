/* SPDX-License-Identifier: ISC */
/*
 * src/platform.h on Xen: the functions that core needs.
 */
#include <arch/x86_64/backtrace.h>
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <core/heap.h>
#include <core/vm.h>
#include <fata/clock.h>
#include <platform.h>
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/evtchn.h>
#include <xen/hypercall.h>
#include <xen/sched.h>
#include <xen/setup.h>
#include <xen/vtimer.h>

/* How long the last output may stand still before the guest ends anyway. */
#define END_PATIENCE (2 * FATA_NS_PER_S)

bool platform_pending(void)
{
	return evtchn_pending();
}

unsigned platform_dispatch(void)
{
	return evtchn_dispatch();
}

void platform_interruptible(bool on)
{
	struct vcpu_info *vcpu = &setup_shared_info->vcpu_info[0];
	uint8_t *flag = &vcpu->evtchn_upcall_pending;

	cpu_interrupts(false);
	traps_noted = &evtchn_noted;
	traps_quiet = on ? flag : NULL;
	cpu_interrupts(on);
}

static void sleep_until(uint64_t deadline)
{
	if (evtchn_pending() || clock_mono_ns() >= deadline)
		return;
	vtimer_wake_by(deadline);
	cpu_idle();
}

/*
 * No event is lost: interrupts are off, and an upcall that comes between the
 * check and the sleep is taken the moment cpu_idle turns them on.
 */
void platform_block(uint64_t deadline)
{
	cpu_interrupts(false);
	sleep_until(deadline);
	cpu_interrupts(traps_quiet);
}

void *platform_stack_alloc(size_t *size)
{
	void *stack = vm_stack_alloc(size);

	if (stack)
		heap_account_stack((ssize_t)*size);
	return stack;
}

void platform_stack_free(void *stack, size_t size)
{
	heap_account_stack(-(ssize_t)size);
	vm_stack_free(stack, size);
}

void platform_log(const char *text, size_t n)
{
	console_put(console_main(), text, n);
}

void platform_emergency(const char *text, size_t n)
{
	console_emergency(text, n);
}

void platform_flush(void)
{
	console_settle(END_PATIENCE);
}

void platform_end(enum end_reason reason, int status)
{
	struct sched_shutdown how = {.reason = (unsigned)reason};

	(void)status; /* the log has told it */
	console_settle(END_PATIENCE);
	for (;;)
		hypercall_sched_op(SCHEDOP_shutdown, &how);
}

void platform_dump(void)
{
	backtrace_dump();
}

size_t platform_entropy(void *buffer, size_t n)
{
	return cpu_entropy(buffer, n);
}

uint64_t platform_cycles(void)
{
	return rdtsc();
}
