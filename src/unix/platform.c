/* SPDX-License-Identifier: ISC */
/*
 * The platform of a Linux process: events from epoll, the log on stdout.
 *
 * Interface: platform.h, unix.h. What comes from outside the process comes
 * through world.h.
 */
#include "platform.h"

#include "core/page.h"
#include "core/task.h"
#include "unix/host.h"
#include "unix/unix.h"
#include "unix/world.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH  64
#define FIRST_OWN 512 /* of our descriptors, if the limit allows */
#define MEMORY (1ull << 30) /* of addresses; pages come when touched */

static int set = -1;
static unsigned watches;
static struct epoll_event batch[BATCH]; /* being dispatched */
static int batch_n;
static void (*log_to)(const char *text, size_t n);
static bool dumped; /* a panic has begun */

/* --- start -------------------------------------------------------------- */

static void die(const char *what)
{
	fprintf(stderr, "fata: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_memory(void)
{
	char *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("no memory for the heap");
	page_add((uintptr_t)p, (uintptr_t)p + MEMORY);
}

static __thread bool loop_thread;

bool unix_is_loop_thread(void)
{
	return loop_thread;
}

void unix_join_loop(void)
{
	loop_thread = true;
}

void unix_leave_loop(void)
{
	loop_thread = false;
}

void unix_init(const char *name)
{
	add_memory();
	set = unix_high(epoll_create1(EPOLL_CLOEXEC));
	if (set < 0)
		die("epoll_create1");
	if (task_init_main(name)) {
		errno = ENOMEM;
		die("no first task");
	}
	loop_thread = true;
}

int unix_high(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN);

	if (high < 0)
		return fd;
	REAL(close)(fd);
	return high;
}

/* --- events ------------------------------------------------------------- */

int unix_watch(struct unix_watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	if (REAL(epoll_ctl)(set, EPOLL_CTL_ADD, w->fd, &e))
		return -errno;
	watches++;
	return 0;
}

void unix_unwatch(struct unix_watch *w)
{
	if (!REAL(epoll_ctl)(set, EPOLL_CTL_DEL, w->fd, NULL))
		watches--;
	for (int i = 0; i < batch_n; i++)
		if (batch[i].data.ptr == w)
			batch[i].data.ptr = NULL;
}

/* Asks without taking: an edge is told only once. */
bool platform_pending(void)
{
	struct pollfd p = {.fd = set, .events = POLLIN};

	return watches && REAL(poll)(&p, 1, 0) > 0;
}

unsigned platform_dispatch(void)
{
	unsigned calls = 0;

	batch_n = REAL(epoll_wait)(set, batch, BATCH, 0);
	for (int i = 0; i < batch_n; i++) {
		struct unix_watch *w = batch[i].data.ptr;

		if (!w) /* no longer watched */
			continue;
		w->fn(w->arg, batch[i].events);
		calls++;
	}
	batch_n = 0;
	return calls;
}

void platform_block(uint64_t deadline)
{
	if (!platform_pending())
		unix_world->wait(set, deadline);
}

unsigned unix_watches(void)
{
	return watches;
}

/* --- output and the end ------------------------------------------------- */

static void write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = REAL(write)(fd, text, n);

		if (done < 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

void unix_log_to(void (*fn)(const char *text, size_t n))
{
	log_to = fn;
}

void platform_log(const char *text, size_t n)
{
	if (log_to)
		log_to(text, n);
	else
		write_all(STDOUT_FILENO, text, n);
}

void platform_emergency(const char *text, size_t n)
{
	write_all(STDERR_FILENO, text, n);
}

void (*unix_settle)(void);

void platform_flush(void)
{
	fflush(NULL);
	if (unix_settle)
		unix_settle();
}

char **unix_program;

void __lsan_do_leak_check(void) __attribute__((weak));

/*
 * A sanitizer looks for leaks at exit, which we never reach. It yields while it
 * holds its locks: that must not run the loop.
 */
static void last_checks(enum end_reason reason, int status)
{
	unix_leave_loop();
	if (reason == END_POWEROFF && !status && __lsan_do_leak_check)
		__lsan_do_leak_check();
}

void platform_end(enum end_reason reason, int status)
{
	if (unix_program && dumped)
		abort(); /* so that there is a core, and a debugger stops */
	if (unix_world->end)
		unix_world->end(reason, status);
	else if (unix_program && reason == END_REBOOT) {
		execv("/proc/self/exe", unix_program);
		die("cannot begin anew");
	}
	last_checks(reason, status);
	if (reason == END_CRASH && !(status & 255))
		status = 255;
	syscall(SYS_exit_group, status & 255);
	__builtin_unreachable();
}

void platform_dump(void)
{
	void *frames[64];
	int n = backtrace(frames, 64);

	dumped = true;
	backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

/* --- random ------------------------------------------------------------- */

size_t platform_entropy(void *buffer, size_t n)
{
	return unix_world->entropy(buffer, n);
}

uint64_t platform_cycles(void)
{
	return unix_world->cycles();
}
