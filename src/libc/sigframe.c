/* SPDX-License-Identifier: ISC */
/*
 * Into a signal handler and back: the frame that Linux builds on x86-64, so
 * that libc's restorer, and handlers that look into their ucontext, find it.
 *
 *     high   the FPU's registers (64-byte aligned)
 *            siginfo
 *            ucontext: all registers, the mask to restore
 *     sp ->  address of libc's restorer, to which the handler returns
 *
 * It lies below the red zone of what was interrupted (and below our own frames,
 * where those are on the same stack), or on the alternate stack. The way back
 * loads every register with iretq.
 */
#include <arch/x86_64/context.h>
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <core/vm.h>
#include <errno.h>
#include <libc/frame.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <string.h>
#include <sys/syscall.h>

#define RED_ZONE 128
#define FPU_MAX 4096
#define ALT_LEAST 2048 /* of an alternate stack: MINSIGSTKSZ */

/* What signal_enter and all that it calls need of the stack, and more. */
#define OURS 2048

/* Flags that a program may set in itself: arithmetic, direction, trap, AC. */
#define USER_FLAGS 0x240dd5ull
#define FLAGS_DF 0x400ull

/* Linux's struct ucontext; the machine's registers in its order. */
struct context_frame {
	uint64_t restorer;
	uint64_t flags, link;
	uint64_t stack_at, stack_flags, stack_size;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax,
		cx, sp, ip, eflags, segments, error, trap, old_mask, cr2;
	uint64_t fpu, reserved[8];
	uint64_t mask;
	siginfo_t info;
};

_Static_assert(sizeof(siginfo_t) == 128, "the kernel's size");

static void save_registers(struct context_frame *c, const struct trap_frame *r)
{
	c->r8 = r->r8;
	c->r9 = r->r9;
	c->r10 = r->r10;
	c->r11 = r->r11;
	c->r12 = r->r12;
	c->r13 = r->r13;
	c->r14 = r->r14;
	c->r15 = r->r15;
	c->di = r->di;
	c->si = r->si;
	c->bp = r->bp;
	c->bx = r->bx;
	c->dx = r->dx;
	c->ax = r->ax;
	c->cx = r->cx;
	c->sp = r->sp;
	c->ip = r->ip;
	c->eflags = r->flags;
	c->error = r->error;
	c->trap = r->vector;
	c->segments = SEL_CODE;
}

static void load_registers(struct trap_frame *r, const struct context_frame *c)
{
	*r = (struct trap_frame){
		.r15 = c->r15,
		.r14 = c->r14,
		.r13 = c->r13,
		.r12 = c->r12,
		.r11 = c->r11,
		.r10 = c->r10,
		.r9 = c->r9,
		.r8 = c->r8,
		.bp = c->bp,
		.di = c->di,
		.si = c->si,
		.dx = c->dx,
		.cx = c->cx,
		.bx = c->bx,
		.ax = c->ax,
		.ip = c->ip,
		.cs = SEL_CODE,
		.flags = signal_flags(c->eflags & USER_FLAGS),
		.sp = c->sp,
		.ss = SEL_DATA,
	};
}

static bool within(uint64_t sp, const struct thread *t)
{
	return t->alt_size && sp - t->alt_stack <= t->alt_size;
}

/* struct stack_t; flags as the program sees them. */
long sys_sigaltstack(const stack_t *new, stack_t *old)
{
	struct thread *t = thread_self();
	stack_t was = {.ss_sp = (void *)t->alt_stack,
		       .ss_size = t->alt_size,
		       .ss_flags = !t->alt_size		  ? SS_DISABLE
				   : within(thread_frame()->sp, t)
					 ? SS_ONSTACK
					 : 0};

	if ((new && !user_readable(new, sizeof(*new))) ||
	    (old && !user_writable(old, sizeof(*old))))
		return -EFAULT;
	if (new && was.ss_flags == SS_ONSTACK)
		return -EPERM;
	if (new && new->ss_flags & ~SS_DISABLE)
		return -EINVAL;
	if (new && !(new->ss_flags & SS_DISABLE) && new->ss_size < ALT_LEAST)
		return -ENOMEM;
	if (new) {
		bool off = new->ss_flags & SS_DISABLE;
		struct frame *f = thread_frame();

		/* main's calls are served where it runs, here too small */
		if (!off && !f->kernel_stack)
			f->kernel_stack = thread_call_stack(t);
		if (!off && !f->kernel_stack)
			return -ENOMEM;
		t->alt_stack = off ? 0 : (uint64_t)new->ss_sp;
		t->alt_size = off ? 0 : new->ss_size;
	}
	if (old)
		*old = was;
	return 0;
}

