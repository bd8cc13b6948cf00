/* SPDX-License-Identifier: ISC */
/*
 * The alarm (alarm.h), by the local APIC in its x2APIC mode, where registers
 * are MSRs (Intel SDM vol. 3A, 11.12; its timer 11.5.4). Xen emulates it for
 * every PVH guest: its timer counts 100 MHz (xen/arch/x86/hvm/vlapic.c). Should
 * it count otherwise somewhere, an alarm is early, which who asked for it
 * notices, or late in proportion.
 */
#include <arch/x86_64/alarm.h>
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <errno.h>

#define NS_PER_COUNT 10
#define AGAIN 50000 /* ns */

/* Registers, and what is written there. */
#define MSR_EOI 0x80b
#define MSR_SPURIOUS 0x80f /* bit 8: the APIC is on */
#define MSR_TIMER 0x832	   /* vector; mode 0: once */
#define MSR_COUNT 0x838
#define MSR_DIVIDE 0x83e
#define APIC_ON 0x100
#define DIVIDE_BY_1 0xb

extern char idle_hlt[], alarm_entry[];
extern char image_start[] __asm__("fata$image_start");
extern char kernel_end[] __asm__("fata$kernel_end");

bool (*alarm_program)(struct trap_frame *r);
static char *stack_top;

int alarm_init(void)
{
	if (stack_top)
		return 0;
	if (!(cpuid(1, 0).c & 1u << 21))
		return -ENOTSUP;
	stack_top = traps_alarm_stack();
	if (!stack_top)
		return -ENOMEM;
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	wrmsr(MSR_SPURIOUS, APIC_ON | TRAP_ALARM);
	wrmsr(MSR_DIVIDE, DIVIDE_BY_1);
	wrmsr(MSR_TIMER, TRAP_ALARM);
	return 0;
}

void alarm_set(uint64_t ns)
{
	uint64_t count = (ns + NS_PER_COUNT - 1) / NS_PER_COUNT;

	wrmsr(MSR_COUNT, count < UINT32_MAX ? count : UINT32_MAX);
}

/*
 * The emulated CPU that delivers an interrupt twice (traps.S): the second has
 * overwritten where the first came from. Nobody can go on there.
 */
static void check_lost(const struct trap_frame *r)
{
	if ((uint64_t)stack_top - r->sp < TRAP_STACK)
		traps_lost();
}

void alarm_interrupt(struct trap_frame *r)
{
	check_lost(r);
	wrmsr(MSR_EOI, 0);
	if (r->ip == (uint64_t)idle_hlt) {
		r->ip++; /* its sleep is over */
		r->flags &= ~(uint64_t)RFLAGS_IF;
		return;
	}
	if ((r->ip >= (uint64_t)image_start && r->ip < (uint64_t)kernel_end) ||
	    !alarm_program || !alarm_program(r))
		alarm_set(AGAIN);
}
