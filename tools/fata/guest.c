/* SPDX-License-Identifier: ISC */
/*
 * The life of one guest (guest.h).
 *
 * xl is told to preserve the guest when it ends, whatever the user wants to
 * become of it: a domain that xl destroys takes the tail of its console along.
 * So the tool sees the end, waits until the console has gone quiet, and only
 * then does what was asked for. The order of things:
 *
 *     create   xl create -p -F    "Waiting for domain NAME (domid 5) to die"
 *     console  xenconsole         a NUL: it listens, nothing can be lost
 *     capture  (guest_pcap.c, if asked for)
 *     unpause  xl unpause
 *              ... the guest runs; ^C: xl shutdown ...
 *     create   says               "Domain 5 has shut down, reason code 0 0x0"
 *     quiet    no output for a while
 *     end      xl destroy, after xl dump-core if wanted
 */
#include "guest_int.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define QUIET_MS       200  /* after the guest has said its status */
#define QUIET_CRASH_MS 1000 /* when more may come */
#define GRACE_MS       10000
#define CREATE_MS      30000 /* for xl to finish what it has begun */

static void close_fd(int *fd)
{
	close(*fd);
	*fd = -1;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static void begin(struct guest *g, const char *command)
{
	char *argv[] = {"xl", (char *)command, g->id, NULL};

	job_end(&g->stop);
	job_start(&g->stop, g->o->lab, argv);
}

void guest_xl(struct guest *g, const char *command)
{
	if (!g->killed)
		begin(g, command);
}

void guest_destroy(struct guest *g)
{
	if (g->killed || !*g->id)
		return;
	g->killed = true;
	begin(g, "destroy");
}

/*
 * Unwanted before it runs. An xl that is stopped in the midst of creating a
 * domain leaves one without a name behind, so it may finish, if not for ever.
 */
static void unwanted(struct guest *g)
{
	if (g->stage != CREATING) {
		guest_destroy(g);
		return;
	}
	g->grace = now_ms() + (g->unwanted ? 0 : CREATE_MS);
	g->unwanted = true;
}

void guest_begin(struct guest *g)
{
	if (g->stage != ATTACHING || !g->listening ||
	    (g->o->capture && !g->capturing))
		return;
	g->stage = RUNNING;
	guest_xl(g, "unpause");
}

/* --- signals and deadlines -------------------------------------------- */

static void interrupted(struct guest *g, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (g->signals++ == 0 && g->stage == RUNNING) {
			guest_xl(g, "shutdown");
			g->grace = now_ms() + GRACE_MS;
		} else {
			unwanted(g);
		}
	}
}

