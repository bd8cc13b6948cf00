/* SPDX-License-Identifier: ISC */
/*
 * QubesDB's inside: the copy, and what a message does to it. No input or
 * output: qubesdb.c brings messages and sends the answers.
 *
 *     message    type (1)  path (64, with its NUL)  zeroes (3)  size (4)
 *                then so many bytes, for WRITE and MULTIREAD's answers
 *
 * Interface: qdb_header_check comes first, with only the header at hand, and
 * says whether its bytes may be taken; qdb_message is then given all of it.
 *
 * Source: QubesOS/qubes-core-qubesdb, include/qubesdb.h, daemon/db-cmds.c.
 */
#ifndef FATA_QUBES_QUBESDB_H
#define FATA_QUBES_QUBESDB_H

#include <fata/qubesdb.h>

enum qdb_type {
	QDB_WRITE = 1,
	QDB_MULTIREAD = 2,
	QDB_RM = 4,
	QDB_OK = 7,
	QDB_NOENT = 8,
	QDB_ERROR = 9,
	QDB_ENTRY = 11, /* the answers to MULTIREAD; without a path: the last */
};

struct qdb_header {
	uint8_t type;
	char path[QUBESDB_PATH_SIZE];
	uint8_t zero[3];
	uint32_t size;
};
_Static_assert(sizeof(struct qdb_header) == 72, "as on the wire");

struct qdb_item {
	uint32_t size;
	char *value; /* behind the path, in the same block */
	char path[];
};

struct qdb_map {
	struct qdb_item **at; /* by path */
	unsigned n, room;
	size_t bytes;
	/* MULTIREAD's answers go here until all have come */
	struct qdb_map *next;
};

/* Letters, digits and -_/.:@, not empty, no '-' first; fits with its NUL. */
bool qdb_path_ok(const char *path);

/* 0, or -EPROTO: no message of dom0's in this state. */
int qdb_header_check(const struct qdb_map *m, const struct qdb_header *h);

/* What qdb_message says beyond 0, -EPROTO and -ENOMEM. */
enum qdb_said {
	QDB_NOTHING, /* an answer to a request of ours */
	QDB_CHANGED, /* to be acknowledged */
	QDB_COPYING,
	QDB_COPIED, /* the copy is complete */
};
int qdb_message(struct qdb_map *m, const struct qdb_header *h,
		const char *data);

/* A new copy begins; the old one stays as it is until it has ended. */
int qdb_begin(struct qdb_map *m);

/* It came to nothing. */
void qdb_abandon(struct qdb_map *m);

struct qdb_item *qdb_find(const struct qdb_map *m, const char *path);

/* The index of the first path that is not less. */
unsigned qdb_lower(const struct qdb_map *m, const char *path);

/* 0 or -ENOMEM (then nothing has changed); the number of entries removed. */
int qdb_set(struct qdb_map *m, const char *path, const void *value, size_t n);
unsigned qdb_remove(struct qdb_map *m, const char *path);

/* How many would go. */
unsigned qdb_count(const struct qdb_map *m, const char *path);

void qdb_free(struct qdb_map *m);

#endif
