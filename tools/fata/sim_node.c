/* SPDX-License-Identifier: ISC */
/*
 * A node: a Linux process that takes turns with us (unix/sim_wire.h).
 *
 *     n->out   the message that its next turn begins with, grown record by
 *              record; its head is filled in when it is sent
 *     n->in    what has come of its answer
 *
 * Interface: sim.h. Nothing of the host may reach the node: its addresses are
 * not randomised, its environment is ours. Real time appears once, as the
 * patience with which an answer is awaited. A node that breaks the rules of
 * the protocol has failed, like one that died.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NODE_FD    3
#define CHUNK      65536
#define LAST_WORDS 5000   /* ms for a process to end after its last message */
#define TURNS_MOST 100000 /* of one node, without time going on */
#define LOOK_MS    100    /* how often a turn that lasts is looked at */

/* --- failure ------------------------------------------------------------ */

static void failed(struct sim *s, struct sim_node *n, const char *format, ...)
	TOOL_PRINTF(3, 4);

static void failed(struct sim *s, struct sim_node *n, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	free(n->why);
	if (vasprintf(&n->why, format, ap) < 0)
		n->why = xstrdup(format);
	va_end(ap);
	n->state = NODE_FAILED;
	n->failed_at = s->now;
	s->failed++;
	sim_node_note(s, n, "sim: %s", n->why);
}

/* --- start -------------------------------------------------------------- */

/* The program; under a debugger, say, if it is to be wrapped. */
static void run(const struct sim_node *n, char **env)
{
	struct strv argv = {0};

	if (!n->wrap.n) {
		execve(n->topo->program, n->topo->argv.v, env);
		return;
	}
	for (size_t i = 0; i < n->wrap.n; i++)
		strv_add(&argv, n->wrap.v[i]);
	strv_add(&argv, n->topo->program);
	for (size_t i = 1; i < n->topo->argv.n; i++)
		strv_add(&argv, n->topo->argv.v[i]);
	execvpe(argv.v[0], argv.v, env);
}

static _Noreturn void become(const struct sim_node *n, int fd)
{
	static char fd_word[] = SIM_ENV "=3", path[] = "PATH=/usr/bin:/bin",
		    zone[] = "TZ=UTC", language[] = "LC_ALL=C";
	static const char *const kept[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS",
					   "TSAN_OPTIONS", "LD_LIBRARY_PATH"};
	char *env[16] = {fd_word, path, zone, language};
	struct rlimit no_core = {0};
	int null = open("/dev/null", O_RDONLY), e = 4;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (getenv(kept[i]))
			env[e++] = xasprintf("%s=%s", kept[i], getenv(kept[i]));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* a ^C is for us alone */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
	setrlimit(RLIMIT_CORE, &no_core);
	/* ours are numbered from 10 on (high_fd), so none is in the way */
	dup2(null, 0);
	dup2(n->console, 1);
	dup2(n->console, 2);
	dup2(fd, NODE_FD);
	run(n, env);
	dprintf(2, "cannot run %s: %s\n",
		n->wrap.n ? n->wrap.v[0] : n->topo->program, strerror(errno));
	_exit(127);
}

static void first_records(struct sim *s, struct sim_node *n)
{
	uint64_t seed[4], wall = s->topo->wall;
	struct sim_random luck;
	char *name = xasprintf("node %s %u", n->topo->name, n->lives);

	sim_random_init(&luck, s->config->seed, name);
	free(name);
	for (int i = 0; i < 4; i++)
		seed[i] = sim_random_u64(&luck);
	n->out.n = 0;
	sim_node_record(n, SIM_NAME, 0, n->topo->name,
			(uint32_t)strlen(n->topo->name));
	sim_node_record(n, SIM_SEED, 0, seed, sizeof(seed));
	sim_node_record(n, SIM_WALL, 0, &wall, sizeof(wall));
	for (unsigned i = 0; i < n->topo->nets; i++) {
		struct sim_net net = {.mtu = (uint16_t)n->topo->net_mtu[i]};
		unsigned at = n->index;

		memcpy(net.name, n->topo->net_name[i],
		       strlen(n->topo->net_name[i]));
		memcpy(net.mac, (uint8_t[]){2, 0, at >> 8, at, i >> 8, i},
		       sizeof(net.mac));
		sim_node_record(n, SIM_NET, i, &net, sizeof(net));
		n->told_up[i] = true;
	}
}

