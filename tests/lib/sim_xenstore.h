/* SPDX-License-Identifier: ISC */
/*
 * The simulated xenstored: the tree with its permissions, transactions and
 * watches (sim_xs_tree.c), requests (sim_xenstore.c), and the connections of
 * guests over their rings (sim_xs_ring.c).
 */
#ifndef SIM_XENSTORE_H
#define SIM_XENSTORE_H

#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "lib/sim.h"

#define SIM_XS_PERMS 8

/* Limits of the C xenstored that guests meet. */
#define SIM_XS_MAX_WATCHES      128
#define SIM_XS_MAX_TRANSACTIONS 10
#define SIM_XS_MAX_NODES        1000
#define SIM_XS_MAX_VALUE        2048

struct sim_xs_perm {
	uint16_t id;
	char access; /* n r w b */
};

struct sim_xs_node {
	struct sim_xs_node *next, *child;
	char *name;
	unsigned char *value;
	size_t len;
	struct sim_xs_perm perms[SIM_XS_PERMS];
	unsigned int n_perms;
	uint64_t generation;
};

struct sim_xs_watch {
	struct sim_xs_watch *next;
	struct sim_domain *domain; /* NULL: the test's */
	char *path;                /* absolute */
	char *given;               /* as the guest wrote it */
	char *token;
	void (*fn)(void *arg, const char *path);
	void *arg;
};

struct sim_xs_transaction {
	struct sim_xs_transaction *next;
	struct sim_domain *domain;
	uint32_t id;
	uint64_t generation; /* of the tree when it began */
	struct sim_xs_node *root;
	char *changed[256]; /* paths to fire when it ends */
	unsigned int n_changed;
};

struct sim_xenstore {
	struct sim_xs_node *root;
	uint64_t generation;
	uint32_t next_transaction;
	struct sim_xs_watch *watches;
	struct sim_xs_transaction *transactions;
	bool paused;
};

/*
 * Answer one request of domain d: the payload at p, n bytes, NUL-terminated
 * behind. The answer goes to out (room for 4096 bytes) and *len; an error is
 * returned as an errno > 0.
 */
int sim_xs_request(struct sim_domain *d, const struct xsd_sockmsg *m, char *p,
		   char *out, size_t *len);

/* A watch of a guest fired: queue the event on its ring. */
void sim_xs_event(struct sim_domain *d, const char *path, const char *token);

/* Drop a guest's watches and transactions. */
void sim_xs_drop(struct sim_domain *d);

/* The tree as a new host has it. */
void sim_xs_start(void);

/* What libxl writes for a new guest. */
void sim_xs_populate(struct sim_domain *d);

/* Parts of the tree (sim_xs_tree.c) for the requests (sim_xenstore.c). */
struct sim_xenstore *sim_xs(void);
void *sim_xs_must(void *p);
struct sim_xs_node *sim_xs_node_new(const char *name, size_t n);
struct sim_xs_node *sim_xs_walk(struct sim_xs_node *root, const char *path,
				struct sim_xs_node **last, const char **rest);
struct sim_xs_node *sim_xs_lookup(struct sim_xs_node *root, const char *path);
struct sim_xs_node *sim_xs_make(struct sim_xs_node *root, const char *path,
				uint16_t creator);
void sim_xs_set_value(struct sim_xs_node *node, const void *value, size_t n);
unsigned int sim_xs_owned(const struct sim_xs_node *node, uint16_t id);
bool sim_xs_may(const struct sim_xs_node *node, uint16_t id, char what);
int sim_xs_parse_perm(const char *s, struct sim_xs_perm *p);
void sim_xs_fire(const char *path, bool removed);
void sim_xs_changed(struct sim_xs_transaction *t, const char *path,
		    bool removed);
void sim_xs_watch_free(struct sim_xs_watch **p);
struct sim_xs_watch *sim_xs_watch_new(struct sim_domain *d, const char *path,
				      const char *given, const char *token);
struct sim_xs_transaction **sim_xs_find(struct sim_domain *d, uint32_t id);
int sim_xs_begin(struct sim_domain *d, char *out, size_t *len);
int sim_xs_end(struct sim_xs_transaction **p, bool commit);
void sim_xs_node_free(struct sim_xs_node *node);
struct sim_xs_node **sim_xs_child(struct sim_xs_node *node, const char *name,
				  size_t n);

/* Remove the node at path below root, with all that is below it. 0 or errno. */
int sim_xs_remove(struct sim_xs_node *root, const char *path);

#endif
