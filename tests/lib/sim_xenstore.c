/* SPDX-License-Identifier: ISC */
/*
 * The simulated xenstored: the tree, permissions, transactions, watches.
 *
 * It follows docs/misc/xenstore.txt and the C daemon where they leave room: a
 * transaction works on a copy of the whole tree and ends with EAGAIN when
 * anybody has changed anything meanwhile; watches of a transaction fire when
 * it ends; a watch fires once when it is set.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sim_xenstore.h"

static struct sim_xenstore *xs(void)
{
	return sim.xenstore;
}

static void *must(void *p)
{
	if (!p)
		sim_die("no memory for xenstore");
	return p;
}

/* --- the tree ------------------------------------------------------------- */

static struct sim_xs_node *node_new(const char *name, size_t n)
{
	struct sim_xs_node *node = must(calloc(1, sizeof(*node)));

	node->name = must(strndup(name, n));
	node->value = must(calloc(1, 1));
	return node;
}

static void node_free(struct sim_xs_node *node)
{
	while (node->child) {
		struct sim_xs_node *c = node->child;

		node->child = c->next;
		node_free(c);
	}
	free(node->name);
	free(node->value);
	free(node);
}

static struct sim_xs_node *node_clone(const struct sim_xs_node *from)
{
	struct sim_xs_node *to = must(malloc(sizeof(*to))), **last;

	*to = *from;
	to->next = to->child = NULL;
	to->name = must(strdup(from->name));
	to->value = must(malloc(from->len + 1));
	memcpy(to->value, from->value, from->len + 1);
	last = &to->child;
	for (const struct sim_xs_node *c = from->child; c; c = c->next) {
		*last = node_clone(c);
		last = &(*last)->next;
	}
	return to;
}

static struct sim_xs_node **find_child(struct sim_xs_node *node,
				       const char *name, size_t n)
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
static struct sim_xs_node *walk(struct sim_xs_node *root, const char *path,
				struct sim_xs_node **last, const char **rest)
{
	struct sim_xs_node *node = root;

