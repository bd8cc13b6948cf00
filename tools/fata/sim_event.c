/* SPDX-License-Identifier: ISC */
/*
 * The planned events of a topology: `at TIME ACTION ...` (sim_topo.h).
 *
 * Interface: sim_topo_int.h. The options of a link's change are read here for
 * mistakes only; they are put on what the link's options are by then.
 */
#include "sim_topo_int.h"

#include <string.h>

static int event_nodes(struct reader *r, struct topo_event *e)
{
	struct strv names = {0};
	int err;

	if (r->w.n != 4)
		return topo_fail(&r->at, "expected: at TIME %s NAMES",
				 r->w.v[2]);
	err = topo_names(&r->at, r->w.v[3], &names);
	for (size_t i = 0; i < names.n && !err; i++) {
		unsigned *which = GROW(e->which, e->n);

		err = topo_find_node(r, names.v[i], which);
		if (!err && r->t->node[*which].is_switch)
			err = topo_fail(&r->at,
					"'%s' is a switch; set its "
					"links down",
					names.v[i]);
	}
	strv_free(&names);
	return err;
}

/* at TIME partition LIST ...: groups; of one alone, the rest is the other */
static int event_partition(struct reader *r, struct topo_event *e)
{
	unsigned rest = r->w.n == 4 ? 2 : 0, n;
	int err = 0;

	if (r->w.n < 4)
		return topo_fail(&r->at, "expected: at TIME partition NAMES "
					 "[NAMES ...]");
	e->rest = rest;
	e->n = r->t->nodes;
	e->which = xmalloc(e->n * sizeof(*e->which));
	for (unsigned i = 0; i < e->n; i++)
		e->which[i] = rest;
	for (size_t g = 3; g < r->w.n && !err; g++) {
		struct strv names = {0};

		err = topo_names(&r->at, r->w.v[g], &names);
		for (size_t i = 0; i < names.n && !err; i++) {
			err = topo_find_node(r, names.v[i], &n);
			if (!err)
				e->which[n] = (unsigned)g - 2;
		}
		strv_free(&names);
	}
	return err;
}

/* The event is about all links between two nodes. */
static int links_between(struct reader *r, struct topo_event *e, const char *a,
			 const char *b)
{
	unsigned na, nb, before = e->n;

	if (topo_find_node(r, a, &na) || topo_find_node(r, b, &nb))
		return 1;
	for (unsigned i = 0; i < r->t->links; i++) {
		if (topo_joins(&r->t->link[i], na, nb))
			*GROW(e->which, e->n) = i;
	}
	if (e->n == before)
		return topo_fail(&r->at, "no link joins '%s' and '%s'", a, b);
	return 0;
}

/* at TIME link LIST LIST OPTIONS */
static int event_link(struct reader *r, struct topo_event *e)
{
	struct sim_options trial = r->options;
	struct strv a = {0}, b = {0};
	int err = topo_pairs(r, 3, &a, &b);

	if (!err && r->w.n < 6)
		err = topo_fail(&r->at, "expected: at TIME link NAMES NAMES "
					"OPTIONS");
	for (size_t i = 0; i < a.n && !err; i++)
		err = links_between(r, e, a.v[i], b.v[i]);
	strv_free(&a);
	strv_free(&b);
	err = err ? err : topo_options(r, 5, &trial);
	for (size_t i = 5; i < r->w.n && !err; i++)
		strv_add(&e->options, r->w.v[i]);
	return err;
}

static int event_heal(struct reader *r, struct topo_event *e)
{
	(void)e;
	return r->w.n == 3 ? 0 : topo_fail(&r->at, "expected: at TIME heal");
}

static const struct {
	const char *name;
	enum topo_action action;
	int (*read)(struct reader *r, struct topo_event *e);
} actions[] = {
	{"partition", TOPO_PARTITION, event_partition},
	{"heal", TOPO_HEAL, event_heal},
	{"crash", TOPO_CRASH, event_nodes},
	{"stop", TOPO_STOP, event_nodes},
	{"restart", TOPO_RESTART, event_nodes},
	{"link", TOPO_LINK, event_link},
};

/* at TIME ACTION ... */
int topo_event(struct reader *r)
{
	struct topo_event *e;

	if (r->w.n < 3)
		return topo_fail(&r->at, "expected: at TIME ACTION ...");
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, r->w.v[2]))
			continue;
		e = GROW(r->t->event, r->t->events);
		e->action = actions[i].action;
		e->line = r->at.line;
		e->text = xasprintf("%.*s", (int)strcspn(r->line, "#\n"),
				    r->line);
		if (topo_time(&r->at, "at", r->w.v[1], &e->at))
			return 1;
		return actions[i].read(r, e);
	}
	return topo_fail(&r->at,
			 "'%s': expected partition, heal, crash, stop, "
			 "restart or link",
			 r->w.v[2]);
}
