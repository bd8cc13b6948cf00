/* SPDX-License-Identifier: ISC */
/*
 * Links of a topology: `link` and `default` (sim_topo.h).
 *
 * Interface: sim_topo_int.h.
 */
#include "sim_topo_int.h"

#include <stdlib.h>
#include <string.h>

/* A new interface for "node" or "node:interface". */
static int add_end(struct reader *r, const char *word, uint64_t mtu,
		   struct sim_end_of_link *e)
{
	const char *colon = strchr(word, ':');
	char *name = colon ? xasprintf("%.*s", (int)(colon - word), word)
			   : xstrdup(word);
	int err = topo_find_node(r, name, &e->node);
	struct topo_node *n;

	free(name);
	if (err)
		return err;
	n = &r->t->node[e->node];
	if (n->nets == SIM_NETS_MOST)
		return topo_fail(&r->at, "'%s' has more than %d interfaces",
				 n->name, SIM_NETS_MOST);
	name = colon ? xstrdup(colon + 1) : xasprintf("%u", n->nets);
	for (unsigned i = 0; i < n->nets && !err; i++)
		if (!strcmp(n->net_name[i], name))
			err = topo_fail(&r->at,
					"'%s' has an interface '%s' "
					"already",
					n->name, name);
	if (err || !*name || strlen(name) > 31) {
		if (!err)
			err = topo_fail(&r->at,
					"'%s': an interface's name has "
					"1 to 31 characters",
					word);
		free(name);
		return err;
	}
	n->net_name = xrealloc(n->net_name, (n->nets + 1) * sizeof(char *));
	n->net_mtu = xrealloc(n->net_mtu, (n->nets + 1) * sizeof(uint64_t));
	n->net_name[n->nets] = name;
	n->net_mtu[n->nets] = mtu;
	e->net = n->nets++;
	return 0;
}

bool topo_joins(const struct topo_link *l, unsigned a, unsigned b)
{
	return (l->end[0].node == a && l->end[1].node == b) ||
	       (l->end[0].node == b && l->end[1].node == a);
}

static bool is_taken(const struct topology *t, const char *name)
{
	for (unsigned i = 0; i < t->links; i++)
		if (!strcmp(t->link[i].name, name))
			return true;
	return false;
}

/* A--B, or A--B.2 for their second; a capture is called so. */
static char *link_name(const struct topology *t, unsigned a, unsigned b)
{
	char *plain = xasprintf("%s--%s", t->node[a].name, t->node[b].name);
	char *name;
	unsigned same = 1;

	for (unsigned i = 0; i < t->links; i++)
		same += topo_joins(&t->link[i], a, b);
	name = same > 1 ? xasprintf("%s.%u", plain, same) : xstrdup(plain);
	/* of nodes A and B.2, or A--B and C, it may be another link's */
	while (is_taken(t, name)) {
		free(name);
		name = xasprintf("%s.%u", plain, ++same);
	}
	free(plain);
	return name;
}

static int add_link(struct reader *r, const char *a, const char *b,
		    const struct sim_options *o)
{
	struct topology *t = r->t;
	struct topo_link l = {.o = *o};

	if (add_end(r, a, o->mtu, &l.end[0]) ||
	    add_end(r, b, o->mtu, &l.end[1]))
		return 1;
	l.name = link_name(t, l.end[0].node, l.end[1].node);
	*GROW(t->link, t->links) = l;
	return 0;
}

/* One name is as good as many times the same. */
static void spread(struct strv *names, size_t n)
{
	if (names->n == 1)
		while (names->n < n)
			strv_add(names, names->v[0]);
}

/*
 * The two lists of a link's line, from word `at` on: as long as each other, or
 * one of them a single name that goes with each of the other.
 */
int topo_pairs(struct reader *r, size_t at, struct strv *a, struct strv *b)
{
	if (r->w.n < at + 2)
		return topo_fail(&r->at, "expected: link NAMES NAMES "
					 "[OPTIONS]");
	if (topo_names(&r->at, r->w.v[at], a) ||
	    topo_names(&r->at, r->w.v[at + 1], b))
		return 1;
	spread(a, b->n);
	spread(b, a->n);
	if (a->n != b->n)
		return topo_fail(&r->at,
				 "%zu names to %zu: expected as many, "
				 "or one",
				 a->n, b->n);
	return 0;
}

int topo_options(struct reader *r, size_t from, struct sim_options *o)
{
	for (size_t i = from; i < r->w.n; i++)
		if (topo_option(&r->at, r->w.v[i], o))
			return 1;
	return 0;
}

/* link LIST LIST [OPTIONS] */
int topo_link(struct reader *r)
{
	struct sim_options o = r->options;
	struct strv a = {0}, b = {0};
	int err = topo_pairs(r, 1, &a, &b);

	err = err ? err : topo_options(r, 3, &o);
	for (size_t i = 0; i < a.n && !err; i++)
		err = add_link(r, a.v[i], b.v[i], &o);
	strv_free(&a);
	strv_free(&b);
	return err;
}

/* default OPTIONS */
int topo_default(struct reader *r)
{
	if (r->w.n < 2)
		return topo_fail(&r->at, "expected: default OPTIONS");
	return topo_options(r, 1, &r->options);
}