	while (*path == '/')
		path++;
	while (*path) {
		size_t n = strcspn(path, "/");
		struct sim_xs_node *c = *find_child(node, path, n);

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

static struct sim_xs_node *lookup(struct sim_xs_node *root, const char *path)
{
	return walk(root, path, NULL, NULL);
}

/* Make the node and what is missing above it; they inherit permissions. */
static struct sim_xs_node *make(struct sim_xs_node *root, const char *path,
				uint16_t creator)
{
	struct sim_xs_node *node;
	const char *rest;

	walk(root, path, &node, &rest);
	while (*rest) {
		size_t n = strcspn(rest, "/");
		struct sim_xs_node *c = node_new(rest, n);
		struct sim_xs_node **end = &node->child;

		while (*end)
			end = &(*end)->next;
		*end = c;
		memcpy(c->perms, node->perms, sizeof(c->perms));
		c->n_perms = node->n_perms;
		if (creator)
			c->perms[0].id = creator;
		node->generation = ++xs()->generation;
		node = c;
		rest += n;
		rest += *rest == '/';
	}
	return node;
}

static void set_value(struct sim_xs_node *node, const void *value, size_t n)
{
	free(node->value);
	node->value = must(malloc(n + 1));
	memcpy(node->value, value, n);
	node->value[n] = 0;
	node->len = n;
	node->generation = ++xs()->generation;
}

static unsigned int owned(const struct sim_xs_node *node, uint16_t id)
{
	unsigned int n = node->n_perms && node->perms[0].id == id;

	for (node = node->child; node; node = node->next)
		n += owned(node, id);
	return n;
}

/* --- permissions ---------------------------------------------------------- */

static bool may(const struct sim_xs_node *node, uint16_t id, char what)
{
	char access = node->perms[0].access;

	if (id == 0 || node->perms[0].id == id)
		return true;
	for (unsigned int i = 1; i < node->n_perms; i++)
		if (node->perms[i].id == id)
			access = node->perms[i].access;
	return access == 'b' || access == what;
}

static int parse_perm(const char *s, struct sim_xs_perm *p)
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
static void fire(const char *path, bool removed)
{
	struct sim_xs_watch *next;

	for (struct sim_xs_watch *w = xs()->watches; w; w = next) {
		next = w->next;
		if (below(path, w->path))
			fire_one(w, path);
		else if (removed && below(w->path, path))
			fire_one(w, w->path);
	}
}

static void changed(struct sim_xs_transaction *t, const char *path,
		    bool removed)
{
	if (!t)
		fire(path, removed);
	else if (t->n_changed < 256)
		t->changed[t->n_changed++] = must(strdup(path));
}

static void watch_free(struct sim_xs_watch **p)
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

	for (struct sim_xs_watch *w = xs()->watches; w; w = w->next)
		n += w->domain == d;
	return n;
}

static struct sim_xs_watch *watch_new(struct sim_domain *d, const char *path,
				      const char *given, const char *token)
{
	struct sim_xs_watch *w = must(calloc(1, sizeof(*w))), **end;

	w->domain = d;
	w->path = must(strdup(path));
	w->given = must(strdup(given));
	w->token = must(strdup(token));
	for (end = &xs()->watches; *end; end = &(*end)->next)
		;
	*end = w;
	return w;
}

void sim_xs_watch(const char *path, void (*fn)(void *arg, const char *path),
		  void *arg)
{
	struct sim_xs_watch *w = watch_new(NULL, path, path, "");

	w->fn = fn;
	w->arg = arg;
}

void sim_xs_unwatch(void *arg)
{
	struct sim_xs_watch **p = &xs()->watches;

	while (*p)
		if (!(*p)->domain && (*p)->arg == arg)
			watch_free(p);
		else
			p = &(*p)->next;
}

/* --- transactions --------------------------------------------------------- */

static struct sim_xs_transaction **find_transaction(struct sim_domain *d,
						    uint32_t id)
{
	struct sim_xs_transaction **p = &xs()->transactions;

	while (*p && ((*p)->domain != d || (*p)->id != id))
		p = &(*p)->next;
	return p;
}

unsigned int sim_xs_transactions(struct sim_domain *d)
{
	unsigned int n = 0;
	struct sim_xs_transaction *t;

	for (t = xs()->transactions; t; t = t->next)
		n += t->domain == d;
	return n;
}

static void transaction_free(struct sim_xs_transaction **p)
{
	struct sim_xs_transaction *t = *p;

	*p = t->next;
	for (unsigned int i = 0; i < t->n_changed; i++)
		free(t->changed[i]);
	node_free(t->root);
	free(t);
}

static int transaction_start(struct sim_domain *d, char *out, size_t *len)
{
	struct sim_xs_transaction *t;

	if (sim_xs_transactions(d) >= SIM_XS_MAX_TRANSACTIONS)
		return ENOSPC;
	t = must(calloc(1, sizeof(*t)));
	t->domain = d;
	t->id = ++xs()->next_transaction;
	t->root = node_clone(xs()->root);
	t->generation = xs()->generation;
	t->next = xs()->transactions;
	xs()->transactions = t;
	*len = sprintf(out, "%u", t->id) + 1;
	return 0;
}

/* t's own writes move the generation too: remember others' only. */
static int transaction_end(struct sim_xs_transaction **p, bool commit)
{
	struct sim_xs_transaction *t = *p;
	struct sim_xs_node *old = xs()->root;

	if (!commit) {
		transaction_free(p);
		return 0;
	}
	if (t->generation != xs()->generation) {
		transaction_free(p);
		return EAGAIN;
	}
	xs()->root = t->root;
	t->root = old;
	xs()->generation++;
	for (unsigned int i = 0; i < t->n_changed; i++)
		fire(t->changed[i], !lookup(xs()->root, t->changed[i]));
	transaction_free(find_transaction(t->domain, t->id));
	return 0;
}

void sim_xs_drop(struct sim_domain *d)
{
	struct sim_xs_watch **w = &xs()->watches;
	struct sim_xs_transaction **t = &xs()->transactions;

	while (*w)
		if ((*w)->domain == d)
			watch_free(w);
		else
			w = &(*w)->next;
	while (*t)
		if ((*t)->domain == d)
			transaction_free(t);
		else
			t = &(*t)->next;
}

/* --- requests ------------------------------------------------------------- */

struct request {
	struct sim_domain *d;
	struct sim_xs_transaction *t;
	struct sim_xs_node *root;
	char path[4096 + 64];
	char *arg; /* behind the path */
	size_t arg_len;
	char *out;
	size_t *len;
};

static bool path_ok(const char *p)
{
	size_t n = strlen(p);

	if (n > XENSTORE_ABS_PATH_MAX || strstr(p, "//"))
		return false;
	if (n > 1 && p[n - 1] == '/')
		return false;
	for (; *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
			    "yz0123456789-/_@",
			    *p))
			return false;
	return true;
}

