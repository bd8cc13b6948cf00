/* SPDX-License-Identifier: ISC */
/*
 * The list of threads, and the calls that only look at it.
 */
#include <core/list.h>
#include <core/stack.h>
#include <errno.h>
#include <fata/heap.h>
#include <libc/sys.h>
#include <libc/thread.h>
#include <libc/user.h>

static struct list all = LIST_INIT(all);
static unsigned count;
static int last_tid;
struct thread *thread_main;

/* Numbers are reused only after 2^22 others, as on Linux. */
static int new_tid(void)
{
	static bool wrapped;

	do {
		last_tid++;
		if (last_tid > 1 << 22) {
			last_tid = 2;
			wrapped = true;
		}
	} while (wrapped && thread_find(last_tid));
	return last_tid;
}

struct thread *thread_new(struct task *task)
{
	struct thread *t = heap_calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->tid = new_tid();
	t->task = task;
	list_add_last(&all, &t->all);
	count++;
	if (task)
		*task_libc(task) = t;
	if (!thread_main)
		thread_main = t;
	return t;
}

struct thread *thread_next(struct thread *t)
{
	struct list *next = t ? t->all.next : all.next;

	return next == &all ? NULL : list_entry(next, struct thread, all);
}

uint64_t thread_call_stack(struct thread *t)
{
	if (!t->call_stack) {
		t->call_stack_size = THREAD_CALL_STACK;
		t->call_stack = stack_get(&t->call_stack_size);
	}
	return t->call_stack ? ((uint64_t)t->call_stack + t->call_stack_size) &
				       ~15ull
			     : 0;
}

/* Not the one that we stand on: what ends in a system call leaves it behind. */
static void free_call_stack(const struct thread *t)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);

	if (t->call_stack &&
	    here - (uint64_t)t->call_stack >= t->call_stack_size)
		stack_put(t->call_stack, t->call_stack_size);
}

void thread_free(struct thread *t)
{
	list_remove(&t->all);
	count--;
	if (t->task)
		*task_libc(t->task) = NULL;
	if (t == thread_main)
		return;
	free_call_stack(t);
	heap_free(t->tls);
	heap_free(t);
}

struct thread *thread_find(int tid)
{
	list_for_each (entry, &all) {
		struct thread *t = list_entry(entry, struct thread, all);

		if (t->tid == tid)
			return t;
	}
	return NULL;
}

unsigned thread_count(void)
{
	return count;
}

long sys_gettid(void)
{
	return thread_self()->tid;
}

long sys_set_tid_address(uint32_t *word)
{
	thread_self()->clear_tid = word;
	return thread_self()->tid;
}

long sys_set_robust_list(void *head, size_t size)
{
	if (size != 24)
		return -EINVAL;
	thread_self()->robust = head;
	return 0;
}

long sys_get_robust_list(int tid, void **head, size_t *size)
{
	struct thread *t = tid ? thread_find(tid) : thread_self();

	if (!t)
		return -ESRCH;
	if (!user_writable(head, sizeof(*head)) ||
	    !user_writable(size, sizeof(*size)))
		return -EFAULT;
	*head = t->robust;
	*size = 24;
	return 0;
}

long sys_sched_yield(void)
{
	fata_yield();
	return 0;
}

/* One virtual CPU, number 0. */
long sys_sched_getaffinity(int tid, size_t size, uint64_t *mask)
{
	if (tid && !thread_find(tid))
		return -ESRCH;
	if (size < 8 || size % 8)
		return -EINVAL;
	if (!user_writable(mask, 8))
		return -EFAULT;
	*mask = 1;
	return 8;
}

long sys_sched_setaffinity(int tid, size_t size, const uint64_t *mask)
{
	if (tid && !thread_find(tid))
		return -ESRCH;
	if (!user_readable(mask, size < 8 ? size : 8))
		return -EFAULT;
	return size && *(const unsigned char *)mask & 1 ? 0 : -EINVAL;
}