/* The same descriptor, where `become` does not step on it. */
static int high_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return high;
}

/* Its console, and the socket, of which it gets the other end. */
static int open_both(struct sim_node *n, int *theirs)
{
	const struct timeval look = {.tv_usec = LOOK_MS * 1000};
	int sock[2];

	n->console = memfd_create("console", MFD_CLOEXEC);
	if (n->console < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return -errno;
	n->console = high_fd(n->console);
	n->fd = high_fd(sock[0]);
	*theirs = high_fd(sock[1]);
	if (n->console < 0 || n->fd < 0 || *theirs < 0 ||
	    fcntl(n->console, F_SETFL, O_APPEND) ||
	    setsockopt(n->fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look)))
		return -errno;
	return 0;
}

int sim_node_start(struct sim *s, struct sim_node *n)
{
	int theirs = -1, err = open_both(n, &theirs);

	if (err)
		return fail("%s: %s", n->topo->name, strerror(-err));
	n->pid = fork();
	if (!n->pid)
		become(n, theirs);
	close(theirs);
	if (n->pid < 0)
		return fail("%s: %s", n->topo->name, strerror(errno));
	n->state = NODE_RUNS;
	n->lives++;
	n->has_end = n->stopping = false;
	n->still_at = SIM_NEVER;
	first_records(s, n);
	return 0;
}

/* --- the end ------------------------------------------------------------ */

/* The process's status; ended with force if it does not end itself. */
static int reap(struct sim_node *n, int patience_ms)
{
	int status = 0;

	for (; patience_ms > 0; patience_ms--) {
		if (waitpid(n->pid, &status, WNOHANG) == n->pid)
			goto gone;
		usleep(1000);
	}
	kill(n->pid, SIGKILL);
	waitpid(n->pid, &status, 0);
gone:
	n->pid = 0;
	return status;
}

static void close_both(struct sim *s, struct sim_node *n)
{
	sim_console_finish(s, n);
	close(n->fd);
	close(n->console);
	n->fd = n->console = -1;
	n->wake++; /* its deadline is void */
	n->in.n = n->out.n = 0;
	n->has_turn = false;
}

/* It has ended by itself: how, and is that a failure? */
static void ended(struct sim *s, struct sim_node *n)
{
	int status = reap(n, LAST_WORDS);

	close_both(s, n);
	if (WIFSIGNALED(status)) {
		failed(s, n, "killed by signal %d (%s)", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status)) {
		failed(s, n, "exit status %d", WEXITSTATUS(status));
	} else if (n->has_end && n->end.reason == 1) { /* END_REBOOT */
		sim_node_note(s, n, "sim: reboots");
		n->state = NODE_WAITING;
		sim_queue_add(&s->queue,
			      (struct sim_happening){.at = s->now,
						     .kind = SIM_START,
						     .which = n->index});
	} else {
		n->state = NODE_ENDED;
		sim_node_note(s, n, "sim: ended");
	}
}

void sim_node_kill(struct sim *s, struct sim_node *n)
{
	if (n->pid <= 0)
		return;
	reap(n, 0);
	close_both(s, n);
	n->state = NODE_ENDED;
}

/* --- turns -------------------------------------------------------------- */

void sim_node_record(struct sim_node *n, enum sim_type type, unsigned net,
		     const void *data, uint32_t size)
{
	const struct sim_record r = {
		.type = (uint16_t)type, .net = (uint16_t)net, .size = size};
	const struct sim_message head = {0};

	if (!n->out.n)
		text_add(&n->out, &head, sizeof(head));
	text_add(&n->out, &r, sizeof(r));
	text_add(&n->out, data, size);
	n->has_turn = true;
}

static int64_t real_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void sim_node_give(struct sim *s, struct sim_node *n)
{
	struct sim_message head = {.time = s->now};
	size_t done = 0;

	if (!n->out.n)
		text_add(&n->out, &head, sizeof(head));
	head.size = (uint32_t)(n->out.n - sizeof(head));
	memcpy(n->out.s, &head, sizeof(head));
	while (done < n->out.n) {
		/* It waits for this, so it reads it, or is dead: await sees. */
		ssize_t w = send(n->fd, n->out.s + done, n->out.n - done,
				 MSG_NOSIGNAL);

		if (w < 0)
			break;
		done += (size_t)w;
	}
	n->out.n = 0;
	n->turns++;
	s->turns++;
}

