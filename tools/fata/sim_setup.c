/* SPDX-License-Identifier: ISC */
/*
 * What a run of the simulator has before its first moment, and what is left to
 * do after its last.
 *
 * Interface: sim.h. Files are written to a folder of the run: NAME.log of each
 * node, NAME.pcap of each link, events.log, summary.txt; none holds anything
 * that is not the same in every run of the same number.
 */
#include "sim.h"

#include "core/pcap.h"
#include <errno.h>
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

	for (unsigned i = 0; i < s->topo->nodes; i++) {
		const struct topo_node *t = &s->topo->node[i];

		if (strlen(t->name) != n || memcmp(t->name, word, n))
			continue;
		if (t->is_switch)
			return fail("--wrap %s: a switch runs no program",
				    word);
		return topo_split(&at, word + n + 1, &s->node[i].wrap);
	}
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

int sim_begin(struct sim *s)
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

/* --- the end ------------------------------------------------------------ */

int sim_end(struct sim *s)
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