/* Split off the path and make it absolute. */
static int take_path(struct request *r, char *p, size_t n)
{
	size_t k = strnlen(p, n);

	if (k == n || k == 0 || !path_ok(p))
		return EINVAL;
	if (*p == '/' || *p == '@')
		snprintf(r->path, sizeof(r->path), "%s", p);
	else
		snprintf(r->path, sizeof(r->path), "/local/domain/%u/%s",
			 r->d->id, p);
	r->arg = p + k + 1;
	r->arg_len = n - k - 1;
	return 0;
}

static int get(struct request *r, char access, struct sim_xs_node **node)
{
	struct sim_xs_node *last;
	const char *rest;

	*node = walk(r->root, r->path, &last, &rest);
	if (*node)
		return may(*node, r->d->id, access) ? 0 : EACCES;
	return may(last, r->d->id, access) ? ENOENT : EACCES;
}

static int op_directory(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'r', &node);
	size_t n = 0;

	if (rc)
		return rc;
	for (struct sim_xs_node *c = node->child; c; c = c->next) {
		if (n + strlen(c->name) + 1 > XENSTORE_PAYLOAD_MAX)
			return E2BIG;
		strcpy(r->out + n, c->name);
		n += strlen(c->name) + 1;
	}
	*r->len = n;
	return 0;
}

/* "generation\0" then names from the offset on, "\0" after the last. */
static int op_directory_part(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'r', &node);
	size_t offset = strtoul(r->arg, NULL, 10), at = 0, n;

	if (rc)
		return rc;
	n = sprintf(r->out, "%llu", (unsigned long long)node->generation) + 1;
	for (struct sim_xs_node *c = node->child; c; c = c->next) {
		size_t k = strlen(c->name) + 1;

		if (at >= offset) {
			if (n + k + 1 > XENSTORE_PAYLOAD_MAX) {
				*r->len = n;
				return 0;
			}
			memcpy(r->out + n, c->name, k);
			n += k;
		}
		at += k;
	}
	r->out[n++] = 0;
	*r->len = n;
	return 0;
}

static int op_read(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'r', &node);

	if (rc)
		return rc;
	memcpy(r->out, node->value, node->len);
	*r->len = node->len;
	return 0;
}

/* May the guest create or change what the path names? */
static int may_write(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'w', &node);

	if (rc && rc != ENOENT)
		return rc;
	if (rc == ENOENT && r->d->id &&
	    owned(r->root, r->d->id) >= SIM_XS_MAX_NODES)
		return ENOSPC;
	return 0;
}

static int ok(struct request *r)
{
	strcpy(r->out, "OK");
	*r->len = 3;
	return 0;
}

static int op_write(struct request *r)
{
	int rc = may_write(r);

	if (rc)
		return rc;
	if (r->d->id && r->arg_len > SIM_XS_MAX_VALUE)
		return ENOSPC;
	set_value(make(r->root, r->path, r->d->id), r->arg, r->arg_len);
	changed(r->t, r->path, false);
	return ok(r);
}

static int op_mkdir(struct request *r)
{
	int rc = may_write(r);

	if (rc)
		return rc;
	if (lookup(r->root, r->path))
		return ok(r);
	make(r->root, r->path, r->d->id);
	changed(r->t, r->path, false);
	return ok(r);
}

static int remove_node(struct sim_xs_node *root, const char *path)
{
	char *slash = strrchr(path, '/');
	char *up = must(strndup(path, slash - path));
	struct sim_xs_node *parent = lookup(root, up), **p, *node;

	free(up);
	if (!slash[1])
		return EINVAL;
	if (!parent)
		return ENOENT;
	p = find_child(parent, slash + 1, strlen(slash + 1));
	node = *p;
	if (!node)
		return 0; /* as the daemon: it is gone, as wished */
	*p = node->next;
	node_free(node);
	parent->generation = ++xs()->generation;
	return 0;
}

