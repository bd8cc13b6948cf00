/* SPDX-License-Identifier: ISC */
/*
 * What a run of the simulator came to: counts, failures, how to see it again.
 *
 * Interface: sim.h. Nothing here depends on real time: the summary is one of
 * the files that are the same in every run of a number.
 */
#include "sim.h"

#include <stddef.h>
#include <string.h>

static void add(struct sim_count *sum, const struct sim_count *c)
{
	const uint64_t *from = (const uint64_t *)c;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*c) / sizeof(*to); i++)
		to[i] += from[i];
}

static void tell_count(struct text *t, const struct sim_count *c)
{
	static const struct {
		const char *name;
		size_t at;
	} rest[] = {
		{"lost", offsetof(struct sim_count, lost)},
		{"no room in the queue", offsetof(struct sim_count, full)},
		{"nobody there", offsetof(struct sim_count, down)},
		{"too large or small", offsetof(struct sim_count, oversize)},
		{"reordered", offsetof(struct sim_count, reordered)},
		{"duplicated", offsetof(struct sim_count, duplicated)},
		{"corrupted", offsetof(struct sim_count, corrupted)},
	};

	text_printf(t, "%ju sent, %ju delivered (%ju bytes)",
		    (uintmax_t)c->sent, (uintmax_t)c->delivered,
		    (uintmax_t)c->bytes);
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		uint64_t v;

		memcpy(&v, (const char *)c + rest[i].at, sizeof(v));
		if (v)
			text_printf(t, ", %ju %s", (uintmax_t)v, rest[i].name);
	}
	text_printf(t, "\n");
}

static void tell_failures(const struct sim *s, struct text *t)
{
	for (unsigned i = 0; i < s->topo->nodes; i++) {
		const struct sim_node *n = &s->node[i];

		if (n->state != NODE_FAILED)
			continue;
		text_printf(t, "FAILED  %s at %ju.%09ju s: %s\n", n->topo->name,
			    (uintmax_t)(n->failed_at / SIM_NS_PER_S),
			    (uintmax_t)(n->failed_at % SIM_NS_PER_S), n->why);
	}
	if (s->failed)
		text_printf(t, "replay  fata sim --seed %ju%s %s\n",
			    (uintmax_t)s->config->seed, s->config->replay,
			    s->topo->file);
}

static void tell_all_counts(const struct sim *s, struct text *t)
{
	unsigned runs = 0, ended = 0, switches = 0;
	struct sim_count all = {0};

	for (unsigned i = 0; i < s->topo->nodes; i++) {
		switches += s->node[i].topo->is_switch;
		runs += s->node[i].state == NODE_RUNS;
		ended += s->node[i].state == NODE_ENDED;
	}
	for (unsigned i = 0; i < s->topo->links * 2; i++)
		add(&all, &s->link[i / 2].way[i % 2].count);
	text_printf(t, "seed    %ju\n", (uintmax_t)s->config->seed);
	text_printf(t, "time    %ju.%09ju s\n",
		    (uintmax_t)(s->now / SIM_NS_PER_S),
		    (uintmax_t)(s->now % SIM_NS_PER_S));
	text_printf(t, "nodes   %u running, %u ended, %u failed; %ju turns\n",
		    runs, ended, s->failed, (uintmax_t)s->turns);
	if (switches)
		text_printf(t, "        and %u switches\n", switches);
	text_printf(t, "frames  ");
	tell_count(t, &all);
}

/* The short form to stdout, one with each node and link to the file. */
int sim_summarize(struct sim *s)
{
	FILE *f = sim_create(s->config, "summary", ".txt");
	struct text t = {0};

	if (!f)
		return 1;
	tell_all_counts(s, &t);
	tell_failures(s, &t);
	if (!s->config->quiet)
		fputs(t.s, stdout);
	for (unsigned i = 0; i < s->topo->nodes; i++)
		if (!s->node[i].topo->is_switch)
			text_printf(&t, "node    %s: %ju turns, %ju lines\n",
				    s->node[i].topo->name,
				    (uintmax_t)s->node[i].turns,
				    (uintmax_t)s->node[i].lines);
	for (unsigned i = 0; i < s->topo->links * 2; i++) {
		const struct topo_link *l = s->link[i / 2].topo;

		text_printf(&t, "link    %s from %s: ", l->name,
			    s->topo->node[l->end[i % 2].node].name);
		tell_count(&t, &s->link[i / 2].way[i % 2].count);
	}
	fputs(t.s, f);
	text_free(&t);
	return sim_finish(s->config, f);
}