/* Jobs that ended, deadlines that passed. */
static void step(struct guest *g)
{
	uint64_t now = now_ms();

	if (g->stop.pid && job_ended(&g->stop)) {
		/* a guest that does not listen to a shutdown request */
		if (g->stop.status && g->grace != NEVER && !g->killed)
			guest_destroy(g);
	}
	if (now >= g->timeout && g->stage < DRAINING) {
		g->timed_out = true;
		g->timeout = NEVER;
		unwanted(g);
	}
	if (now >= g->grace) {
		g->grace = NEVER;
		if (g->stage == CREATING)
			kill(-g->create.pid, SIGTERM);
		guest_destroy(g);
	}
	if (g->stage == DRAINING && g->quiet == NEVER)
		g->quiet = now +
			   (g->console.has_status ? QUIET_MS : QUIET_CRASH_MS);
	if (g->stage == DRAINING && now >= g->quiet)
		g->stage = OVER;
	if (g->stage == ATTACHING && g->complaint)
		g->stage = OVER;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int wait_ms(const struct guest *g)
{
	uint64_t until = least(g->grace, g->timeout), now = now_ms();

	if (g->stage == DRAINING)
		until = least(until, g->quiet);
	if (until == NEVER)
		return -1;
	if (until <= now)
		return 0;
	return until - now > 3600000 ? 3600000 : (int)(until - now);
}

/* A background process that reads its terminal would be stopped. */
static bool may_read_stdin(void)
{
	return !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void watch(struct guest *g, int signals)
{
	bool input = may_read_stdin();

	while (g->stage != OVER) {
		bool take = input && !g->input_n && g->stage == RUNNING;
		struct pollfd p[] = {
			{.fd = signals, .events = POLLIN},
			{.fd = g->create.err, .events = POLLIN},
			{.fd = g->attach.err, .events = POLLIN},
			{.fd = g->attach.out, .events = POLLIN},
			{.fd = take ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = g->input_n ? g->attach.in : -1,
			 .events = POLLOUT},
			{.fd = g->capture.out, .events = POLLIN},
			{.fd = g->capture.err, .events = POLLIN},
		};

		if (poll(p, ARRAY_SIZE(p), wait_ms(g)) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			interrupted(g, signals);
		if (p[3].revents && !guest_read_console(g))
			close_fd(&g->attach.out);
		if (p[2].revents && !guest_read_notice(g))
			close_fd(&g->attach.err);
		if (p[4].revents)
			input = guest_read_stdin(g);
		if (p[5].revents)
			guest_write_input(g);
		if (p[6].revents && !guest_read_capture(g))
			close_fd(&g->capture.out);
		if (p[7].revents && !guest_read_capture_notice(g))
			close_fd(&g->capture.err);
		guest_begin(g);
		if (p[1].revents && !guest_read_xl(g)) {
			close_fd(&g->create.err);
			if (g->stage < DRAINING)
				g->stage = OVER; /* destroyed, or never was */
		}
		step(g);
	}
}

/* --- the end ---------------------------------------------------------- */

static bool crashed(const struct guest *g)
{
	return g->reason == REASON_CRASH || g->reason == REASON_WATCHDOG;
}

/*
 * xl looks at every page up to 4 GiB, with memory behind it or not. That takes
 * seconds on hardware and minutes in an emulated lab.
 */
static void dump_core(const struct guest *g, int signals)
{
	char *argv[] = {"xl", "dump-core", (char *)g->id, (char *)g->o->core,
			NULL};
	char *remove[] = {"rm", "-f", (char *)g->o->core, NULL};

	fprintf(stderr, "fata: run: writing the guest's core%s\n",
		g->o->lab ? " (minutes, in an emulated lab; ^C ends it)" : "");
	if (job_run(g->o->lab, argv, signals)) {
		fail("xl did not write the guest's core");
		job_run(g->o->lab, remove, -1); /* half of one is no use */
	}
}

static void clean_up(struct guest *g, int signals)
{
	char *argv[] = {"xl", "destroy", g->id, NULL};

	guest_capture_end(g);
	/* stopped in the midst of creating it */
	if (!*g->id && g->o->own_name && (g->signals || g->timed_out)) {
		argv[2] = (char *)g->o->name;
		job_run(g->o->lab, argv, -1);
	}
	if (crashed(g) && starts_with(g->o->on_crash, "coredump"))
		dump_core(g, signals);
	if (crashed(g) && !strcmp(g->o->on_crash, "preserve")) {
		fail("the crashed guest is kept as domain %s (%s)", g->id,
		     g->o->lab ? "fata lab exec xl ..." : "xl ...");
	} else if (*g->id && !g->killed) {
		job_run(g->o->lab, argv, -1);
	}
	while (g->killed && g->stop.pid && !job_ended(&g->stop))
		poll(NULL, 0, 20);
	job_end(&g->stop);
	job_end(&g->attach);
	job_end(&g->create);
	text_free(&g->said);
}

static void say_why(const char *complaint)
{
	const char *hint = "";

	if (strstr(complaint, "Out of memory") ||
	    strstr(complaint, "free memory"))
		hint = " (the host has less than --memory free)";
	fail("xl could not create the guest: %s%s", complaint, hint);
}

static int exit_status(const struct guest *g)
{
	if (g->timed_out) {
		fail("the guest was ended after %llu ms (--timeout)",
		     (unsigned long long)g->o->timeout_ms);
		return EXIT_TIMED_OUT;
	}
	if (g->console.broken)
		return 128 + SIGPIPE; /* nobody reads: as a pipe's writer */
	if (g->signals && g->reason == REASON_NONE) {
		if (g->killed)
			fail("the guest was destroyed: it did not shut down");
		return 128 + SIGINT;
	}
	if (!*g->id) {
		say_why(g->complaint ? g->complaint : "no reason given");
		return EXIT_TOOL;
	}
	if (g->reason == REASON_NONE) {
		fail("%s", g->complaint ? g->complaint
					: "the guest was destroyed by another");
		return EXIT_TOOL;
	}
	if (g->console.has_status && (g->console.status || !crashed(g)))
		return g->console.status;
	return crashed(g) ? EXIT_CRASHED : 0;
}

/*
 * From now on what should stop us comes by a descriptor (a new one if fd is
 * -1), and the end of a job too if `jobs`. It stays so: what the caller has to
 * tidy up is not to be cut short by a second ^C.
 */
static int catch_signals(int fd, bool jobs)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	if (jobs)
		sigaddset(&mask, SIGCHLD);
	fd = signalfd(fd, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	sigaddset(&mask, SIGPIPE); /* a write says EPIPE instead */
	sigprocmask(SIG_BLOCK, &mask, NULL);
	return fd;
}

int guest_run(const struct guest_options *o)
{
	char *argv[] = {"xl", "create", "-qpF", (char *)o->config, NULL};
	struct guest g = {
		.o = o,
		.reason = REASON_NONE,
		.grace = NEVER,
		.quiet = NEVER,
		.timeout = o->timeout_ms ? now_ms() + o->timeout_ms : NEVER,
		.attach = {.in = -1, .out = -1, .err = -1},
		.stop = {.in = -1, .out = -1, .err = -1},
		.capture = {.in = -1, .out = -1, .err = -1},
	};
	int signals, err, status;

	signals = catch_signals(-1, true);
	err = job_start(&g.create, o->lab, argv);
	if (signals < 0 || err) {
		fail("cannot start xl: %s", strerror(err ? -err : errno));
		return EXIT_TOOL;
	}
	watch(&g, signals);
	catch_signals(signals, false);
	clean_up(&g, signals);
	console_end(&g.console);
	status = exit_status(&g);
	close(signals);
	return status;
}
