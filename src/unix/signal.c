/* SPDX-License-Identifier: ISC */
/*
 * Handlers of the program's: installed behind one of ours; signal.h draws it.
 *
 *     1. handle(): the program's handler; the nap of this thread is marked
 *     2. handle(): an eventfd is written
 *     3. the loop: on_told() wakes the tasks of all marked naps
 *     4. the task: takes its nap out of the list, sees the mark
 *
 * 1 and 2 may happen on a thread that has not its turn, beside all others; so
 * they touch the mark and the descriptor only. A nap is marked while its thread
 * is inside of it, so a mark never lasts into another wait.
 */
#include "unix/signal.h"

#include "core/task.h"
#include "unix/host.h"
#include "unix/io.h"
#include "unix/thread.h"
#include "unix/unix.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * As the program gave them. A signal may come while one is replaced: the new
 * one is written beside the old one, and then becomes the one that is in force.
 */
static struct {
	struct sigaction one[2];
	unsigned char now;
} actions[NSIG];
static bool interrupts[NSIG]; /* siginterrupt(sig, 1) */
static struct unix_watch watch = {.fd = -1};
static struct nap *naps;
static bool posted;
void (*unix_posted)(void);

static __thread struct task *owner; /* whose this thread's signals are */
static __thread struct nap *nap;    /* the one that it is in */

/* --- naps --------------------------------------------------------------- */

void unix_signals_of(struct task *t)
{
	owner = t;
}

void unix_nap_begin(struct nap *n)
{
	bool ours = task_self() == owner;

	n->task = task_self();
	n->outer = ours ? nap : NULL;
	n->ended = n->outer ? n->outer->ended : 0;
	n->looks = false;
	n->next = naps;
	naps = n;
	if (ours)
		__atomic_store_n(&nap, n, __ATOMIC_RELEASE);
}

static int ended(const struct nap *n)
{
	return __atomic_load_n(&n->ended, __ATOMIC_ACQUIRE);
}

/* -EINTR is stronger. */
static void mark(struct nap *n, int how)
{
	if (ended(n) != -EINTR)
		__atomic_store_n(&n->ended, how, __ATOMIC_RELEASE);
}

void unix_nap_end(struct nap *n)
{
	struct nap **at = &naps;

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	if (n->task != owner)
		return;
	__atomic_store_n(&nap, n->outer, __ATOMIC_RELEASE);
	if (n->outer && ended(n))
		mark(n->outer, ended(n));
}

int unix_event_wait(struct event *e, uint64_t *seen, uint64_t deadline)
{
	struct nap n;
	int rc;

	unix_nap_begin(&n);
	rc = ended(&n) ? ended(&n) : event_wait(e, seen, deadline);
	unix_nap_end(&n);
	return rc != -ECANCELED && ended(&n) ? ended(&n) : rc;
}

int unix_sleep_until(uint64_t deadline)
{
	struct nap n;
	int rc;

	unix_nap_begin(&n);
	rc = ended(&n) ? ended(&n) : fata_sleep_until(deadline);
	unix_nap_end(&n);
	return rc && rc != -ECANCELED ? ended(&n) : rc;
}

/* --- telling the loop --------------------------------------------------- */

static void on_told(void *arg, uint32_t events)
{
	uint64_t n;

	(void)arg;
	(void)events;
	if (REAL(read)(watch.fd, &n, sizeof(n)) != sizeof(n))
		return;
	if (__atomic_exchange_n(&posted, false, __ATOMIC_ACQUIRE) &&
	    unix_posted)
		unix_posted();
	for (struct nap *s = naps; s; s = s->next)
		if (ended(s))
			task_wake(s->task, -EINTR);
}

void unix_naps_look(void)
{
	for (struct nap *n = naps; n; n = n->next)
		if (n->looks)
			task_wake(n->task, 0);
}

static void tell(void)
{
	const uint64_t one = 1;
	int error = errno;

	if (REAL(write)(watch.fd, &one, sizeof(one)) < 0)
		errno = error; /* full: it will be read */
	errno = error;
}

void unix_handler_posts(void)
{
	__atomic_store_n(&posted, true, __ATOMIC_RELEASE);
	tell();
}

