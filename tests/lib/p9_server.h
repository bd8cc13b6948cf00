/* SPDX-License-Identifier: ISC */
/*
 * A 9P2000.L server with a tree in memory, for tests of what speaks to one. It
 * knows what it is asked only from the messages, and checks that they are whole
 * and that numbers (fids) are used as the protocol wants.
 *
 * Interface: p9_server_start, then p9_server_answer for each message. The tree
 * can be changed behind the client's back with the functions below.
 */
#ifndef P9_SERVER_H
#define P9_SERVER_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct p9_entry {
	struct p9_entry *next;
	struct p9_file *file;
	uint64_t cookie;
	char name[256];
};

struct p9_file {
	struct p9_file *all;
	uint64_t qid;
	uint32_t mode, uid, gid, links, refs;
	uint64_t size, rdev, atime, mtime; /* in seconds */
	unsigned char *data;
	char *target;
	struct p9_file *parent;	  /* of a directory */
	struct p9_entry *entries; /* the latest first */
	uint64_t cookies;
};

#define P9_SERVER_FIDS 4096

struct p9_server {
	uint32_t msize, iounit; /* most that it takes; what it says */
	bool lax; /* what is wrong is answered with an error */
	jmp_buf wrong;
	struct p9_file *root, *files;
	uint64_t last_qid;
	struct {
		struct p9_file *file; /* NULL: not in use */
		bool open;
	} fid[P9_SERVER_FIDS];
	/* what was seen */
	uint64_t requests, sessions;
	unsigned fids; /* in use now */
};

void p9_server_start(struct p9_server *s, uint32_t msize);
void p9_server_end(struct p9_server *s);

/* Answer a message of n bytes; the reply's size. */
size_t p9_server_answer(struct p9_server *s, const unsigned char *m, size_t n,
			unsigned char *reply, size_t room);

/* A file with these bytes in the root, made if there is none. */
struct p9_file *p9_server_put(struct p9_server *s, const char *name,
			      const void *data, size_t n);
/* A symbolic link in the root. */
void p9_server_link(struct p9_server *s, const char *name, const char *target);
/* The file of a name in the root, or NULL. */
struct p9_file *p9_server_file(struct p9_server *s, const char *name);
/* Take a name in the root away. */
void p9_server_remove(struct p9_server *s, const char *name);

#endif
