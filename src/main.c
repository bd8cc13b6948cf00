/* SPDX-License-Identifier: ISC */
/*
 * The boot order, on one page. docs/architecture.md tells the same as prose.
 *
 * entry.S has left us in 64-bit mode on the boot stack, with the first 4 GiB
 * mapped as they are and interrupts off.
 */
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/paging.h>
#include <arch/x86_64/traps.h>
#include <core/boot.h>
#include <core/cmdline.h>
#include <core/end.h>
#include <core/heap.h>
#include <core/log.h>
#include <core/metrics.h>
#include <core/page.h>
#include <core/param.h>
#include <core/random.h>
#include <core/symbols.h>
#include <core/task.h>
#include <core/trace.h>
#include <core/vm.h>
#include <drivers/balloon.h>
#include <errno.h>
#include <libc/start.h>
#include <platform.h>
#include <string.h>
#include <xen/clock.h>
#include <xen/console.h>
#include <xen/evtchn.h>
#include <xen/lifecycle.h>
#include <xen/setup.h>
#include <xen/start_info.h>
#include <xen/vtimer.h>

FATA_LOG_SOURCE("boot");

extern char image_start[] __asm__("fata$image_start");
extern char image_end[] __asm__("fata$data_end");
extern const uint32_t image_symbols[] __asm__("fata$symbols");
extern char boot_tables[], boot_tables_end[];
extern uint64_t entry_tsc;

void start(uint32_t magic, uint32_t info);

/* Without Xen there is no console and nobody to end the guest. */
static __attribute__((noreturn)) void no_xen(void)
{
	for (const char *p = "fata: panic: this is not Xen\n"; *p; p++)
		outb(PORT_DEBUG, (uint8_t)*p);
	cpu_stop();
}

/* 1. Xen, or one line and the end. */
static void find_xen(void)
{
	unsigned version;

	if (hypercall_init(&version))
		no_xen();
	if (version < XEN_VERSION_LEAST)
		fata_panic("Xen %u.%u is too old (expected 4.8 or later)",
			   version >> 16, version & 0xffff);
	if (!(rdmsr(MSR_EFER) & EFER_NXE))
		fata_panic("this CPU offers no NX (cpuid=...,nx=0?): memory "
			   "could not be kept from being executed");
}

/* 2. What we were given: memory, command line, modules. */
static void read_boot_info(uint32_t magic, uint32_t info)
{
	struct boot_info *b = &boot_info;
	void *p = (void *)(uintptr_t)info;

	if (magic == MULTIBOOT_BOOT_MAGIC)
		multiboot_parse(p, b);
	else if (start_info_parse(p, b))
		fata_panic("no start_info at %p (loaded by what?)", p);
	if (!b->ram.n && memory_map_read(b))
		fata_panic("no memory map");
	boot_reserve(b, image_start, (uint64_t)(image_end - image_start));
	boot_reserve(b, image_symbols, image_symbols[1]);
}

/* 3. Our own page tables, then all free memory to the page allocator. */
static void start_memory(void)
{
	struct memmap free = boot_info.ram, *reserved = &boot_info.reserved;
	uint64_t ram = 0;

	for (unsigned i = 0; i < free.n; i++)
		ram += free.r[i].end - free.r[i].start;
	for (unsigned i = 0; i < reserved->n; i++)
		memmap_remove(&free, reserved->r[i].start, reserved->r[i].end);
	if (!free.n)
		fata_panic("no memory beside the image");
	paging_init(&free, reserved);
	symbols_init(image_symbols);
	for (unsigned i = 0; i < free.n; i++)
		page_add(free.r[i].start, free.r[i].end);
	page_add((uintptr_t)boot_tables, (uintptr_t)boot_tables_end);
	page_note_other(ram - page_memory());
	random_init();
	vm_init();
	heap_set_fallback(vm_pages_alloc, vm_pages_free);
	if (traps_stacks_init())
		fata_panic("too little memory (for the interrupt stacks)");
}

/* 4. Event channels, clock, console: from here on the log is seen. */
static void start_xen(void)
{
	if (setup_map_shared_info())
		fata_panic("no shared page");
	clock_init(setup_shared_info);
	boot_info.entry_ns = clock_from_tsc(entry_tsc);
	evtchn_init(setup_shared_info);
	if (setup_upcall(TRAP_UPCALL))
		fata_panic("no event upcall");
	if (vtimer_init())
		fata_panic("no timer events");
	if (console_init())
		fata_panic("too little memory (for the console)");
}

/* 5. The command line; ends here for --help and for what is wrong in it. */
static struct cmdline read_parameters(void)
{
	struct cmdline c;
	int rc;

	if (boot_info.cmdline_cut) {
		log_error("command line: longer than 64 KiB");
		end_early(PARAM_BAD);
	}
	rc = cmdline_parse(boot_cmdline(), "fata", &c);
	if (rc == -EINVAL) {
		log_error("command line: %s at byte %zu", c.error, c.error_at);
		end_early(PARAM_BAD);
	}
	if (rc)
		fata_panic("too little memory (for the command line)");
	rc = param_apply(&c.argc, c.argv, platform_log);
	if (rc)
		end_early(rc);
	return c;
}

/* 6. The program, on a task of its own. */
static int program(void *arg)
{
	struct cmdline *c = arg;

	libc_run(c->argc, c->argv);
	fata_panic("too little memory (for the program)");
}

void start(uint32_t magic, uint32_t info)
{
	static struct cmdline cmdline;
	struct task_attr main_task = {.name = "main"};
	struct task *task;

	cpu_init();
	traps_init();
	find_xen();
	read_boot_info(magic, info);
	start_memory();
	start_xen();
	if (task_init_main("boot"))
		fata_panic("too little memory (for the first task)");
	cmdline = read_parameters();
	log_init();
	trace_start();
	metrics_start();
	if (setup_xenstore())
		log_debug("no xenstore");
	if (lifecycle_start())
		fata_panic("too little memory (for the lifecycle's task)");
	if (balloon_start())
		fata_panic("too little memory (for the balloon's task)");
	main_task.stack_size = start_stack_size();
	if (fata_task_spawn(&task, &main_task, program, &cmdline))
		fata_panic("too little memory (for the program's stack)");
	fata_task_join(task, NULL, FATA_FOREVER);
	fata_panic("the program's task ended");
}