int unix_handlers(void)
{
	REAL(write); /* look it up before a handler has to */
	unix_signals_of(task_self());
	watch.fd = unix_high(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	watch.fn = on_told;
	return watch.fd < 0 ? -errno : unix_watch(&watch, EPOLLIN);
}

/* --- handlers ----------------------------------------------------------- */

/* Of a stack that is not known the handler may use so much. */
#define USUAL (128ul << 10)

static const struct sigaction *action_of(int sig)
{
	unsigned now = __atomic_load_n(&actions[sig].now, __ATOMIC_ACQUIRE);

	return &actions[sig].one[now];
}

static void set_action(int sig, const struct sigaction *a)
{
	unsigned char other = !actions[sig].now;

	actions[sig].one[other] = *a;
	__atomic_store_n(&actions[sig].now, other, __ATOMIC_RELEASE);
}

bool unix_in_handler(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return here < handler_stack.high && here >= handler_stack.low;
}

/* A handler may leave by a jump: what is noted here holds for its stack. */
static struct handler_stack enter(uintptr_t here)
{
	struct handler_stack outer = handler_stack;
	stack_t s;

	handler_stack.high = here;
	handler_stack.low = here - USUAL;
	if (!sigaltstack(NULL, &s) && s.ss_flags & SS_ONSTACK)
		handler_stack.low = (uintptr_t)s.ss_sp;
	return outer;
}

/* It may run beside the thread that has its turn (no races: see above). */
__attribute__((no_sanitize("thread"))) static void
handle(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *a = action_of(sig);
	int how = a->sa_flags & SA_RESTART ? -ERESTART : -EINTR;
	struct handler_stack outer =
		enter((uintptr_t)__builtin_frame_address(0));
	struct nap *n;

	if (a->sa_flags & SA_SIGINFO)
		a->sa_sigaction(sig, info, context);
	else
		a->sa_handler(sig);
	handler_stack = outer;
	n = __atomic_load_n(&nap, __ATOMIC_ACQUIRE);
	if (!n)
		return;
	mark(n, how);
	tell();
}

static bool handled(const struct sigaction *a)
{
	return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN;
}

INSTEAD int sigaction(int sig, const struct sigaction *restrict new,
		      struct sigaction *restrict old)
{
	struct sigaction ours, theirs, before;
	int rc;

	if (sig < 1 || sig >= NSIG)
		return REAL(sigaction)(sig, new, old);
	before = *action_of(sig);
	if (new) {
		ours = *new;
		if (handled(new)) { /* known before a signal can come */
			set_action(sig, new);
			ours.sa_sigaction = handle;
			ours.sa_flags |= SA_SIGINFO;
		}
	}
	rc = REAL(sigaction)(sig, new ? &ours : NULL, &theirs);
	if (rc)
		set_action(sig, &before);
	else if (old)
		*old = theirs.sa_sigaction == handle ? before : theirs;
	return rc;
}

static __sighandler_t install(int sig, __sighandler_t fn, int flags)
{
	struct sigaction a = {.sa_handler = fn, .sa_flags = flags}, old;

	if (!(flags & SA_NODEFER))
		sigaddset(&a.sa_mask, sig);
	return sigaction(sig, &a, &old) ? SIG_ERR : old.sa_handler;
}

INSTEAD __sighandler_t signal(int sig, __sighandler_t fn)
{
	bool interrupt = sig > 0 && sig < NSIG && interrupts[sig];

	return install(sig, fn, interrupt ? 0 : SA_RESTART);
}

/* signal, in a program that asks for nothing but ISO C or System V. */
INSTEAD __sighandler_t __sysv_signal(int sig, __sighandler_t fn)
{
	return install(sig, fn, SA_RESETHAND | SA_NODEFER);
}

INSTEAD int siginterrupt(int sig, int on)
{
	struct sigaction a;

	if (sigaction(sig, NULL, &a))
		return -1;
	interrupts[sig] = on;
	a.sa_flags = on ? a.sa_flags & ~SA_RESTART : a.sa_flags | SA_RESTART;
	return sigaction(sig, &a, NULL);
}
