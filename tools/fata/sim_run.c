/* SPDX-License-Identifier: ISC */
/*
 * One run of the simulator.
 *
 *     T = time of the first thing to happen
 *     let everything happen that is due at T; nodes note it
 *     give a turn to each node that has something to do, all at once
 *     await them; then take up what each did, in their order
 *
 * What a node sends without delay is due at T again: then there is one more
 * round at T, and so on.
 *
 * Interface: sim.h.
 */
#include "sim.h"

#include <fata/lifecycle.h>
#include <signal.h>
#include <stdarg.h>

static void journal(struct sim *s, const char *format, ...) TOOL_PRINTF(2, 3);

static void journal(struct sim *s, const char *format, ...)
{
	va_list ap;

	fprintf(s->journal, "[%6ju.%09ju] ", (uintmax_t)(s->now / SIM_NS_PER_S),
		(uintmax_t)(s->now % SIM_NS_PER_S));
	va_start(ap, format);
	vfprintf(s->journal, format, ap);
	va_end(ap);
	putc('\n', s->journal);
}

/* --- planned events ----------------------------------------------------- */

static unsigned group(const struct topo_event *e, unsigned node)
{
	return node < e->n ? e->which[node] : e->rest;
}

static void cut(struct sim *s, const struct topo_event *e)
{
	for (unsigned i = 0; i < s->topo->links; i++) {
		struct sim_link *l = &s->link[i];
		unsigned a = group(e, l->topo->end[0].node);
		unsigned b = group(e, l->topo->end[1].node);

		if (a && b && a != b)
			l->cut = true;
	}
}

static void change(struct sim *s, const struct topo_event *e)
{
	const struct topo_place at = {.file = s->topo->file};

	for (unsigned i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->options.n; k++)
			topo_option(&at, e->options.v[k],
				    &s->link[e->which[i]].o);
}

static int start(struct sim *s, struct sim_node *n)
{
	if (n->state == NODE_RUNS)
		return 0;
	journal(s, "%s starts", n->topo->name);
	return sim_node_start(s, n);
}

static int act_on_node(struct sim *s, const struct topo_event *e,
		       struct sim_node *n)
{
	const uint8_t poweroff = LIFECYCLE_POWEROFF;

	if (e->action == TOPO_RESTART)
		return start(s, n);
	if (n->state != NODE_RUNS)
		return 0;
	if (e->action == TOPO_STOP) {
		sim_node_record(n, SIM_REQUEST, 0, &poweroff, 1);
		return 0;
	}
	sim_node_note(s, n, "sim: crashed, as planned");
	sim_node_kill(s, n);
	return 0;
}

static int planned(struct sim *s, const struct topo_event *e)
{
	int err = 0;

	journal(s, "%s", e->text);
	switch (e->action) {
	case TOPO_PARTITION:
		cut(s, e);
		break;
	case TOPO_HEAL:
		for (unsigned i = 0; i < s->topo->links; i++)
			s->link[i].cut = false;
		break;
	case TOPO_LINK:
		change(s, e);
		break;
	case TOPO_CRASH:
	case TOPO_STOP:
	case TOPO_RESTART:
		for (unsigned i = 0; i < e->n && !err; i++)
			err = act_on_node(s, e, &s->node[e->which[i]]);
		break;
	}
	return err;
}

/* --- the loop ----------------------------------------------------------- */

static int happen(struct sim *s, struct sim_happening h)
{
	struct sim_node *n = &s->node[h.which];

	switch (h.kind) {
	case SIM_ARRIVAL:
		sim_link_arrive(s, &h);
		return 0;
	case SIM_WAKE:
		if (n->state == NODE_RUNS && n->wake == h.serial)
			n->has_turn = true;
		return 0;
	case SIM_START:
		return start(s, n);
	case SIM_PLANNED:
		return planned(s, &s->topo->event[h.which]);
	}
	return 0;
}

/* Nodes are told when a link of theirs comes or goes. */
static void tell_of_links(struct sim *s, struct sim_node *n)
{
	for (unsigned i = 0; i < n->topo->nets; i++) {
		uint8_t up = sim_link_is_up(&s->link[n->port[i].link]);

		if (up == n->told_up[i])
			continue;
		n->told_up[i] = up;
		sim_node_record(n, SIM_LINK, i, &up, 1);
	}
}

static void tell_all(struct sim *s)
{
	for (unsigned i = 0; i < s->topo->nodes; i++)
		if (s->node[i].state == NODE_RUNS)
			tell_of_links(s, &s->node[i]);
}

static void run_nodes(struct sim *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->topo->nodes; i++) {
		if (!s->node[i].has_turn || s->node[i].state != NODE_RUNS)
			continue;
		s->turn[n++] = &s->node[i];
		s->node[i].has_turn = false;
		sim_node_give(s, &s->node[i]);
	}
	for (unsigned i = 0; i < n; i++)
		sim_node_await(s, s->turn[i]);
	for (unsigned i = 0; i < n; i++)
		if (s->turn[i]->state == NODE_RUNS)
			sim_node_answer(s, s->turn[i]);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool over(const struct sim *s)
{
	return interrupted || (s->failed && !s->config->keep_going);
}

static int moment(struct sim *s)
{
	bool links = false;

	s->now = sim_queue_next(&s->queue);
	while (sim_queue_next(&s->queue) == s->now) {
		struct sim_happening h = sim_queue_take(&s->queue);

		links |= h.kind == SIM_PLANNED || h.kind == SIM_START;
		if (happen(s, h))
			return 1;
	}
	if (links)
		tell_all(s);
	run_nodes(s);
	return 0;
}

int sim_run(const struct topology *t, const struct sim_config *config)
{
	uint64_t until = config->duration ? config->duration
			 : t->duration    ? t->duration
					  : SIM_NEVER;
	struct sim s = {.topo = t, .config = config};
	int err;

	/* ^C is the end of the run, not of what it is to tell */
	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	s.turn = xmalloc(t->nodes * sizeof(*s.turn));
	err = sim_begin(&s);
	while (!err && !over(&s) && sim_queue_next(&s.queue) <= until &&
	       s.queue.n)
		err = moment(&s);
	if (!err && !over(&s) && until != SIM_NEVER)
		s.now = until;
	err = err ? err : sim_summarize(&s);
	err |= sim_end(&s);
	return err ? -1 : s.failed || interrupted;
}
