/* SPDX-License-Identifier: ISC */
/*
 * Stacks and contexts of a Linux process on x86-64.
 *
 * A context that does not run is a stack pointer; what it needs lies on its
 * stack. swapcontext would do, but makes two system calls a switch.
 *
 *     sp -> mxcsr, fpu control word     (8 bytes)
 *           r15 r14 r13 r12 rbx rbp
 *           return address              of unix_switch, or unix_start
 *
 * Interface: platform.h. The sanitizers, if the program is linked with one, are
 * told of each switch, so that they know on which stack they are.
 */
#include "platform.h"

#include "unix/host.h"
#include "unix/thread.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/end.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The sanitizers' part, if the program is linked with one. */
#define OPTIONAL __attribute__((weak))
void __sanitizer_start_switch_fiber(void **fake, const void *stack,
				    size_t size) OPTIONAL;
void __sanitizer_finish_switch_fiber(void *fake, const void **stack,
				     size_t *size) OPTIONAL;
void __asan_unpoison_memory_region(void const volatile *p,
				   size_t size) OPTIONAL;
void __lsan_register_root_region(const void *p, size_t size) OPTIONAL;
void __lsan_unregister_root_region(const void *p, size_t size) OPTIONAL;
void *__tsan_get_current_fiber(void) OPTIONAL;
void *__tsan_create_fiber(unsigned flags) OPTIONAL;
void __tsan_destroy_fiber(void *fiber) OPTIONAL;
void __tsan_switch_to_fiber(void *fiber, unsigned flags) OPTIONAL;
void __tsan_acquire(void *p) OPTIONAL;
void __tsan_release(void *p) OPTIONAL;

static struct carrier main_carrier;
struct carrier *carrier_next;
__thread struct handler_stack handler_stack;

struct context {
	struct carrier *carrier;
	void *sp;
	void *stack;
	size_t size;
	void *fake;  /* the address sanitizer's shadow of this stack */
	void *fiber; /* the thread sanitizer's thread */
	void (*gone)(struct carrier *carrier);
	void (*fn)(void *arg);
	void *arg;
};

void unix_switch(void **from_sp, void *to_sp);
void unix_start(void);
void unix_started(struct context *c);

__asm__(".text\n"
	".type unix_switch, @function\n"
	"unix_switch:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	sub $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	add $8, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size unix_switch, . - unix_switch\n"
	".type unix_start, @function\n"
	"unix_start:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined rip\n" /* backtraces end here */
	"	mov %rbx, %rdi\n"
	"	call unix_started\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size unix_start, . - unix_start\n");

/*
 * Tell valgrind, if it runs us, of a stack: a sequence that does nothing on a
 * CPU (valgrind.h, VALGRIND_STACK_REGISTER).
 */
#define VALGRIND_STACK 0x1501

static void valgrind(uint64_t request, const void *start, const void *end)
{
	volatile uint64_t args[6] = {request, (uintptr_t)start, (uintptr_t)end};
	uint64_t result = 0;

	__asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\t"
			 "rolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
			 "xchgq %%rbx, %%rbx"
			 : "+d"(result)
			 : "a"(args)
			 : "cc", "memory");
}

size_t unix_stack_least;

static size_t page_round(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

/* What a stack of `size` bytes really has; the rest lies below, untold. */
static size_t real_size(size_t size)
{
	return page_round(size < unix_stack_least ? unix_stack_least : size);
}

void *platform_stack_alloc(size_t *size)
{
	size_t n = real_size(*size), guard = page_round(1);
	char *p = mmap(NULL, n + guard, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + guard, n, PROT_READ | PROT_WRITE)) {
		munmap(p, n + guard);
		return NULL;
	}
	if (__lsan_register_root_region)
		__lsan_register_root_region(p + guard, n);
	valgrind(VALGRIND_STACK, p + guard, p + guard + n);
	*size = page_round(*size);
	return p + guard + n - *size;
}

void platform_stack_free(void *stack, size_t size)
{
	size_t n = real_size(size), guard = page_round(1);
	char *p = (char *)stack + size - n;

	if (__lsan_unregister_root_region)
		__lsan_unregister_root_region(p, n);
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(p, n);
	munmap(p - guard, n + guard);
}

size_t platform_context_size(void)
{
	return sizeof(struct context);
}