static int op_rm(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'w', &node);

	if (rc && rc != ENOENT)
		return rc;
	rc = remove_node(r->root, r->path);
	if (rc)
		return rc;
	changed(r->t, r->path, true);
	return ok(r);
}

static int op_get_perms(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'r', &node);
	size_t n = 0;

	for (unsigned int i = 0; !rc && i < node->n_perms; i++)
		n += sprintf(r->out + n, "%c%u", node->perms[i].access,
			     node->perms[i].id) +
		     1;
	*r->len = n;
	return rc;
}

static int op_set_perms(struct request *r)
{
	struct sim_xs_perm perms[SIM_XS_PERMS];
	struct sim_xs_node *node;
	unsigned int n = 0;
	int rc = get(r, 'w', &node);

	if (rc)
		return rc;
	if (r->d->id && node->perms[0].id != r->d->id)
		return EACCES;
	for (char *p = r->arg; p < r->arg + r->arg_len; p += strlen(p) + 1)
		if (n == SIM_XS_PERMS || parse_perm(p, &perms[n++]))
			return EINVAL;
	if (n == 0)
		return EINVAL;
	/* A guest cannot give a node away. */
	if (r->d->id && perms[0].id != r->d->id)
		return EPERM;
	memcpy(node->perms, perms, sizeof(perms));
	node->n_perms = n;
	node->generation = ++xs()->generation;
	changed(r->t, r->path, false);
	return ok(r);
}

static int op_watch(struct request *r, const char *given)
{
	struct sim_xs_watch *w;

	if (strnlen(r->arg, r->arg_len) == r->arg_len)
		return EINVAL;
	for (w = xs()->watches; w; w = w->next)
		if (w->domain == r->d && !strcmp(w->path, r->path) &&
		    !strcmp(w->token, r->arg))
			return EEXIST;
	if (r->d->id && sim_xs_watches(r->d) >= SIM_XS_MAX_WATCHES)
		return E2BIG;
	watch_new(r->d, r->path, given, r->arg);
	return ok(r);
}

static int op_unwatch(struct request *r)
{
	struct sim_xs_watch **p;

	if (strnlen(r->arg, r->arg_len) == r->arg_len)
		return EINVAL;
	for (p = &xs()->watches; *p; p = &(*p)->next)
		if ((*p)->domain == r->d && !strcmp((*p)->path, r->path) &&
		    !strcmp((*p)->token, r->arg)) {
			watch_free(p);
			return ok(r);
		}
	return ENOENT;
}

static int op_end(struct request *r, uint32_t id, const char *p)
{
	struct sim_xs_transaction **t = find_transaction(r->d, id);
	int rc;

	if (strcmp(p, "T") && strcmp(p, "F"))
		return EINVAL;
	rc = *t ? transaction_end(t, *p == 'T') : ENOENT;
	return rc ? rc : ok(r);
}

static int op_domain(struct request *r, uint32_t type, const char *p)
{
	unsigned long id = strtoul(p, NULL, 10);

	if (type == XS_GET_DOMAIN_PATH)
		*r->len = sprintf(r->out, "/local/domain/%lu", id) + 1;
	else
		*r->len = sprintf(r->out, "%s", sim_domain(id) ? "T" : "F") + 1;
	return 0;
}

static int with_path(struct request *r, uint32_t type, char *p, size_t n)
{
	int rc = take_path(r, p, n);

	if (rc)
		return rc;
	switch (type) {
	case XS_DIRECTORY:
		return op_directory(r);
	case XS_DIRECTORY_PART:
		return op_directory_part(r);
	case XS_READ:
		return op_read(r);
	case XS_WRITE:
		return op_write(r);
	case XS_MKDIR:
		return op_mkdir(r);
	case XS_RM:
		return op_rm(r);
	case XS_GET_PERMS:
		return op_get_perms(r);
	case XS_SET_PERMS:
		return op_set_perms(r);
	case XS_WATCH:
		return op_watch(r, p);
	case XS_UNWATCH:
		return op_unwatch(r);
	}
	return ENOSYS;
}

