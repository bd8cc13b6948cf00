/* SPDX-License-Identifier: ISC */
/*
 * A task's share of the CPU: stack pointer, thread pointer, kernel stack and,
 * for a task that parks inside a system call, all of the FPU's registers.
 *
 * Kernel code uses general registers only. So a task that blocks through a
 * direct call loses no vector register that its caller could count on, but one
 * that blocks inside a system call must find all of them again.
 */
#include <arch/x86_64/context.h>
#include <arch/x86_64/cpu.h>
#include <core/assert.h>
#include <fata/heap.h>
#include <platform.h>

void context_switch(uint64_t *save_sp, uint64_t new_sp);
extern char context_start[];

/* What context.S pops, lowest address first. */
struct frame {
	uint32_t mxcsr, fcw;
	uint64_t r15, r14, r13, r12, bx, bp, ip;
};

uint64_t context_default_fs;

size_t platform_context_size(void)
{
	return sizeof(struct context);
}

void platform_context_init(struct context *c, void *stack, size_t size,
			   void (*fn)(void *), void *arg)
{
	uint64_t top = ((uint64_t)stack + size) & ~15ull;
	struct frame *f = (struct frame *)(top - 16) - 1;

	*f = (struct frame){
		.mxcsr = 0x1f80,
		.fcw = 0x37f,
		.bx = (uint64_t)fn,
		.r12 = (uint64_t)arg,
		.ip = (uint64_t)context_start,
	};
	*c = (struct context){.sp = (uint64_t)f};
}

void platform_context_adopt(struct context *c)
{
	*c = (struct context){.fs_base = cpu_fs_base()};
}

void platform_context_switch(struct context *from, struct context *to)
{
	struct cpu *cpu = this_cpu();

	from->kernel_stack = cpu->kernel_stack;
	if (from->fpu)
		cpu_fpu_save(from->fpu);
	if (from->fs_base != to->fs_base)
		cpu_set_fs_base(to->fs_base ? to->fs_base : context_default_fs);
	cpu->kernel_stack = to->kernel_stack;
	context_switch(&from->sp, to->sp);
	/* Here `from` runs again; `to` may be gone. */
	if (from->fpu)
		cpu_fpu_load(from->fpu);
}

void platform_context_destroy(struct context *c)
{
	(void)c;
}
