/* SPDX-License-Identifier: ISC */
/*
 * Folders of another domain (9P2000.L): the parts and what they share.
 *
 *     p9.c         mount, unmount
 *     p9_call.c    one request and its reply; a connection's beginning
 *     p9_fid.c     the numbers by which the server knows files
 *     p9_node.c    nodes: looked up, found again
 *     p9_attr.c    their attributes
 *     p9_names.c   changes of names; struct node_ops
 *     p9_file.c    contents of files
 *     p9_dir.c     entries of directories
 *
 * Nothing is kept of what the server can change: each look at a name, at
 * attributes or at contents asks it. A node exists as long as somebody holds
 * it. It knows the name it was found by, and so can be found again when the
 * server has forgotten everything (p9_node_fid); the number that the server
 * gives each file (qid) tells whether it is still the same file.
 *
 *     node ---> fid    walked to: attributes, names below it
 *        \----> open   opened: contents, entries
 *
 * Interface: functions that talk to the server return 0 or more, an error, or
 * one of the two words below, which p9_again turns into another try.
 */
#ifndef FATA_FS_P9_H
#define FATA_FS_P9_H

#include <core/list.h>
#include <core/p9.h>
#include <fata/sync.h>
#include <fs/node.h>

/* How long a request may take, or a lost connection stay away. */
#define P9_PATIENCE (30 * 1000000000ull)

/* The connection has changed: nothing was sent; or there was no reply. */
#define P9_AGAIN (-5000)
#define P9_LOST	 (-5001)

enum p9_type {
	P9_STATFS = 8,
	P9_LOPEN = 12,
	P9_LCREATE = 14,
	P9_SYMLINK = 16,
	P9_MKNOD = 18,
	P9_READLINK = 22,
	P9_GETATTR = 24,
	P9_SETATTR = 26,
	P9_READDIR = 40,
	P9_FSYNC = 50,
	P9_LINK = 70,
	P9_MKDIR = 72,
	P9_RENAMEAT = 74,
	P9_UNLINKAT = 76,
	P9_ATTACH = 104,
	P9_WALK = 110,
	P9_READ = 116,
	P9_WRITE = 118,
	P9_CLUNK = 120,
};

#define P9_QID 13 /* type[1] version[4] path[8] */
#define P9_NAME(name) (2 + (name).length)
#define P9_QID_DIR 0x80

/* Bytes of a Tread's reply and of a Twrite that are not data. */
#define P9_IO_HEADER 24

struct p9_node;

/* A mounted folder. */
struct p9 {
	struct list all;
	struct p9_channel *channel;
	uint32_t connection; /* whose beginning was made */
	uint32_t msize;	     /* of that */
	struct mutex lock;   /* making it */
	struct p9_node *root;
	unsigned device, n_nodes;
	bool read_only;
	struct list nodes[64]; /* by qid */
	/* numbers: not in use; whose end is under way; or is still to be sent
	 */
	struct list spare, ending, late;
	uint32_t doubtful; /* a connection on which a request was given up */
};

/* A number that the server knows a file by, as long as the connection lasts. */
struct p9_fid {
	struct list link;
	struct p9 *fs;
	uint32_t number, connection; /* 0: the server does not know it */
	unsigned refs;
	uint32_t iounit; /* of an open one: the most at once */
	bool reads, writes;
	/* its end */
	struct p9_request clunk;
	unsigned char out[P9_HEADER + 4], in[P9_LEAST];
};

/* What of a file's attributes can be set. */
struct p9_settable {
	mode_t mode;
	unsigned uid, gid;
	uint64_t atime, mtime;
};

struct p9_node {
	struct node node;
	struct p9 *fs;
	struct list hash;
	uint64_t qid;
	/* Where it was found; holds on to dir. NULL: the root, or removed. */
	struct p9_node *dir;
	char *name;
	struct p9_fid *fid, *open;
	char *target;
	uint64_t space;
	struct p9_settable said; /* by the server, last */
};

extern const struct node_ops p9_ops;

int p9_unmount(struct node *root);

static inline struct p9_node *p9_of(struct node *n)
{
	return (struct p9_node *)(void *)n;
}

/* --- p9_call.c ------------------------------------------------------------ */

/* A request with its buffers, and where it is read or written on. */
struct p9_call {
	struct p9_request r;
	uint32_t at;
	bool bad; /* the reply is shorter than what was asked of it */
	uint32_t connection;
	uint64_t deadline; /* of the reply */
	unsigned char bytes[];
};