int sim_xs_request(struct sim_domain *d, const struct xsd_sockmsg *m, char *p,
		   char *out, size_t *len)
{
	struct request r = {.d = d, .root = xs()->root, .out = out, .len = len};

	*len = 0;
	switch (m->type) {
	case XS_TRANSACTION_START:
		return transaction_start(d, out, len);
	case XS_TRANSACTION_END:
		return op_end(&r, m->tx_id, p);
	case XS_RESET_WATCHES:
		sim_xs_drop(d);
		return ok(&r);
	case XS_GET_DOMAIN_PATH:
	case XS_IS_DOMAIN_INTRODUCED:
		return op_domain(&r, m->type, p);
	case XS_INTRODUCE:
	case XS_RELEASE:
	case XS_RESUME:
	case XS_SET_TARGET:
	case XS_CONTROL:
		return EACCES;
	}
	if (m->tx_id) {
		r.t = *find_transaction(d, m->tx_id);
		if (!r.t)
			return ENOENT;
		r.root = r.t->root;
	}
	if (r.t) {
		/* its changes are not others' changes */
		uint64_t before = xs()->generation;
		int rc = with_path(&r, m->type, p, m->len);

		xs()->generation = before;
		return rc;
	}
	return with_path(&r, m->type, p, m->len);
}

/* --- dom0's hands --------------------------------------------------------- */

const char *sim_xs_read(const char *path)
{
	struct sim_xs_node *node = lookup(xs()->root, path);

	return node ? (char *)node->value : NULL;
}

void sim_xs_write(const char *path, const char *value)
{
	set_value(make(xs()->root, path, 0), value, strlen(value));
	fire(path, false);
}

void sim_xs_rm(const char *path)
{
	remove_node(xs()->root, path);
	fire(path, true);
}

void sim_xs_perms(const char *path, const char *const *perms, unsigned int n)
{
	struct sim_xs_node *node = lookup(xs()->root, path);

	if (!node || n == 0 || n > SIM_XS_PERMS)
		sim_die("permissions of %s", path);
	for (unsigned int i = 0; i < n; i++)
		if (parse_perm(perms[i], &node->perms[i]))
			sim_die("permission %s", perms[i]);
	node->n_perms = n;
	xs()->generation++;
	fire(path, false);
}

void sim_xs_start(void)
{
	sim.xenstore = must(calloc(1, sizeof(*sim.xenstore)));
	xs()->root = node_new("", 0);
	xs()->root->perms[0] = (struct sim_xs_perm){.id = 0, .access = 'n'};
	xs()->root->n_perms = 1;
	make(xs()->root, "/local/domain/0", 0);
	make(xs()->root, "/tool", 0);
}

static void guest_dir(struct sim_domain *d, const char *name, bool writable)
{
	char path[128], owner[16], reader[16];
	const char *perms[2] = {owner, reader};

	snprintf(path, sizeof(path), "/local/domain/%u%s", d->id, name);
	snprintf(owner, sizeof(owner), "n%u", writable ? d->id : 0);
	snprintf(reader, sizeof(reader), "r%u", writable ? 0 : d->id);
	make(xs()->root, path, 0);
	sim_xs_perms(path, perms, 2);
}

void sim_xs_populate(struct sim_domain *d)
{
	static const char *const rw[] = {
		"/data",
		"/drivers",
		"/feature",
		"/attr",
		"/error",
		"/device",
		"/control/shutdown",
		"/control/feature-poweroff",
		"/control/feature-reboot",
		"/control/feature-suspend",
		"/control/sysrq",
	};
	static const char *const values[][2] = {
		{"name", "guest"},
		{"memory/target", "65536"},
		{"memory/static-max", "65536"},
		{"control/platform-feature-multiprocessor-suspend", "1"},
	};
	char path[128], id[8];

	guest_dir(d, "", false);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/%s", d->id,
			 values[i][0]);
		sim_xs_write(path, values[i][1]);
	}
	snprintf(path, sizeof(path), "/local/domain/%u/domid", d->id);
	snprintf(id, sizeof(id), "%u", d->id);
	sim_xs_write(path, id);
	for (size_t i = 0; i < sizeof(rw) / sizeof(rw[0]); i++)
		guest_dir(d, rw[i], true);
}
