/* SPDX-License-Identifier: ISC */
/*
 * What the host asks of a program, as the toolstack asks it of a guest:
 *
 *     SIGTERM, SIGINT   power off      (SIGINT again: at once)
 *     SIGHUP            reboot: the same program begins anew
 *     SIGUSR1           what `xl sysrq` m, t and d show
 *
 * A handler only notes the signal in an eventfd; a task carries it out. A
 * program that sets a handler of its own has the signal for itself. There is no
 * suspend: whoever registers for it is never called.
 *
 * Interface: fata/lifecycle.h, unix.h.
 */
#include "core/lifecycle.h"
#include "core/task.h"
#include "platform.h"
#include "unix/host.h"
#include "unix/signal.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/trace.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

FATA_LOG_SOURCE("lifecycle");

static struct unix_watch watch;
static struct event signalled;
static volatile sig_atomic_t caught[NSIG];

void lifecycle_register(struct lifecycle_client *c)
{
	(void)c;
}

uint32_t lifecycle_generation(void)
{
	return 0;
}

static void ask(enum lifecycle_request r)
{
	log_info("%s asked for", r == LIFECYCLE_REBOOT ? "reboot" : "poweroff");
	lifecycle_tell(r);
}

/* --- signals ------------------------------------------------------------ */

static void show(void)
{
	struct heap_stat h;

	heap_quick_stat(&h);
	log_info("memory: %zu KiB in use (at most %zu)", h.live >> 10,
		 h.peak >> 10);
	task_dump(platform_log);
	trace_dump();
}

static int follow(void *arg)
{
	uint64_t seen = 0;

	(void)arg;
	for (;;) {
		event_wait(&signalled, &seen, FATA_FOREVER);
		if (caught[SIGUSR1])
			show();
		if (caught[SIGHUP])
			ask(LIFECYCLE_REBOOT);
		if (caught[SIGTERM] || caught[SIGINT])
			ask(LIFECYCLE_POWEROFF);
		for (int i = 0; i < NSIG; i++)
			caught[i] = 0;
	}
	return 0;
}

static void on_ready(void *arg, uint32_t events)
{
	uint64_t n;

	(void)arg;
	(void)events;
	if (REAL(read)(watch.fd, &n, sizeof(n)) == sizeof(n))
		event_signal(&signalled);
}

static void on_signal(int sig)
{
	static sig_atomic_t interrupts;
	const uint64_t one = 1;
	int error = errno;

	if (sig == SIGINT && interrupts++)
		_exit(130);
	caught[sig] = 1;
	if (REAL(write)(watch.fd, &one, sizeof(one)) < 0)
		_exit(128 + sig); /* nobody could be told */
	errno = error;
}

void unix_signals(void)
{
	static const int sigs[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	static const struct task_attr attr = {.name = "lifecycle"};
	struct sigaction ours = {.sa_handler = on_signal,
				 .sa_flags = SA_RESTART},
			 old;

	REAL(write); /* look it up before a handler has to */
	REAL(signal)(SIGPIPE, SIG_IGN);
	watch.fd = unix_high(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	watch.fn = on_ready;
	if (unix_handlers() || watch.fd < 0 || unix_watch(&watch, EPOLLIN) ||
	    fata_task_spawn(NULL, &attr, follow, NULL)) {
		log_warn("no signals: %s", strerror(errno));
		return;
	}
	for (unsigned i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		/* ignored by who started us (nohup): so it stays */
		if (!REAL(sigaction)(sigs[i], NULL, &old) &&
		    old.sa_handler == SIG_IGN && sigs[i] != SIGINT)
			continue;
		REAL(sigaction)(sigs[i], &ours, NULL);
	}
}