/* With room for so many bytes each way, headers apart; NULL without memory. */
struct p9_call *p9_call_new(enum p9_type type, size_t out, size_t in);

void p9_put(struct p9_call *c, uint64_t value, unsigned bytes);
void p9_put_name(struct p9_call *c, struct name name);

/* 0 once the reply is over; p9_reply says whether it was. */
uint64_t p9_get(struct p9_call *c, unsigned bytes);
struct name p9_get_name(struct p9_call *c);
/* The type; *path is the number of the file. */
uint8_t p9_get_qid(struct p9_call *c, uint64_t *path);

/* Send it on this connection, unless `soon` and there is no room: -EAGAIN. */
int p9_send(struct p9 *p, struct p9_call *c, uint32_t connection, bool soon);
/* Wait for the reply: 0 or an error, which may be the server's. */
int p9_receive(struct p9 *p, struct p9_call *c);
/* Both. */
int p9_call(struct p9 *p, struct p9_call *c, uint32_t connection);
/* The reply has been read: 0, or -EIO, and the device is broken. */
int p9_reply(struct p9 *p, struct p9_call *c);
/* The server does not keep to the protocol: -EIO. */
int p9_wrong(struct p9 *p, uint32_t connection, const char *what);

/* Begin the connection if that was not done; its number. */
int p9_session(struct p9 *p, uint32_t *connection);

/* Try again? `safe`: also if the server may have done it. */
bool p9_again(int *rc, unsigned *tries, bool safe);

/* --- p9_fid.c ------------------------------------------------------------- */

/* A number with one reference; NULL without memory. */
struct p9_fid *p9_fid_new(struct p9 *p);
struct p9_fid *p9_fid_get(struct p9_fid *f);
/* The last reference tells the server. NULL: nothing. */
void p9_fid_put(struct p9_fid *f);
/* End what could not be ended for want of room. */
void p9_fids_late(struct p9 *p);
/* At unmount. */
void p9_fids_free(struct p9 *p);

/*
 * A new number for what `from` names, or its entry (name.length 0: itself).
 * The reference is the caller's.
 */
int p9_walk(struct p9_fid *from, struct name name, struct p9_fid **out,
	    uint64_t *qid);

/* --- p9_node.c ------------------------------------------------------------ */

struct p9_node *p9_node_new(struct p9 *p);
/* The number (qid) of the root may change with the server. */
void p9_node_rehash(struct p9_node *n, uint64_t qid);

/*
 * The present number of the node, walked to again if need be; with a reference
 * for the caller. -ESTALE: another file has its name now.
 */
int p9_node_fid(struct p9_node *n, struct p9_fid **out);

int p9_lookup(struct node *dir, struct name name, struct node **out);
void p9_release(struct node *n);

/*
 * The node of a file that was made with the number `open`, which is taken; the
 * other number is walked to when it is needed.
 */
int p9_adopt(struct p9_node *dir, struct name name, struct p9_fid *open,
	     struct p9_node **out);

/* The node hangs there now; a name less. */
int p9_place(struct p9_node *n, struct p9_node *dir, struct name name);
void p9_unplace(struct p9_node *n);

/* --- p9_attr.c ------------------------------------------------------------ */

/* What a server says of a file. */
struct p9_attr {
	uint64_t qid, nlink, rdev, size, blocks, atime, mtime, ctime;
	uint32_t uid, gid;
	mode_t mode;
	uint8_t type;
};

/* Ask for a number's; the node's are these; ask for a node's. */
int p9_ask_attr(struct p9_fid *fid, struct p9_attr *a);
void p9_take_attr(struct p9_node *n, const struct p9_attr *a);
int p9_getattr(struct p9_node *n, struct p9_fid *fid);

int p9_refresh(struct node *n);
int p9_changed(struct node *n);
int p9_truncate(struct node *n, uint64_t size);

/* --- p9_file.c ------------------------------------------------------------ */

/* The open number of the node, as p9_node_fid. */
int p9_node_open(struct p9_node *n, bool writes, struct p9_fid **out);

int p9_open(struct node *n, int flags);
ssize_t p9_read(struct node *n, void *p, size_t size, uint64_t at);
ssize_t p9_write(struct node *n, const void *p, size_t size, uint64_t at);
int p9_sync(struct node *n, bool data);

/* --- p9_dir.c ------------------------------------------------------------- */

int p9_list(struct node *dir, struct dirent_sink *sink, uint64_t *pos);
int p9_empty(struct node *dir);

#endif
