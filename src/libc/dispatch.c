/* SPDX-License-Identifier: ISC */
/*
 * From a system call's number to its function; every refusal is noticed.
 *
 * A call that the table refuses, or does not know, is ENOSYS for the program
 * and one line in the log, with the place that asked for it: nobody should
 * have to guess why a program does not work here.
 */
#include <arch/x86_64/context.h>
#include <arch/x86_64/cpu.h>
#include <core/fmt.h>
#include <core/loop.h>
#include <core/symbols.h>
#include <errno.h>
#include <fata/log.h>
#include <libc/frame.h>
#include <libc/signal.h>
#include <libc/table.h>
#include <libc/thread.h>
#include <libc/user.h>
#include <string.h>

FATA_LOG_SOURCE("libc");

/* A bit for each number that has been reported; one for all beyond. */
static uint64_t reported[SYSCALL_MAX / 64 + 1];

static bool first_time(uint64_t nr)
{
	uint64_t n = nr < SYSCALL_MAX ? nr : SYSCALL_MAX;
	uint64_t bit = 1ull << n % 64;

	if (reported[n / 64] & bit)
		return false;
	reported[n / 64] |= bit;
	return true;
}

/* The start of the function that the call right before `at` goes to, or 0. */
static uint64_t callee(uint64_t at)
{
	const uint8_t *p = (const uint8_t *)at;
	uint64_t offset;
	int32_t distance;

	if (!symbols_find(at, &offset) || offset < 5 ||
	    !user_readable(p - 5, 5) || p[-5] != 0xe8)
		return 0;
	memcpy(&distance, p - 4, 4);
	return at + (uint64_t)(int64_t)distance;
}

/*
 * Who called the function that holds ip: the first return address on the stack
 * behind a call of it. *sp moves on; 0 if there is none near.
 */
static uint64_t caller(uint64_t ip, uint64_t *sp)
{
	uint64_t offset;

	if (!symbols_find(ip, &offset))
		return 0;
	for (unsigned i = 0; i < 64; i++, *sp += 8) {
		const uint64_t *word = (const uint64_t *)*sp;

		if (!user_readable(word, 8))
			break;
		if (callee(*word) == ip - offset)
			return *word;
	}
	return 0;
}

/* "fork < start_child < main": the innermost functions. */
static const char *chain(const struct frame *f, char *text, size_t size)
{
	uint64_t ip = f->ip, sp = f->sp, offset = 0;
	size_t n = 0;

	for (unsigned i = 0; i < 4 && ip && n < size; i++) {
		const char *name = symbols_find(ip, &offset);

		n += fmt(text + n, size - n, "%s%s", i ? " < " : "",
			 name ? name : "?");
		ip = caller(ip, &sp);
	}
	return text;
}

static long refuse(const struct syscall *s, const struct frame *f)
{
	bool known = s && s->name;
	char who[128];

	if (!first_time(f->ax))
		return -ENOSYS;
	log_warn("system call %llu (%s) from %#llx, %s: %s",
		 (unsigned long long)f->ax, known ? s->name : "unknown",
		 (unsigned long long)f->ip, chain(f, who, sizeof(who)),
		 !known    ? "no such call is known"
		 : s->note ? s->note
			   : "the program has no sockets");
	return -ENOSYS;
}

/* Callbacks may use the FPU, which a waiting call's program needs back. */
void libc_callbacks(bool begin)
{
	void *fpu = thread_context()->fpu;

	if (fpu && begin)
		cpu_fpu_save(fpu);
	else if (fpu)
		cpu_fpu_load(fpu);
}

/* Signals are for threads, not for callbacks that run on their stacks. */
static bool signals_wait(void)
{
	const struct thread *t = *task_libc(fata_task_self());

	return t && (t->interrupted || t->restore_mask || signal_due(t)) &&
	       !loop_this()->callback;
}

/*
 * The FPU belongs to the program for the whole of a call: a switch of tasks in
 * it saves all registers. Calls nest when a callback of the loop makes one; the
 * outer one's area is then put back.
 */
void libc_syscall(struct frame *f, void *fpu)
{
	uint64_t number = f->ax;
	const struct syscall *s = syscall_find(number);
	struct context *c = thread_context();

	if (!s || !s->fn) {
		f->ax = (uint64_t)refuse(s, f);
		return;
	}
	if (this_cpu()->xsave) /* the header of an XSAVE area starts as zero */
		memset((char *)fpu + 512, 0, 64);
	f->outer_fpu = c->fpu;
	c->fpu = c->fpu ? c->fpu : fpu;
	thread_entered(f);
	f->ax = (uint64_t)s->fn(f->di, f->si, f->dx, f->r10, f->r8, f->r9);
	if (signals_wait())
		signal_deliver(f, number);
	c->fpu = f->outer_fpu;
	f->flags = signal_flags(f->flags);
}
