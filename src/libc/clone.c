/* SPDX-License-Identifier: ISC */
/*
 * Threads: clone makes a task, exit ends it.
 *
 * libc's clone gives a new thread its stack and its thread pointer, and expects
 * it to come out of the system call with 0:
 *
 *     parent                            child (a new task)
 *     clone: frame copied               thread_begin, on the task's own stack
 *     task spawned, returns tid         frame_enter(copy), ax = 0, sp = new
 *     ...                               runs on libc's stack
 *
 * What the child needs of the parent's registers is in the copied frame.
 */
#include <arch/x86_64/context.h>
#include <arch/x86_64/cpu.h>
#include <core/fmt.h>
#include <errno.h>
#include <fata/end.h>
#include <fata/heap.h>
#include <libc/frame.h>
#include <libc/futex.h>
#include <libc/mem.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/tls.h>
#include <libc/user.h>
#include <sched.h>
#include <string.h>

/* As Linux: a broken list must not keep us for ever. */
#define ROBUST_LIMIT 2048

#define NEEDED                                                                 \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define OPTIONAL                                                               \
	(CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |                  \
	 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED)

static struct frame *entered;
static uint64_t main_pointer;

struct start {
	struct frame frame;
	struct thread *thread;
	uint32_t *set_tid; /* CLONE_CHILD_SETTID */
};

void thread_entered(struct frame *f)
{
	entered = f;
}

struct frame *thread_frame(void)
{
	return entered;
}

uint64_t main_thread_pointer(void)
{
	return main_pointer;
}

uint64_t thread_kernel_stack(const struct task *t)
{
	return ((uint64_t)t->stack + t->stack_size) & ~15ull;
}

void thread_set_pointer(uint64_t fs_base)
{
	if (!main_pointer)
		main_pointer = fs_base;
	context_default_fs = main_pointer;
	thread_context()->fs_base = fs_base;
	cpu_set_fs_base(fs_base);
}

static int thread_begin(void *arg)
{
	struct start *s = arg;
	struct frame f = s->frame;

	if (s->set_tid && user_writable(s->set_tid, sizeof(*s->set_tid)))
		*s->set_tid = (uint32_t)s->thread->tid;
	heap_free(s);
	f.ax = 0;
	f.flags = signal_flags(f.flags);
	f.kernel_stack = thread_kernel_stack(fata_task_self());
	frame_enter(&f);
}

static struct start *start_new(uint64_t stack)
{
	struct start *s = heap_calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->thread = thread_new(NULL);
	if (!s->thread) {
		heap_free(s);
		return NULL;
	}
	s->frame = *thread_frame();
	s->thread->sigmask = thread_self()->sigmask;
	s->frame.sp = stack;
	return s;
}

static int start_task(struct start *s, uint64_t flags, uint64_t tls)
{
	struct task_attr attr = {.stack_size = THREAD_CALL_STACK};
	char name[32];
	struct task *t;
	int err;

	fmt(name, sizeof(name), "thread-%d", s->thread->tid);
	attr.name = name;
	tls_brought(true);
	err = fata_task_spawn(&t, &attr, thread_begin, s);
	tls_brought(false);
	if (err)
		return err;
	s->thread->task = t;
	*task_libc(t) = s->thread;
	t->context->fs_base =
		flags & CLONE_SETTLS ? tls : thread_context()->fs_base;
	fata_task_detach(t);
	return 0;
}

long sys_clone(uint64_t flags, uint64_t stack, uint32_t *parent_tid,
	       uint32_t *child_tid, uint64_t tls)
{
	struct start *s;
	int tid, err;

	if ((flags & NEEDED) != NEEDED)
		return -ENOSYS;
	if (flags & ~(uint64_t)(NEEDED | OPTIONAL) || !stack)
		return -EINVAL;
	if (flags & CLONE_PARENT_SETTID &&
	    !user_writable(parent_tid, sizeof(*parent_tid)))
		return -EFAULT;
	s = mem_fill_stack(stack) ? NULL : start_new(stack);
	if (!s)
		return -EAGAIN;
	if (flags & CLONE_CHILD_CLEARTID)
		s->thread->clear_tid = child_tid;
	if (flags & CLONE_CHILD_SETTID)
		s->set_tid = child_tid;
	tid = s->thread->tid;
	err = start_task(s, flags, tls);
	if (err) {
		thread_free(s->thread);
		heap_free(s);
		return -EAGAIN;
	}
	if (flags & CLONE_PARENT_SETTID)
		*parent_tid = (uint32_t)tid;
	return tid;
}

/* The owner of a robust mutex has gone: mark it and wake one waiter. */
static void robust_release(uint32_t *word, int tid)
{
	if ((uintptr_t)word % 4 || !user_writable(word, 4) ||
	    (*word & FUTEX_TID_MASK) != (uint32_t)tid)
		return;
	*word = (*word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
	futex_wake(word, 1, ~0u);
}

/*
 * struct robust_list_head of linux/futex.h: the first entry, the offset from
 * an entry to its mutex's word, an entry being worked on.
 */
static void robust_end(const struct thread *t)
{
	void **head = t->robust;
	void **entry;
	long offset;

	if (!head || !user_readable(head, 24))
		return;
	offset = (long)head[1];
	entry = head[0];
	for (unsigned i = 0; entry != head && i < ROBUST_LIMIT; i++) {
		if (!user_readable(entry, sizeof(*entry)))
			return;
		robust_release((void *)((char *)entry + offset), t->tid);
		entry = *entry;
	}
	if (head[2])
		robust_release((void *)((char *)head[2] + offset), t->tid);
}

long sys_exit(int status)
{
	struct thread *t = thread_self();

	robust_end(t);
	if (t->clear_tid && user_writable(t->clear_tid, 4)) {
		*t->clear_tid = 0;
		futex_wake(t->clear_tid, 1, ~0u);
	}
	/* Callbacks may run here until the next task does; ours may be gone. */
	thread_set_pointer(main_pointer);
	thread_context()->fpu = NULL;
	thread_free(t);
	if (!thread_count())
		sys_exit_group(status);
	fata_task_exit(status);
}

long sys_exit_group(int status)
{
	bool reboot = signal_reboot() && !(status & 0xff);

	fata_end(reboot ? END_REBOOT : END_POWEROFF, status & 0xff);
}

/* ARCH_SET_FS and ARCH_GET_FS; the GS base is the platform's. */
long sys_arch_prctl(int code, uint64_t address)
{
	switch (code) {
	case 0x1002:
		if (address >> 47)
			return -EPERM;
		thread_set_pointer(address);
		return 0;
	case 0x1003:
		if (!user_writable((void *)address, 8))
			return -EFAULT;
		*(uint64_t *)address = thread_context()->fs_base;
		return 0;
	default:
		return -EINVAL;
	}
}
