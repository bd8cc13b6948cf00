/* SPDX-License-Identifier: ISC */
/*
 * A scripted xenstored for tests of the client: it keeps a flat store, and
 * tests tell it how to misbehave. Ring indices start just below 2^32. What a
 * real xenstored's tree does is in sim_xs_tree.c.
 *
 * Interface: xsd_set_up is a test's setup; the fields of `xsd` say what is to
 * go wrong and what has been seen.
 */
#ifndef XS_DAEMON_H
#define XS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/xs_wire.h>

#define PAIRS    16
#define SOON     (clock_mono_ns() + 100 * FATA_NS_PER_MS)
#define DIR_SIZE 9000

struct xsd_message {
	struct xsd_sockmsg h;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
};

struct xs_daemon {
	struct xenstore_domain_interface *page;
	uint32_t port, guest_port;
	struct xsd_message in;
	size_t have;
	char out[1 << 17];
	size_t out_first, out_last;
	struct {
		char path[64], value[4097];
		size_t size;
	} store[PAIRS];
	struct {
		char path[64], token[16];
	} watch[PAIRS];
	unsigned int n_watches, transactions, ends;
	unsigned int requests, unanswered, most;
	/* misbehaviour */
	bool silent;                         /* take requests, answer nothing */
	bool (*hook)(struct xsd_message *m); /* true: it has answered */
	unsigned int eagain;                 /* so many commits fail */
	struct xsd_message held[PAIRS];
	unsigned int n_held;
	char directory[DIR_SIZE];
	size_t directory_size;
	unsigned int generation, moving; /* parts that change the node */
};

extern struct xs_daemon xsd;

/* Put on the ring what is queued and fits. */
void xsd_flush(void);

/* Queue a message. */
void xsd_answer(uint32_t type, uint32_t id, const void *data, size_t n);

/* Answer with an error word. */
void xsd_answer_error(const struct xsd_message *m, const char *word);

/* Tell the watches of this path. */
void xsd_fire(const char *path);

/* Where a path is kept, or -1. */
int xsd_slot(const char *path);

/* Keep a value. */
void xsd_put(const char *path, const char *value, size_t n);

/* Answer as an honest daemon does. */
void xsd_handle(struct xsd_message *m);

/* Boot, or connect anew. */
int xsd_set_up(void **state);

/* A hook: answer everything with xsd_word. */
bool xsd_error_word(struct xsd_message *m);

extern const char *xsd_word;

#endif
