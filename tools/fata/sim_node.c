/* SPDX-License-Identifier: ISC */
/*
 * A node: a Linux process that takes turns with us (unix/sim_wire.h).
 *
 *     n->out   the message that its next turn begins with, grown record by
 *              record; its head is filled in when it is sent
 *     n->in    what has come of its answer
 *
 * Interface: sim.h. Real time appears once, as the patience with which an
 * answer is awaited. A node that breaks the rules of the protocol has failed,
 * like one that died.
 */
#include "sim.h"

#include <errno.h>
#include <fata/end.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define CHUNK      65536
#define LAST_WORDS 5000   /* ms for a process to end after its last message */
#define TURNS_MOST 100000 /* of one node, without time going on */

/* --- failure ------------------------------------------------------------ */

static void failed(struct sim *s, struct sim_node *n, const char *format, ...)
	TOOL_PRINTF(3, 4);

static void failed(struct sim *s, struct sim_node *n, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	free(n->why);
	n->why = xvasprintf(format, ap);
	va_end(ap);
	n->state = NODE_FAILED;
	n->failed_at = s->now;
	s->failed++;
	sim_node_note(s, n, "sim: %s", n->why);
}

/* --- start -------------------------------------------------------------- */

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
	if (sim_process_start(n))
		return 1;
	n->state = NODE_RUNS;
	n->lives++;
	n->has_end = false;
	n->still_at = SIM_NEVER;
	first_records(s, n);
	return 0;
}

/* --- the end ------------------------------------------------------------ */

/* Its process has ended, or does now; the status. */
static int finish(struct sim *s, struct sim_node *n, int patience_ms)
{
	int status = sim_process_end(n, patience_ms);

	sim_console_finish(s, n);
	n->wake++; /* its deadline is void */
	n->in.n = n->out.n = 0;
	n->has_turn = false;
	return status;
}

/* It has ended by itself: how, and is that a failure? */
static void ended(struct sim *s, struct sim_node *n)
{
	int status = finish(s, n, LAST_WORDS);

	if (WIFSIGNALED(status)) {
		failed(s, n, "killed by signal %d (%s)", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status)) {
		failed(s, n, "exit status %d", WEXITSTATUS(status));
	} else if (n->has_end && n->end.reason == END_REBOOT) {
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
	finish(s, n, 0);
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