/* Not for what parks: the FPU's registers are those of the program. */
bool signal_enter(struct thread *t, struct trap_frame *r, int sig,
		  const siginfo_t *info, uint64_t cr2)
{
	struct action *a = signal_action(sig);
	uint64_t sp = r->sp - RED_ZONE, fpu;
	uint64_t here = (uint64_t)__builtin_frame_address(0) - OURS;
	struct context_frame *c;

	/* a call that is served on the program's own stack: below us */
	if (here < sp && sp - here < 4 * OURS + this_cpu()->fpu_size)
		sp = here;
	if (a->flags & ACTION_ONSTACK && t->alt_size && !within(r->sp, t))
		sp = t->alt_stack + t->alt_size;
	fpu = (sp - this_cpu()->fpu_size) & ~63ull;
	/* a function starts with its stack pointer 8 below a multiple of 16 */
	c = (void *)(((fpu - sizeof(*c)) & ~15ull) - 8);
	if (!user_writable(c, sp - (uint64_t)c) ||
	    vm_fill(c, sp - (uint64_t)c) || !(a->flags & ACTION_RESTORER))
		return false;
	memset(c, 0, sizeof(*c));
	save_registers(c, r);
	c->restorer = a->restorer;
	c->cr2 = cr2;
	c->stack_at = t->alt_stack;
	c->stack_size = t->alt_size;
	c->stack_flags = t->alt_size ? 0 : SS_DISABLE;
	c->mask = t->restore_mask ? t->saved_mask : t->sigmask;
	c->info = *info;
	c->fpu = fpu;
	memset((char *)fpu + 512, 0, this_cpu()->xsave ? 64 : 0);
	cpu_fpu_save((void *)fpu);
	t->restore_mask = false;
	t->sigmask |= a->mask;
	if (!(a->flags & ACTION_NODEFER))
		t->sigmask |= signal_bit(sig);
	r->ip = a->handler;
	r->sp = (uint64_t)c;
	r->di = (uint64_t)sig;
	r->si = (uint64_t)&c->info;
	r->dx = (uint64_t)&c->flags;
	r->ax = 0;
	r->flags &= ~FLAGS_DF;
	if (a->flags & ACTION_RESETHAND)
		a->handler = 0;
	return true;
}

/* There is nothing to go on with: the end, as on Linux. */
static void no_stack(void)
{
	signal_action(SIGSEGV)->handler = 0;
	signal_default(SIGSEGV);
}

/* --- at the end of a system call ------------------------------------------ */

/* These end with EINTR whatever the handler's flags say. */
static bool never_restarts(uint64_t number)
{
	switch (number) {
	case __NR_nanosleep:
	case __NR_clock_nanosleep:
	case __NR_pause:
	case __NR_rt_sigsuspend:
	case __NR_rt_sigtimedwait:
	case __NR_poll:
	case __NR_ppoll:
	case __NR_select:
	case __NR_pselect6:
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2:
		return true;
	default:
		return false;
	}
}

static struct trap_frame from_frame(const struct frame *f)
{
	return (struct trap_frame){
		.r15 = f->r15,
		.r14 = f->r14,
		.r13 = f->r13,
		.r12 = f->r12,
		.r11 = f->flags,
		.r10 = f->r10,
		.r9 = f->r9,
		.r8 = f->r8,
		.bp = f->bp,
		.di = f->di,
		.si = f->si,
		.dx = f->dx,
		.cx = f->ip,
		.bx = f->bx,
		.ax = f->ax,
		.ip = f->ip,
		.flags = f->flags,
		.sp = f->sp,
	};
}

/* signal_enter changes these only. */
static void to_frame(struct frame *f, const struct trap_frame *r)
{
	f->ip = r->ip;
	f->sp = r->sp;
	f->di = r->di;
	f->si = r->si;
	f->dx = r->dx;
	f->ax = r->ax;
	f->flags = r->flags;
}

static void handle(struct thread *t, struct frame *f, uint64_t number, int sig,
		   const siginfo_t *info)
{
	struct trap_frame r;

	if (f->ax == (uint64_t)-EINTR && !t->final && !never_restarts(number) &&
	    signal_action(sig)->flags & ACTION_RESTART) {
		f->ax = number;
		f->ip -= 2; /* the syscall instruction again */
	}
	r = from_frame(f);
	if (!signal_enter(t, &r, sig, info, 0))
		no_stack();
	to_frame(f, &r);
}

void signal_deliver_at(struct trap_frame *r)
{
	struct thread *t = thread_self();
	siginfo_t info;
	int sig;

	while ((sig = signal_take(t, &info)) != 0) {
		if (signal_action(sig)->handler <= 1)
			signal_default(sig);
		else if (!signal_enter(t, r, sig, &info, 0))
			no_stack();
	}
}

void signal_deliver(struct frame *f, uint64_t number)
{
	struct thread *t = thread_self();
	siginfo_t info;
	int sig;

	if (t->interrupted) {
		t->interrupted = false;
		fata_task_uncancel();
	}
	while ((sig = signal_take(t, &info)) != 0) {
		if (signal_action(sig)->handler > 1)
			handle(t, f, number, sig, &info);
		else
			signal_default(sig);
	}
	if (t->restore_mask) {
		t->restore_mask = false;
		t->sigmask = t->saved_mask;
	}
	t->final = false;
}

/* What came from the program's stack must not harm us: reserved bits. */
static bool load_fpu(uint64_t from)
{
	static unsigned char area[FPU_MAX] __attribute__((aligned(64)));
	const struct cpu *c = this_cpu();
	uint32_t *mxcsr = (void *)(area + 24);
	uint64_t *header = (void *)(area + 512);

	if (c->fpu_size > FPU_MAX || !user_readable((void *)from, c->fpu_size))
		return false;
	memcpy(area, (void *)from, c->fpu_size);
	*mxcsr &= 0xffff;
	if (!(*(uint32_t *)(void *)(area + 28) & 0x40))
		*mxcsr &= ~0x40u; /* denormals are zeros: not every CPU */
	if (c->xsave) {
		header[0] &= c->fpu_mask;
		memset(header + 1, 0, 56);
	}
	cpu_fpu_load(area);
	return true;
}

/* The restorer's call: the frame's start, the return address, is popped. */
long sys_rt_sigreturn(void)
{
	struct frame *f = thread_frame();
	struct context_frame *c = (void *)(f->sp - 8);
	struct thread *t = thread_self();
	struct trap_frame r;

	if (!user_readable(c, sizeof(*c)) || (c->fpu && !load_fpu(c->fpu)))
		no_stack();
	load_registers(&r, c);
	t->sigmask = c->mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	thread_context()->fpu = f->outer_fpu;
	frame_restore(&r, f->kernel_stack);
}
