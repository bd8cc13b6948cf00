/* SPDX-License-Identifier: ISC */
/*
 * A timer's signal for a program that computes and makes no system call.
 *
 * The alarm's interrupt (arch/x86_64/alarm.h) makes the program look as if it
 * had made a system call right where it was, one that changes nothing:
 *
 *     program            alarm's stack        the stack of its system calls
 *     ...  ----------->  take: copies the
 *                        registers  ------->  interrupted: sends what is due,
 *                                             builds the handler's frame
 *     handler  <------------------------------ iretq
 *     sigreturn -> where it was, with every register and flag
 *
 * So whatever may happen in a system call may happen there: the end of the
 * guest by a signal without a handler, a switch of tasks. A pthread lets the
 * others run first, for the signal may be for one of them; main and tasks of
 * fata_task_spawn count on not being preempted, and are not.
 *
 * Invariant: the copy lies below the red zone of what was interrupted, or on
 * the thread's stack for system calls, which is empty then.
 */
#include <arch/x86_64/alarm.h>
#include <arch/x86_64/context.h>
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <core/loop.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <libc/frame.h>
#include <libc/signal.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <platform.h>
#include <string.h>

FATA_LOG_SOURCE("libc");

#define RED_ZONE 128
#define FLAGS_DF 0x400ull

/* Stack that `interrupted` needs, when it is the program's. */
#define OURS 4096

struct interrupted {
	struct trap_frame r;
	uint64_t kernel_stack;
	void *fpu; /* room for a switch of tasks */
};

static bool on;

uint64_t signal_flags(uint64_t flags)
{
	return on ? flags | RFLAGS_IF : flags & ~(uint64_t)RFLAGS_IF;
}

__attribute__((noreturn)) static void interrupted(struct interrupted *s)
{
	thread_context()->fpu = s->fpu;
	signal_timers();
	if (s->kernel_stack == thread_kernel_stack(fata_task_self()))
		fata_yield();
	signal_deliver_at(&s->r);
	s->r.flags = signal_flags(s->r.flags);
	thread_context()->fpu = NULL;
	frame_restore(&s->r, s->kernel_stack);
}

/* Go on in `interrupted`; false when this is no moment for it. */
static bool take(struct trap_frame *r)
{
	struct task *task = fata_task_self();
	struct cpu *cpu = this_cpu();
	uint64_t top, fpu;
	struct interrupted *s;

	if (!task || !*task_libc(task) || loop_this()->callback ||
	    thread_context()->fpu)
		return false;
	top = cpu->kernel_stack ? cpu->kernel_stack : r->sp - RED_ZONE;
	fpu = (top - cpu->fpu_size) & ~63ull;
	s = (void *)((fpu - sizeof(*s)) & ~15ull);
	if (!user_writable((char *)s - OURS, top - (uint64_t)s + OURS))
		return false;
	memset((char *)fpu + 512, 0, cpu->xsave ? 64 : 0);
	*s = (struct interrupted){*r, cpu->kernel_stack, (void *)fpu};
	cpu->kernel_stack = 0;
	r->ip = (uint64_t)interrupted;
	r->di = (uint64_t)s;
	/* as after the call of a function */
	r->sp = (uint64_t)s - 8;
	r->flags &= ~FLAGS_DF;
	return true;
}

void signal_alarm(uint64_t next)
{
	static bool told;
	uint64_t now;

	if (next && !on && alarm_init()) {
		if (!told)
			log_warn("no alarm: a timer's signal waits for the "
				 "next system call");
		told = true;
		return;
	}
	if (!next && !on)
		return;
	on = next;
	alarm_program = take;
	platform_interruptible(on);
	now = clock_mono_ns();
	alarm_set(!next ? 0 : next > now ? next - now : 1);
}