void platform_context_init(struct context *c, void *stack, size_t size,
			   void (*fn)(void *arg), void *arg)
{
	/* at the call in unix_start, rsp must be a multiple of 16 */
	uint64_t *top = (uint64_t *)(void *)((char *)stack + size) - 2;
	uint32_t control[2] = {0, 0};
	char *bottom = (char *)stack + size - real_size(size);

	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(bottom, real_size(size));
	__asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(control[0]), "=m"(control[1]));
	*c = (struct context){.carrier = &main_carrier,
			      .stack = bottom,
			      .size = real_size(size),
			      .fn = fn,
			      .arg = arg};
	if (carrier_next) {
		c->carrier = carrier_next;
		c->carrier->next = c;
		return;
	}
	*--top = (uintptr_t)unix_start;
	*--top = 0;            /* rbp: end of the chain of frames */
	*--top = (uintptr_t)c; /* rbx */
	top -= 4;              /* r12 to r15: anything */
	memcpy(--top, control, sizeof(control));
	c->sp = top;
	if (__tsan_create_fiber)
		c->fiber = __tsan_create_fiber(0);
}

void *context_stack(const struct context *c, size_t *size)
{
	*size = c->size;
	return c->stack;
}

void context_carry(struct context *c, struct carrier *carrier,
		   void (*gone)(struct carrier *carrier))
{
	if (c->fiber)
		__tsan_destroy_fiber(c->fiber);
	c->fiber = NULL;
	c->carrier = carrier;
	c->gone = gone;
	carrier->next = c;
}

void platform_context_adopt(struct context *c)
{
	pthread_attr_t attr;

	*c = (struct context){.carrier = &main_carrier};
	if (__tsan_get_current_fiber)
		c->fiber = __tsan_get_current_fiber();
	if (pthread_getattr_np(pthread_self(), &attr))
		return; /* only the sanitizer needs the bounds */
	pthread_attr_getstack(&attr, &c->stack, &c->size);
	pthread_attr_destroy(&attr);
}

static void arrived(struct context *c)
{
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(c->fake, NULL, NULL);
}

void unix_started(struct context *c)
{
	arrived(c);
	c->fn(c->arg);
}

/* --- carriers ----------------------------------------------------------- */

static long futex(uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL,
		       NULL, 0);
}

void carrier_give(struct carrier *c)
{
	if (__tsan_release)
		__tsan_release(c);
	__atomic_store_n(&c->turn, 1, __ATOMIC_RELEASE);
	futex(&c->turn, FUTEX_WAKE, 1);
}

void carrier_take(struct carrier *c)
{
	while (!__atomic_load_n(&c->turn, __ATOMIC_ACQUIRE)) {
		/* the thread sanitizer keeps signals for calls that it knows */
		if (futex(&c->turn, FUTEX_WAIT, 0) && __tsan_acquire)
			REAL(poll)(NULL, 0, 0);
	}
	c->turn = 0;
	if (__tsan_acquire)
		__tsan_acquire(c);
}

void carrier_run(struct carrier *c)
{
	c->next->fn(c->next->arg);
}

static void switch_fiber(struct context *from, struct context *to)
{
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(&from->fake, to->stack,
					       to->size);
	if (__tsan_switch_to_fiber)
		__tsan_switch_to_fiber(to->fiber, 0);
	unix_switch(&from->sp, to->sp);
	arrived(from);
}

/*
 * Where main's thread waits for its turn: on a stack of its own, since that of
 * the context which it came from may be gone meanwhile.
 */
static struct context home;
static struct carrier *handed; /* whose turn is next */

static void wait_at_home(void *arg)
{
	(void)arg;
	for (;;) {
		carrier_give(handed);
		carrier_take(&main_carrier);
		switch_fiber(&home, main_carrier.next);
	}
}

static void leave_main(struct context *from, struct carrier *other)
{
	size_t size = 64 << 10;
	void *stack = home.sp ? NULL : platform_stack_alloc(&size);

	if (stack)
		platform_context_init(&home, stack, size, wait_at_home, NULL);
	if (!home.sp)
		fata_panic("no memory to wait in");
	handed = other;
	switch_fiber(from, &home);
}

static void leave_pthread(struct carrier *mine, struct carrier *other)
{
	bool leaving = mine->leaving;

	carrier_give(other);
	if (leaving) /* the context may be gone by now */
		longjmp(mine->end, 1);
	carrier_take(mine);
}

void platform_context_switch(struct context *from, struct context *to)
{
	int error = errno; /* Linux gave it to the thread, not to the task */

	handler_stack.high = 0;
	if (from->carrier == to->carrier) {
		switch_fiber(from, to);
	} else {
		to->carrier->next = to;
		if (from->carrier == &main_carrier)
			leave_main(from, to->carrier);
		else
			leave_pthread(from->carrier, to->carrier);
	}
	errno = error;
}

void platform_context_destroy(struct context *c)
{
	if (__tsan_destroy_fiber && c->fiber)
		__tsan_destroy_fiber(c->fiber);
	if (c->gone) /* a pthread's carrier may be gone already */
		c->gone(c->carrier);
	c->sp = NULL; /* a switch to it would fault at once */
}
