/* SPDX-License-Identifier: ISC */
/*
 * A node: a Linux process that takes turns with us (unix/sim_wire.h).
 *
 *     n->out   the message that its next turn begins with, grown record by
 *              record; its head is filled in when it is sent
 *     n->in    what has come of its answer
 *
 * A node's console is a pipe. It writes nothing there between its answer's
 * first byte and its next turn, so a poll that finds an answer finds all that
 * was printed before it as well; that is how lines get the right time.
 *
 * Interface: sim.h. Nothing of the host may reach the node: its addresses are
 * not randomised, its environment is ours. Real time appears once, as the
 * patience with which an answer is awaited. A node that breaks the rules of
 * the protocol has failed, like one that died.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NODE_FD      3
#define CHUNK        65536
#define LINE_LONGEST 65536
#define LAST_WORDS   5000   /* ms for a process to end after its last message */
#define TURNS_MOST   100000 /* of one node, without time going on */

/* --- its console -------------------------------------------------------- */

static void write_line(struct sim *s, struct sim_node *n, const char *text,
		       size_t size)
{
	uint64_t t = s->now;

	while (size && text[size - 1] == '\r')
		size--;
	n->lines++;
	fprintf(n->log, "[%6ju.%09ju] ", (uintmax_t)(t / SIM_NS_PER_S),
		(uintmax_t)(t % SIM_NS_PER_S));
	fwrite(text, 1, size, n->log);
	putc('\n', n->log);
	if (s->config->verbose)
		printf("%s [%6ju.%09ju] %.*s\n", n->topo->name,
		       (uintmax_t)(t / SIM_NS_PER_S),
		       (uintmax_t)(t % SIM_NS_PER_S), (int)size, text);
}

void sim_node_note(struct sim *s, struct sim_node *n, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		write_line(s, n, text, strlen(text));
	free(text);
}

/* What was printed: whole lines to the file, the rest is kept. */
static void print(struct sim *s, struct sim_node *n, const char *data,
		  size_t size)
{
	const char *end;

	while ((end = memchr(data, '\n', size))) {
		size_t part = (size_t)(end - data);

		text_add(&n->line, data, part);
		write_line(s, n, n->line.s, n->line.n);
		n->line.n = 0;
		data += part + 1;
		size -= part + 1;
	}
	text_add(&n->line, data, size);
	if (n->line.n > LINE_LONGEST) {
		write_line(s, n, n->line.s, n->line.n);
		n->line.n = 0;
	}
}

/* False at the end of it. */
static bool read_console(struct sim *s, struct sim_node *n)
{
	char data[CHUNK];
	ssize_t got = read(n->console, data, sizeof(data));

	if (got > 0)
		print(s, n, data, (size_t)got);
	return got > 0 || (got < 0 && errno == EAGAIN);
}

static void finish_console(struct sim *s, struct sim_node *n)
{
	struct pollfd p = {.fd = n->console, .events = POLLIN};

	while (poll(&p, 1, 0) > 0 && p.revents & POLLIN && read_console(s, n))
		;
	if (n->line.n)
		write_line(s, n, n->line.s, n->line.n);
	n->line.n = 0;
}

/* --- start -------------------------------------------------------------- */

static _Noreturn void become(const struct sim_node *n, int fd, int console)
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
	personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
	setrlimit(RLIMIT_CORE, &no_core);
	/* ours are numbered from 10 on (high_fd), so none is in the way */
	dup2(null, 0);
	dup2(console, 1);
	dup2(console, 2);
	dup2(fd, NODE_FD);
	execve(n->topo->argv.v[0], n->topo->argv.v, env);
	dprintf(2, "cannot run %s: %s\n", n->topo->argv.v[0], strerror(errno));
	_exit(127);
}

/* The same descriptor, where `become` does not step on it. */
static int high_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return high;
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

int sim_node_start(struct sim *s, struct sim_node *n)
{
	int sock[2], pipe_[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return fail("%s: %s", n->topo->name, strerror(errno));
	if (pipe2(pipe_, O_CLOEXEC)) {
		close(sock[0]);
		close(sock[1]);
		return fail("%s: %s", n->topo->name, strerror(errno));
	}
	for (int i = 0; i < 2; i++) {
		sock[i] = high_fd(sock[i]);
		pipe_[i] = high_fd(pipe_[i]);
	}
	fflush(NULL);
	n->pid = fork();
	if (!n->pid)
		become(n, sock[1], pipe_[1]);
	close(sock[1]);
	close(pipe_[1]);
	n->fd = sock[0];
	n->console = pipe_[0];
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
	finish_console(s, n);
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
	got = recv(n->fd, n->in.s + n->in.n, CHUNK, MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
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

static void too_late(struct sim *s, struct sim_node *n)
{
	reap(n, 0);
	close_both(s, n);
	failed(s, n,
	       "ran for %ju ms of real time without waiting for "
	       "anything (--patience)",
	       (uintmax_t)(s->config->patience / 1000000));
}

static void await_answer(struct sim *s, struct sim_node *n)
{
	struct pollfd p[2] = {{.fd = n->fd, .events = POLLIN},
			      {.fd = n->console, .events = POLLIN}};
	int64_t patience = (int64_t)(s->config->patience / 1000000),
		until = patience ? real_ms() + patience : INT64_MAX;
	enum answer state = PART;

	while (state == PART) {
		int64_t left = patience ? until - real_ms() : -1;

		if (patience && left <= 0) {
			too_late(s, n);
			return;
		}
		if (poll(p, 2, (int)left) < 0)
			continue;
		if (p[1].revents & POLLIN)
			read_console(s, n);
		else if (p[1].revents)
			p[1].fd = -1; /* it has closed its output */
		if (p[0].revents)
			state = take(n);
	}
	if (state == NONE)
		ended(s, n);
	else if (state == BAD)
		broke_rules(s, n);
	else if (goes_round(s, n)) {
		sim_node_kill(s, n);
		failed(s, n, "had %d turns without time going on", TURNS_MOST);
	}
}

void sim_node_await(struct sim *s, struct sim_node *n)
{
	n->in.n = 0;
	await_answer(s, n);
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
