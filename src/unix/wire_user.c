/* SPDX-License-Identifier: ISC */
/*
 * A network that needs no privilege: libslirp, in a process of its own, ends
 * the program's connections and makes the same ones with the host's sockets.
 *
 *     program <-- socket pair, one frame a message --> libslirp --> host
 *
 *     user[,fwd=HOSTPORT:PORT]...   the host's 127.0.0.1:HOSTPORT is the
 *                                   program's PORT (TCP)
 *
 * The program gets 10.0.2.15 by DHCP; 10.0.2.2 is the host (its 127.0.0.1) and
 * 10.0.2.3 answers DNS. libslirp (Debian: libslirp0) is opened when it is
 * wanted, so a program does not depend on it.
 */
#include "unix/net.h"
#include "unix/host.h"
#include "unix/io.h"
#include "unix/wire_fd.h"

#include <errno.h>
#include <fata/base.h>
#include <fata/log.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

FATA_LOG_SOURCE("net");

#define FDS 1024

/* What we call of the library. */
static struct {
	__typeof__(&slirp_new) new;
	__typeof__(&slirp_input) input;
	__typeof__(&slirp_pollfds_fill) fill;
	__typeof__(&slirp_pollfds_poll) poll;
	__typeof__(&slirp_add_hostfwd) forward;
} lib;

struct timer_entry {
	SlirpTimerCb fn;
	void *arg;
	int64_t at; /* ms; INT64_MAX: not set */
	struct timer_entry *next;
};

/* The process's state. */
static struct {
	int fd;
	struct pollfd fds[FDS];
	nfds_t n;
	struct timer_entry *timers;
	Slirp *slirp;
} u;

/* --- what libslirp asks of us ------------------------------------------- */

static ssize_t to_program(const void *frame, size_t n, void *arg)
{
	(void)arg;
	/* what finds no room is lost, as on a cable */
	return REAL(send)(u.fd, frame, n, MSG_DONTWAIT) < 0 ? 0 : (ssize_t)n;
}

