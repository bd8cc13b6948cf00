/* SPDX-License-Identifier: ISC */
/*
 * Traps: a page fault may bring a page (vm_fault), a program's mistake may
 * become a signal (traps_fault), everything else is the end of the guest with a
 * full dump. Nothing here resumes after a bug of our own.
 *
 * Stacks: six kinds, each 8 KiB with an unmapped page below (traps_stacks_init;
 * until then all share one of 4 KiB), and the alarm's (alarm.c).
 */
#include <arch/x86_64/alarm.h>
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <core/vm.h>
#include <errno.h>
#include <fata/end.h>

enum ist { IST_UPCALL = 1, IST_PAGE_FAULT, IST_TRAP, IST_NMI, IST_DOUBLE,
	   IST_MACHINE, IST_END, IST_ALARM = IST_END };

struct gate {
	uint16_t offset0, selector;
	uint8_t ist, type;
	uint16_t offset1;
	uint32_t offset2, reserved;
};

static struct gate idt[TRAP_VECTORS];
static struct {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed)) table = {sizeof(idt) - 1, (uint64_t)idt};

/* Used before the real stacks exist; enough for a panic's dump. */
extern unsigned char traps_early_stack[4096];
unsigned char traps_early_stack[4096] __attribute__((aligned(16)));

extern char trap_stubs[], upcall_entry[], alarm_entry[];
uint8_t *traps_quiet, *traps_noted;
bool (*traps_fault)(struct trap_frame *f, uint64_t address);
static const struct trap_frame *current;

void trap_handler(struct trap_frame *f);

static const char *const names[32] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow",
	"bound range", "invalid opcode", "no FPU", "double fault",
	"coprocessor", "invalid TSS", "segment not present", "stack segment",
	"general protection", "page fault", "reserved", "x87 error",
	"alignment check", "machine check", "SIMD error", "virtualization",
	"control protection",
};

const void *traps_table(void)
{
	return &table;
}

static enum ist ist_of(unsigned vector)
{
	switch (vector) {
	case TRAP_UPCALL:
		return IST_UPCALL;
	case TRAP_ALARM:
		return IST_ALARM;
	case 14:
		return IST_PAGE_FAULT;
	case 2:
		return IST_NMI;
	case 8:
		return IST_DOUBLE;
	case 18:
		return IST_MACHINE;
	default:
		return IST_TRAP;
	}
}

static void set_gate(unsigned vector, const char *entry)
{
	uint64_t a = (uint64_t)entry;

	idt[vector] = (struct gate){
		.offset0 = (uint16_t)a,
		.selector = SEL_CODE,
		.ist = ist_of(vector),
		.type = 0x8e, /* present, interrupt gate */
		.offset1 = (uint16_t)(a >> 16),
		.offset2 = (uint32_t)(a >> 32),
	};
}

void traps_init(void)
{
	for (unsigned v = 0; v < 32; v++)
		set_gate(v, trap_stubs + 16 * v);
	set_gate(TRAP_UPCALL, upcall_entry);
	set_gate(TRAP_ALARM, alarm_entry);
	for (unsigned i = IST_UPCALL; i < IST_END; i++)
		cpu_set_ist(i, traps_early_stack + sizeof(traps_early_stack));
}

int traps_stacks_init(void)
{
	for (unsigned i = IST_UPCALL; i < IST_END; i++) {
		size_t size = TRAP_STACK;
		char *stack = vm_stack_alloc(&size);

		if (!stack)
			return -ENOMEM;
		cpu_set_ist(i, stack + size);
	}
	return 0;
}

char *traps_alarm_stack(void)
{
	size_t size = TRAP_STACK;
	char *stack = vm_stack_alloc(&size);

	if (!stack)
		return NULL;
	cpu_set_ist(IST_ALARM, stack + size);
	return stack + size;
}

const struct trap_frame *traps_current(void)
{
	return current;
}

void traps_lost(void)
{
	fata_panic("the CPU delivered an interrupt twice; the place to go on "
		   "at is lost");
}

static void page_fault(struct trap_frame *f, uint64_t address)
{
	const char *what = f->error & PF_FETCH ? "execute"
			   : f->error & PF_WRITE ? "write"
						 : "read";

	fata_panic("page fault: %s of %#llx%s%s", what,
		   (unsigned long long)address,
		   f->error & PF_PRESENT ? ", which is protected"
					 : ", which is not mapped",
		   address < 65536 ? " (null pointer?)"
		   : vm_is_guard((void *)address) ? " (stack overflow)"
						  : "");
}

void trap_handler(struct trap_frame *f)
{
	const char *name = f->vector < 32 ? names[f->vector] : NULL;
	uint64_t address = read_cr2();

	if (f->vector == TRAP_ALARM) {
		alarm_interrupt(f);
		return;
	}
	/* a page that was promised and comes now */
	if (f->vector == 14 && !(f->error & PF_PRESENT) &&
	    vm_fault((void *)address, f->error & PF_WRITE))
		return;
	if (traps_fault && traps_fault(f, address))
		return;
	current = f;
	if (f->vector == 14)
		page_fault(f, address);
	fata_panic("%s (vector %u, error %#llx)", name ? name : "trap",
		   (unsigned)f->vector, (unsigned long long)f->error);
}
