/* SPDX-License-Identifier: ISC */
/*
 * The simulated xenstored: the tree, permissions, watches, transactions.
 *
 * A transaction works on a copy of the whole tree and ends with EAGAIN when
 * anybody has changed anything meanwhile; its watches fire when it ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sim_xenstore.h"

struct sim_xenstore *sim_xs(void)
{
	return sim.xenstore;
}

void *sim_xs_must(void *p)
{
	if (!p)
		sim_die("no memory for xenstore");
	return p;
}

/* --- the tree ------------------------------------------------------------- */

struct sim_xs_node *sim_xs_node_new(const char *name, size_t n)
{
	struct sim_xs_node *node = sim_xs_must(calloc(1, sizeof(*node)));

	node->name = sim_xs_must(strndup(name, n));
	node->value = sim_xs_must(calloc(1, 1));
	return node;
}

void sim_xs_node_free(struct sim_xs_node *node)
{
	while (node->child) {
		struct sim_xs_node *c = node->child;

		node->child = c->next;
		sim_xs_node_free(c);
	}
	free(node->name);
	free(node->value);
	free(node);
}

static struct sim_xs_node *node_clone(const struct sim_xs_node *from)
{
	struct sim_xs_node *to = sim_xs_must(malloc(sizeof(*to))), **last;

	*to = *from;
	to->next = to->child = NULL;
	to->name = sim_xs_must(strdup(from->name));
	to->value = sim_xs_must(malloc(from->len + 1));
	memcpy(to->value, from->value, from->len + 1);
	last = &to->child;
	for (const struct sim_xs_node *c = from->child; c; c = c->next) {
		*last = node_clone(c);
		last = &(*last)->next;
	}
	return to;
}

struct sim_xs_node **sim_xs_child(struct sim_xs_node *node, const char *name,
				  size_t n)
{
	struct sim_xs_node **p = &node->child;

	while (*p && (strncmp((*p)->name, name, n) || (*p)->name[n]))
		p = &(*p)->next;
	return p;
}

/*
 * Walk down an absolute path. Returns the node, or NULL; *last is the deepest
 * that exists and *rest what is missing below it.
 */
struct sim_xs_node *sim_xs_walk(struct sim_xs_node *root, const char *path,
				struct sim_xs_node **last, const char **rest)
{
	struct sim_xs_node *node = root;

	while (*path == '/')
		path++;
	while (*path) {
		size_t n = strcspn(path, "/");
		struct sim_xs_node *c = *sim_xs_child(node, path, n);

		if (!c)
			break;
		node = c;
		path += n;
		path += *path == '/';
	}
	if (last)
		*last = node;
	if (rest)
		*rest = path;
	return *path ? NULL : node;
}

struct sim_xs_node *sim_xs_lookup(struct sim_xs_node *root, const char *path)
{
	return sim_xs_walk(root, path, NULL, NULL);
}

/* Make the node and what is missing above it; they inherit permissions. */
struct sim_xs_node *sim_xs_make(struct sim_xs_node *root, const char *path,
				uint16_t creator)
{
	struct sim_xs_node *node;
	const char *rest;

	sim_xs_walk(root, path, &node, &rest);
	while (*rest) {
		size_t n = strcspn(rest, "/");
		struct sim_xs_node *c = sim_xs_node_new(rest, n);
		struct sim_xs_node **end = &node->child;

		while (*end)
			end = &(*end)->next;
		*end = c;
		memcpy(c->perms, node->perms, sizeof(c->perms));
		c->n_perms = node->n_perms;
		if (creator)
			c->perms[0].id = creator;
		node->generation = ++sim_xs()->generation;
		node = c;
		rest += n;
		rest += *rest == '/';
	}
	return node;
}

void sim_xs_set_value(struct sim_xs_node *node, const void *value, size_t n)
{
	free(node->value);
	node->value = sim_xs_must(malloc(n + 1));
	memcpy(node->value, value, n);
	node->value[n] = 0;
	node->len = n;
	node->generation = ++sim_xs()->generation;
}

unsigned int sim_xs_owned(const struct sim_xs_node *node, uint16_t id)
{
	unsigned int n = node->n_perms && node->perms[0].id == id;

	for (node = node->child; node; node = node->next)
		n += sim_xs_owned(node, id);
	return n;
}

/* --- permissions ---------------------------------------------------------- */

bool sim_xs_may(const struct sim_xs_node *node, uint16_t id, char what)
{
	char access = node->perms[0].access;

	if (id == 0 || node->perms[0].id == id)
		return true;
	for (unsigned int i = 1; i < node->n_perms; i++)
		if (node->perms[i].id == id)
			access = node->perms[i].access;
	return access == 'b' || access == what;
}

int sim_xs_parse_perm(const char *s, struct sim_xs_perm *p)
{
	char *end;
	unsigned long id;

	if (!*s || !strchr("nrwb", *s))
		return EINVAL;
	id = strtoul(s + 1, &end, 10);
	if (end == s + 1 || *end || id > 0x7fff)
		return EINVAL;
	*p = (struct sim_xs_perm){.id = id, .access = *s};
	return 0;
}

/* --- watches -------------------------------------------------------------- */

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (!strcmp(top, "/"))
		return path[0] == '/';
	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

