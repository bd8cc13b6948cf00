/* SPDX-License-Identifier: ISC */
/*
 * Thread-local storage for tasks of fata_task_spawn.
 *
 * Such a task runs program code, so it needs what a pthread has: an errno of
 * its own, its own __thread variables, an identity that libc's locks can see.
 * libc has no call to make these without a thread, so a thread descriptor is
 * filled in here as pthread_create does (musl 1.2: src/internal/pthread_impl.h,
 * struct pthread; the layout is compared with the main thread's before the
 * first use):
 *
 *     one block of the heap
 *     | struct dtv | __thread variables | struct musl_thread | tsd |
 *                                       ^ thread pointer
 *
 * Tasks that existed before the program (the platform's own) use the main
 * thread's, since callbacks of the program may run on any task.
 */
#include <arch/x86_64/context.h>
#include <core/assert.h>
#include <errno.h>
#include <fata/heap.h>
#include <libc/thread.h>
#include <libc/tls.h>
#include <stddef.h>

struct musl_thread {
	struct musl_thread *self;
	uintptr_t *dtv;
	struct musl_thread *prev, *next;
	uintptr_t sysinfo, canary;
	int tid, error, detach_state, cancel;
	unsigned char cancel_disable, cancel_async, flags;
	unsigned char *map;
	size_t map_size;
	void *stack;
	size_t stack_size, guard_size;
	void *result, *cancel_buf;
	void **tsd;
	struct {
		volatile void *head;
		long offset;
		void *pending;
	} robust;
	int h_error, timer_id;
	void *locale;
	int kill_lock[1];
	char *dl_error;
	void *stdio_locks;
};

_Static_assert(offsetof(struct musl_thread, canary) == 0x28, "psABI");
_Static_assert(offsetof(struct musl_thread, tid) == 0x30, "clear_tid");
_Static_assert(sizeof(struct musl_thread) == 200, "musl 1.2");

/* musl's own idea of itself: struct __libc in its src/internal/libc.h. */
struct musl {
	char can_do_threads, threaded, secure;
	volatile signed char need_locks;
	int threads_minus_1;
	size_t *auxv;
	void *tls_head;
	size_t tls_size, tls_align, tls_count, page_size;
	struct {
		const void *categories[6];
	} locale;
};

/* The part of musl's FILE that says whether it is locked. */
struct musl_file {
	char unused0[0x70];
	struct musl_file *next;
	char unused1[0x8c - 0x78];
	volatile int lock;
};

extern struct musl musl __asm__("__libc");
void *musl_copy_tls(unsigned char *memory) __asm__("__copy_tls");

/* Only there when the program uses the part of libc that they belong to. */
extern size_t tsd_size __asm__("__pthread_tsd_size") __attribute__((weak));
void run_dtors(void) __asm__("__pthread_tsd_run_dtors") __attribute__((weak));
struct musl_file **file_list(void) __asm__("__ofl_lock") __attribute__((weak));
void file_list_done(void) __asm__("__ofl_unlock") __attribute__((weak));
extern struct musl_file *in __asm__("__stdin_used") __attribute__((weak));
extern struct musl_file *out __asm__("__stdout_used") __attribute__((weak));
extern struct musl_file *err __asm__("__stderr_used") __attribute__((weak));

#define DETACHED 3

static bool begun, brought, locking;

void tls_brought(bool own)
{
	brought = own;
}

/* Is the main thread's descriptor what this file believes it is? */
static bool layout_known(const struct musl_thread *m)
{
	return m->self == m && m->tid == 1 &&
	       m->robust.head == (volatile void *)&m->robust.head &&
	       m->locale == &musl.locale && m->prev == m->next->prev->prev;
}

static void lock_file(struct musl_file *f)
{
	if (f && f->lock < 0)
		f->lock = 0;
}

/*
 * libc locks nothing until its first pthread_create; from now on there is more
 * than one thread without it.
 */
static void start_locking(void)
{
	locking = true;
	if (!musl.threaded) {
		if (file_list) {
			for (struct musl_file *f = *file_list(); f; f = f->next)
				lock_file(f);
			file_list_done();
		}
		lock_file(&in ? in : NULL);
		lock_file(&out ? out : NULL);
		lock_file(&err ? err : NULL);
	}
	musl.need_locks = 1;
}

static struct musl_thread *descriptor(const struct musl_thread *m, void *memory,
				      int tid)
{
	struct musl_thread *t = musl_copy_tls(memory);

	t->self = t->prev = t->next = t;
	t->tid = tid;
	t->detach_state = DETACHED;
	t->canary = m->canary;
	t->sysinfo = m->sysinfo;
	t->locale = &musl.locale;
	t->robust.head = &t->robust.head;
	if (&tsd_size)
		t->tsd = (void **)((char *)memory + musl.tls_size);
	return t;
}

static int task_made(struct task *task)
{
	const struct musl_thread *m;
	struct thread *t;

	if (!begun || brought)
		return 0;
	m = (const void *)main_thread_pointer();
	ASSERT(layout_known(m));
	if (!locking)
		start_locking();
	t = thread_new(task);
	if (!t)
		return -ENOMEM;
	t->tls = heap_calloc(1, musl.tls_size + (&tsd_size ? tsd_size : 0));
	if (!t->tls) {
		thread_free(t);
		return -ENOMEM;
	}
	task->context->fs_base = (uint64_t)descriptor(m, t->tls, t->tid);
	return 0;
}

/* On the ending task. Its callbacks may still run: on main's thread pointer. */
static void task_ends(struct task *task)
{
	struct thread *t = *task_libc(task);

	if (!t || !t->tls)
		return;
	if (run_dtors)
		run_dtors();
	thread_set_pointer(main_thread_pointer());
	thread_free(t);
}

void tls_begin(void)
{
	begun = true;
	task_hooks = (struct task_hooks){task_made, task_ends};
}
