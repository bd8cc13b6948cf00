/* SPDX-License-Identifier: ISC */
/*
 * The simulated xenstored: requests of guests, as docs/misc/xenstore.txt and
 * the C daemon have them. The tree is sim_xs_tree.c, dom0's hands are
 * sim_xs_dom0.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sim_xenstore.h"

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

	*node = sim_xs_walk(r->root, r->path, &last, &rest);
	if (*node)
		return sim_xs_may(*node, r->d->id, access) ? 0 : EACCES;
	return sim_xs_may(last, r->d->id, access) ? ENOENT : EACCES;
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
	    sim_xs_owned(r->root, r->d->id) >= SIM_XS_MAX_NODES)
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
	sim_xs_set_value(sim_xs_make(r->root, r->path, r->d->id), r->arg,
			 r->arg_len);
	sim_xs_changed(r->t, r->path, false);
	return ok(r);
}

static int op_mkdir(struct request *r)
{
	int rc = may_write(r);

	if (rc)
		return rc;
	if (sim_xs_lookup(r->root, r->path))
		return ok(r);
	sim_xs_make(r->root, r->path, r->d->id);
	sim_xs_changed(r->t, r->path, false);
	return ok(r);
}

static int op_rm(struct request *r)
{
	struct sim_xs_node *node;
	int rc = get(r, 'w', &node);

	if (rc && rc != ENOENT)
		return rc;
	rc = sim_xs_remove(r->root, r->path);
	if (rc)
		return rc;
	sim_xs_changed(r->t, r->path, true);
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
		if (n == SIM_XS_PERMS || sim_xs_parse_perm(p, &perms[n++]))
			return EINVAL;
	if (n == 0)
		return EINVAL;
	/* A guest cannot give a node away. */
	if (r->d->id && perms[0].id != r->d->id)
		return EPERM;
	memcpy(node->perms, perms, sizeof(perms));
	node->n_perms = n;
	node->generation = ++sim_xs()->generation;
	sim_xs_changed(r->t, r->path, false);
	return ok(r);
}

static int op_watch(struct request *r, const char *given)
{
	struct sim_xs_watch *w;

	if (strnlen(r->arg, r->arg_len) == r->arg_len)
		return EINVAL;
	for (w = sim_xs()->watches; w; w = w->next)
		if (w->domain == r->d && !strcmp(w->path, r->path) &&
		    !strcmp(w->token, r->arg))
			return EEXIST;
	if (r->d->id && sim_xs_watches(r->d) >= SIM_XS_MAX_WATCHES)
		return E2BIG;
	sim_xs_watch_new(r->d, r->path, given, r->arg);
	return ok(r);
}

static int op_unwatch(struct request *r)
{
	struct sim_xs_watch **p;

	if (strnlen(r->arg, r->arg_len) == r->arg_len)
		return EINVAL;
	for (p = &sim_xs()->watches; *p; p = &(*p)->next)
		if ((*p)->domain == r->d && !strcmp((*p)->path, r->path) &&
		    !strcmp((*p)->token, r->arg)) {
			sim_xs_watch_free(p);
			return ok(r);
		}
	return ENOENT;
}

static int op_end(struct request *r, uint32_t id, const char *p)
{
	struct sim_xs_transaction **t = sim_xs_find(r->d, id);
	int rc;

	if (strcmp(p, "T") && strcmp(p, "F"))
		return EINVAL;
	rc = *t ? sim_xs_end(t, *p == 'T') : ENOENT;
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
	struct request r = {
		.d = d, .root = sim_xs()->root, .out = out, .len = len};

	*len = 0;
	switch (m->type) {
	case XS_TRANSACTION_START:
		return sim_xs_begin(d, out, len);
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
		r.t = *sim_xs_find(d, m->tx_id);
		if (!r.t)
			return ENOENT;
		r.root = r.t->root;
	}
	if (r.t) {
		/* its changes are not others' changes */
		uint64_t before = sim_xs()->generation;
		int rc = with_path(&r, m->type, p, m->len);

		sim_xs()->generation = before;
		return rc;
	}
	return with_path(&r, m->type, p, m->len);
}
