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
 * Interface: sim.h. Files are written to a folder of the run: NAME.log of each
 * node, NAME.pcap of each link, events.log, summary.txt; none holds anything
 * that is not the same in every run of the same number.
 */
#include "sim.h"

#include "core/pcap.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* --- files -------------------------------------------------------------- */

FILE *sim_create(const struct sim_config *c, const char *name,
		 const char *extension)
{
	char *path = xasprintf("%s/%s%s", c->out, name, extension);
	FILE *f = fopen(path, "we");

	if (!f)
		fail("cannot write %s: %s", path, strerror(errno));
	free(path);
	return f;
}

/* Closes it; 1 after telling that something could not be written. */
int sim_finish(const struct sim_config *c, FILE *f)
{
	bool bad;

	if (!f)
		return 0;
	bad = ferror(f);
	if (!fclose(f) && !bad)
		return 0;
	return fail("cannot write in %s: %s", c->out,
		    strerror(errno ? errno : EIO));
}

static int open_pcap(struct sim *s, struct sim_link *l)
{
	const struct pcap p = {.nano = true,
			       .longest = s->config->snaplen,
			       .link = PCAP_ETHERNET};
	uint8_t head[PCAP_HEADER];

	l->pcap = sim_create(s->config, l->topo->name, ".pcap");
	if (!l->pcap)
		return 1;
	pcap_encode_header(head, &p);
	fwrite(head, 1, sizeof(head), l->pcap);
	return 0;
}

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

/* --- the beginning ------------------------------------------------------ */

static int make_nodes(struct sim *s)
{
	const struct topology *t = s->topo;

	s->node = xmalloc(t->nodes * sizeof(*s->node));
	for (unsigned i = 0; i < t->nodes; i++) {
		struct sim_node *n = &s->node[i];

		n->topo = &t->node[i];
		n->index = i;
		n->fd = n->console = -1;
		n->port = xmalloc(n->topo->nets * sizeof(*n->port));
		n->told_up = xmalloc(n->topo->nets * sizeof(*n->told_up));
		if (n->topo->is_switch)
			continue;
		n->log = sim_create(s->config, n->topo->name, ".log");
		if (!n->log)
			return 1;
		sim_queue_add(&s->queue,
			      (struct sim_happening){.at = n->topo->start,
						     .kind = SIM_START,
						     .which = i});
	}
	return 0;
}

/* NODE=COMMAND of --wrap */
static int wrap(struct sim *s, const char *word)
{
	const struct topo_place at = {.file = "--wrap", .line = 1};
	size_t n = strcspn(word, "=");

	for (unsigned i = 0; i < s->topo->nodes; i++)
		if (strlen(s->topo->node[i].name) == n &&
		    !memcmp(s->topo->node[i].name, word, n))
			return topo_split(&at, word + n + 1, &s->node[i].wrap);
	return fail("--wrap %s: no node is called so", word);
}

static int make_links(struct sim *s)
{
	const struct topology *t = s->topo;

	s->link = xmalloc(t->links * sizeof(*s->link));
	for (unsigned i = 0; i < t->links; i++) {
		struct sim_link *l = &s->link[i];

		l->topo = &t->link[i];
		l->o = l->topo->o;
		for (unsigned e = 0; e < 2; e++) {
			const struct sim_end_of_link *end = &l->topo->end[e];
			char *name = xasprintf("link %s %u", l->topo->name, e);

			sim_random_init(&l->way[e].luck, s->config->seed, name);
			free(name);
			s->node[end->node].port[end->net] =
				(struct sim_port){.link = i, .end = e};
		}
		if (s->config->pcap && l->o.pcap && open_pcap(s, l))
			return 1;
	}
	return 0;
}

static int begin(struct sim *s)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (mkdir(s->config->out, 0777) && errno != EEXIST)
		return fail("cannot create the folder %s: %s", s->config->out,
			    strerror(errno));
	s->journal = sim_create(s->config, "events", ".log");
	if (!s->journal || make_nodes(s) || make_links(s))
		return 1;
	for (size_t i = 0; i < s->config->wrap.n; i++)
		if (wrap(s, s->config->wrap.v[i]))
			return 1;
	for (unsigned i = 0; i < s->topo->events; i++)
		sim_queue_add(&s->queue,
			      (struct sim_happening){.at = s->topo->event[i].at,
						     .kind = SIM_PLANNED,
						     .which = i});
	return 0;
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
	const uint8_t poweroff = 0; /* LIFECYCLE_POWEROFF */

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

/* --- the end ------------------------------------------------------------ */

static int end(struct sim *s)
{
	int err = 0;

	for (unsigned i = 0; s->node && i < s->topo->nodes; i++) {
		struct sim_node *n = &s->node[i];

		sim_node_kill(s, n);
		err |= sim_finish(s->config, n->log);
		text_free(&n->in);
		text_free(&n->out);
		text_free(&n->line);
		strv_free(&n->wrap);
		free(n->port);
		free(n->told_up);
		free(n->seen);
		free(n->why);
	}
	for (unsigned i = 0; s->link && i < s->topo->links; i++) {
		err |= sim_finish(s->config, s->link[i].pcap);
		free(s->link[i].way[0].leaves);
		free(s->link[i].way[1].leaves);
	}
	if (s->journal)
		err |= sim_finish(s->config, s->journal);
	sim_queue_free(&s->queue);
	free(s->turn);
	free(s->node);
	free(s->link);
	return err;
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
	err = begin(&s);
	while (!err && !over(&s) && sim_queue_next(&s.queue) <= until &&
	       s.queue.n)
		err = moment(&s);
	if (!err && !over(&s) && until != SIM_NEVER)
		s.now = until;
	err = err ? err : sim_summarize(&s);
	err |= end(&s);
	return err ? -1 : s.failed || interrupted;
}