static void fire_one(struct sim_xs_watch *w, const char *path)
{
	char relative[4096];
	size_t base = strlen(w->path) - strlen(w->given);

	if (w->fn) {
		w->fn(w->arg, path);
		return;
	}
	/* in the guest's own words when it used a relative path */
	snprintf(relative, sizeof(relative), "%s",
		 strlen(path) >= base ? path + base : path);
	sim_xs_event(w->domain, relative, w->token);
}

/* Fire for a change at path; `removed`: also for watches further down. */
void sim_xs_fire(const char *path, bool removed)
{
	struct sim_xs_watch *next;

	for (struct sim_xs_watch *w = sim_xs()->watches; w; w = next) {
		next = w->next;
		if (below(path, w->path))
			fire_one(w, path);
		else if (removed && below(w->path, path))
			fire_one(w, w->path);
	}
}

void sim_xs_changed(struct sim_xs_transaction *t, const char *path,
		    bool removed)
{
	if (!t)
		sim_xs_fire(path, removed);
	else if (t->n_changed < 256)
		t->changed[t->n_changed++] = sim_xs_must(strdup(path));
}

void sim_xs_watch_free(struct sim_xs_watch **p)
{
	struct sim_xs_watch *w = *p;

	*p = w->next;
	free(w->path);
	free(w->given);
	free(w->token);
	free(w);
}

unsigned int sim_xs_watches(struct sim_domain *d)
{
	unsigned int n = 0;

	for (struct sim_xs_watch *w = sim_xs()->watches; w; w = w->next)
		n += w->domain == d;
	return n;
}

struct sim_xs_watch *sim_xs_watch_new(struct sim_domain *d, const char *path,
				      const char *given, const char *token)
{
	struct sim_xs_watch *w = sim_xs_must(calloc(1, sizeof(*w))), **end;

	w->domain = d;
	w->path = sim_xs_must(strdup(path));
	w->given = sim_xs_must(strdup(given));
	w->token = sim_xs_must(strdup(token));
	for (end = &sim_xs()->watches; *end; end = &(*end)->next)
		;
	*end = w;
	return w;
}

void sim_xs_watch(const char *path, void (*fn)(void *arg, const char *path),
		  void *arg)
{
	struct sim_xs_watch *w = sim_xs_watch_new(NULL, path, path, "");

	w->fn = fn;
	w->arg = arg;
}

void sim_xs_unwatch(void *arg)
{
	struct sim_xs_watch **p = &sim_xs()->watches;

	while (*p)
		if (!(*p)->domain && (*p)->arg == arg)
			sim_xs_watch_free(p);
		else
			p = &(*p)->next;
}

/* --- transactions --------------------------------------------------------- */

struct sim_xs_transaction **sim_xs_find(struct sim_domain *d, uint32_t id)
{
	struct sim_xs_transaction **p = &sim_xs()->transactions;

	while (*p && ((*p)->domain != d || (*p)->id != id))
		p = &(*p)->next;
	return p;
}

unsigned int sim_xs_transactions(struct sim_domain *d)
{
	unsigned int n = 0;
	struct sim_xs_transaction *t;

	for (t = sim_xs()->transactions; t; t = t->next)
		n += t->domain == d;
	return n;
}

static void transaction_free(struct sim_xs_transaction **p)
{
	struct sim_xs_transaction *t = *p;

	*p = t->next;
	for (unsigned int i = 0; i < t->n_changed; i++)
		free(t->changed[i]);
	sim_xs_node_free(t->root);
	free(t);
}

int sim_xs_begin(struct sim_domain *d, char *out, size_t *len)
{
	struct sim_xs_transaction *t;

	if (sim_xs_transactions(d) >= SIM_XS_MAX_TRANSACTIONS)
		return ENOSPC;
	t = sim_xs_must(calloc(1, sizeof(*t)));
	t->domain = d;
	t->id = ++sim_xs()->next_transaction;
	t->root = node_clone(sim_xs()->root);
	t->generation = sim_xs()->generation;
	t->next = sim_xs()->transactions;
	sim_xs()->transactions = t;
	*len = sprintf(out, "%u", t->id) + 1;
	return 0;
}

/* t's own writes move the generation too: remember others' only. */
int sim_xs_end(struct sim_xs_transaction **p, bool commit)
{
	struct sim_xs_transaction *t = *p;
	struct sim_xs_node *old = sim_xs()->root;

	if (!commit) {
		transaction_free(p);
		return 0;
	}
	if (t->generation != sim_xs()->generation) {
		transaction_free(p);
		return EAGAIN;
	}
	sim_xs()->root = t->root;
	t->root = old;
	sim_xs()->generation++;
	for (unsigned int i = 0; i < t->n_changed; i++)
		sim_xs_fire(t->changed[i],
			    !sim_xs_lookup(sim_xs()->root, t->changed[i]));
	transaction_free(sim_xs_find(t->domain, t->id));
	return 0;
}

void sim_xs_drop(struct sim_domain *d)
{
	struct sim_xs_watch **w = &sim_xs()->watches;

	while (*w)
		if ((*w)->domain == d)
			sim_xs_watch_free(w);
		else
			w = &(*w)->next;
	sim_xs_lose(d);
}

void sim_xs_lose(struct sim_domain *d)
{
	struct sim_xs_transaction **t = &sim_xs()->transactions;

	while (*t)
		if ((*t)->domain == d)
			transaction_free(t);
		else
			t = &(*t)->next;
}