static void broke_rules(struct sim *s, struct sim_node *n)
{
	sim_node_kill(s, n);
	failed(s, n, "sent what is no answer (not built by this `fata cc`?)");
}

enum answer { PART, WHOLE, NONE, BAD };

static enum answer take(struct sim_node *n)
{
	struct sim_message head;
	ssize_t got;

	n->in.s = xrealloc(n->in.s, n->in.n + CHUNK + 1);
	got = recv(n->fd, n->in.s + n->in.n, CHUNK, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return PART;
	if (got <= 0)
		return NONE;
	n->in.n += (size_t)got;
	if (n->in.n < sizeof(head))
		return PART;
	memcpy(&head, n->in.s, sizeof(head));
	if (head.size > SIM_LONGEST || n->in.n > sizeof(head) + head.size)
		return BAD;
	return n->in.n == sizeof(head) + head.size ? WHOLE : PART;
}

/* Has it been asked again and again at one moment? */
static bool goes_round(struct sim *s, struct sim_node *n)
{
	if (n->still_at != s->now) {
		n->still_at = s->now;
		n->turns_at = 0;
	}
	return ++n->turns_at > TURNS_MOST;
}

/* It has had its turn for so long: must it end? */
static bool too_long(struct sim *s, struct sim_node *n, int64_t ms)
{
	int64_t patience = (int64_t)(s->config->patience / 1000000);

	if (sim_console_floods(n)) {
		sim_node_kill(s, n);
		failed(s, n, "printed more than %d MiB at one moment",
		       SIM_PRINT_MOST >> 20);
	} else if (patience && ms >= patience) {
		sim_node_kill(s, n);
		failed(s, n,
		       "ran for %jd ms of real time without waiting for "
		       "anything (--patience)",
		       (intmax_t)patience);
	}
	return n->state == NODE_FAILED;
}

void sim_node_await(struct sim *s, struct sim_node *n)
{
	enum answer state = PART;
	int64_t from = 0;

	n->in.n = 0;
	while ((state = take(n)) == PART) {
		from = from ? from : real_ms();
		if (too_long(s, n, real_ms() - from))
			return;
	}
	sim_console_read(s, n);
	if (state == NONE)
		ended(s, n);
	else if (state == BAD)
		broke_rules(s, n);
	else if (goes_round(s, n)) {
		sim_node_kill(s, n);
		failed(s, n, "had %d turns without time going on", TURNS_MOST);
	}
}

static bool one_record(struct sim *s, struct sim_node *n,
		       const struct sim_record *r, const char *data)
{
	if (r->type == SIM_END && r->size == sizeof(n->end)) {
		memcpy(&n->end, data, sizeof(n->end));
		n->has_end = true;
		return true;
	}
	if (r->type != SIM_FRAME || r->net >= n->topo->nets ||
	    r->size > SIM_FRAME_LONGEST)
		return false;
	sim_link_send(s, n->port[r->net].link, n->port[r->net].end, data,
		      r->size);
	return true;
}

void sim_node_answer(struct sim *s, struct sim_node *n)
{
	struct sim_message head;
	struct sim_record r;
	size_t at = sizeof(head);

	memcpy(&head, n->in.s, sizeof(head));
	while (n->in.n - at >= sizeof(r)) {
		memcpy(&r, n->in.s + at, sizeof(r));
		at += sizeof(r);
		if (r.size > n->in.n - at ||
		    !one_record(s, n, &r, n->in.s + at))
			break;
		at += r.size;
	}
	if (at != n->in.n) {
		broke_rules(s, n);
	} else if (n->has_end) {
		ended(s, n);
	} else if (head.time != SIM_NEVER) {
		uint64_t at_least = head.time > s->now ? head.time : s->now;

		sim_queue_add(&s->queue, (struct sim_happening){
						 .at = at_least,
						 .kind = SIM_WAKE,
						 .which = n->index,
						 .serial = ++n->wake,
					 });
	} else {
		n->wake++;
	}
}