static void complain(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

static int64_t now_ns(void *arg)
{
	struct timespec t;

	(void)arg;
	REAL(clock_gettime)(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * (int64_t)FATA_NS_PER_S + t.tv_nsec;
}

static void *timer_new(SlirpTimerCb fn, void *fn_arg, void *arg)
{
	struct timer_entry *t = calloc(1, sizeof(*t));

	(void)arg;
	if (!t)
		_exit(1);
	*t = (struct timer_entry){fn, fn_arg, INT64_MAX, u.timers};
	u.timers = t;
	return t;
}

static void timer_free(void *timer, void *arg)
{
	(void)arg;
	((struct timer_entry *)timer)->at = INT64_MAX;
}

static void timer_mod(void *timer, int64_t at, void *arg)
{
	(void)arg;
	((struct timer_entry *)timer)->at = at;
}

static void no_fd(int fd, void *arg)
{
	(void)fd;
	(void)arg;
}

static void no_notify(void *arg)
{
	(void)arg;
}

static const SlirpCb callbacks = {
	.send_packet = to_program,
	.guest_error = complain,
	.clock_get_ns = now_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = no_fd,
	.unregister_poll_fd = no_fd,
	.notify = no_notify,
};

/* --- its loop ----------------------------------------------------------- */

static const struct {
	int slirp;
	short poll;
} bits[] = {{SLIRP_POLL_IN, POLLIN},
	    {SLIRP_POLL_OUT, POLLOUT},
	    {SLIRP_POLL_PRI, POLLPRI},
	    {SLIRP_POLL_ERR, POLLERR},
	    {SLIRP_POLL_HUP, POLLHUP}};

static int add_poll(int fd, int events, void *arg)
{
	struct pollfd *p = &u.fds[u.n];

	(void)arg;
	if (u.n == FDS)
		return -1;
	*p = (struct pollfd){.fd = fd};
	for (unsigned i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (events & bits[i].slirp)
			p->events |= bits[i].poll;
	return (int)u.n++;
}

static int get_revents(int index, void *arg)
{
	int events = 0;

	(void)arg;
	for (unsigned i = 0; index >= 0 && i < sizeof(bits) / sizeof(*bits);
	     i++)
		if (u.fds[index].revents & bits[i].poll)
			events |= bits[i].slirp;
	return events;
}

static int run_timers(uint32_t longest)
{
	int64_t now = now_ns(NULL) / (int64_t)FATA_NS_PER_MS, wait = longest;

	for (struct timer_entry *t = u.timers; t; t = t->next) {
		if (t->at <= now) {
			t->at = INT64_MAX;
			t->fn(t->arg);
		}
		if (t->at != INT64_MAX && t->at - now < wait)
			wait = t->at - now;
	}
	return wait < 0 ? 0 : (int)wait;
}

static void from_program(void)
{
	static uint8_t frame[NET_FRAME_MAX];
	ssize_t n;

	while ((n = REAL(recv)(u.fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		lib.input(u.slirp, frame, (int)n);
	if (!n)
		_exit(0); /* the program has ended */
}

static void serve(void)
{
	for (;;) {
		uint32_t wait = 1000;
		int rc;

		u.n = 0;
		add_poll(u.fd, SLIRP_POLL_IN, NULL);
		lib.fill(u.slirp, &wait, add_poll, NULL);
		rc = REAL(poll)(u.fds, u.n, run_timers(wait));
		lib.poll(u.slirp, rc < 0, get_revents, NULL);
		if (rc > 0 && u.fds[0].revents)
			from_program();
	}
}

/* --- start -------------------------------------------------------------- */

static int load(void)
{
	void *l = dlopen("libslirp.so.0", RTLD_NOW | RTLD_LOCAL);

	if (l) {
		lib.new = (__typeof__(lib.new))dlsym(l, "slirp_new");
		lib.input = (__typeof__(lib.input))dlsym(l, "slirp_input");
		lib.fill = (__typeof__(lib.fill))dlsym(l, "slirp_pollfds_fill");
		lib.poll = (__typeof__(lib.poll))dlsym(l, "slirp_pollfds_poll");
		lib.forward =
			(__typeof__(lib.forward))dlsym(l, "slirp_add_hostfwd");
	}
	if (l && lib.new && lib.input && lib.fill && lib.poll && lib.forward)
		return 0;
	log_error("user network: libslirp.so.0 is missing (Debian: apt-get "
		  "install libslirp0)");
	return -ENOENT;
}

static struct in_addr host_address(uint32_t a)
{
	return (struct in_addr){htonl(a)};
}

static void configure(void)
{
	SlirpConfig c = {.version = 1, .in_enabled = true};

	c.vnetwork = host_address(0x0a000200);
	c.vnetmask = host_address(0xffffff00);
	c.vhost = host_address(0x0a000202);
	c.vnameserver = host_address(0x0a000203);
	c.vdhcp_start = host_address(0x0a00020f);
	u.slirp = lib.new(&c, &callbacks, NULL);
	if (!u.slirp)
		_exit(1);
}

static bool is_port(int n)
{
	return n > 0 && n < 65536;
}

/* "fwd=8080:80,fwd=..."; false when one cannot be read. */
static bool forward(const char *options)
{
	int host, port, n;

	while (*options) {
		n = 0;
		if (sscanf(options, "fwd=%d:%d%n", &host, &port, &n) != 2 ||
		    (options[n] && options[n] != ',') || !is_port(host) ||
		    !is_port(port))
			return false;
		if (u.slirp &&
		    lib.forward(u.slirp, 0, host_address(0x7f000001), host,
				host_address(0x0a00020f), port)) {
			fprintf(stderr, "fata: user network: port %d: %s\n",
				host, strerror(errno));
			_exit(1); /* the program's wire goes down */
		}
		options += n + (options[n] == ',');
	}
	return true;
}

static void child(const char *options, pid_t parent)
{
	unix_io_stop();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* a terminal's ^C is the program's */
	configure();
	forward(options);
	serve();
}

int wire_open_user(const char *options, struct wire **w)
{
	pid_t self = getpid(), pid;
	int pair[2], rc;

	if (!forward(options))
		return -EINVAL;
	rc = load();
	if (rc)
		return rc;
	if (REAL(socketpair)(AF_UNIX,
			     SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     pair))
		return -errno;
	pid = fork();
	if (!pid) {
		close(pair[0]);
		u.fd = pair[1];
		child(options, self);
	}
	close(pair[1]);
	if (pid > 0)
		return wire_fd_new(pair[0], 1500, false, w);
	close(pair[0]);
	return -errno;
}
