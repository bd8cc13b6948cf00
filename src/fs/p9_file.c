/* SPDX-License-Identifier: ISC */
/*
 * Files of a 9P folder: opened at the server when a program opens them, so that
 * they can be used on when their name has gone; read and written there each
 * time, a large piece as several requests that are under way together.
 *
 * Interface: fs/p9.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/p9.h>
#include <libc/user.h>
#include <string.h>

#define WINDOW 4 /* requests of one read or write under way */

/* --- opening -------------------------------------------------------------- */

static int ask_open(struct p9_fid *from, unsigned flags, struct p9_fid **out)
{
	static const struct name itself = {"", 0};
	struct p9_call *c = p9_call_new(P9_LOPEN, 8, P9_QID + 4);
	struct p9_fid *fid = NULL;
	uint64_t qid;
	int rc = c ? p9_walk(from, itself, &fid, &qid) : -ENOMEM;

	if (!rc) {
		p9_put(c, fid->number, 4);
		p9_put(c, flags, 4);
		rc = p9_call(from->fs, c, from->connection);
	}
	if (!rc) {
		p9_get_qid(c, &qid);
		fid->iounit = (uint32_t)p9_get(c, 4);
		fid->reads = flags != O_WRONLY;
		fid->writes = flags == O_WRONLY || flags == O_RDWR;
		rc = p9_reply(from->fs, c);
	}
	if (rc)
		p9_fid_put(fid);
	else
		*out = fid;
	heap_free(c);
	return rc;
}

/* What is open can stay so, if it does for this. */
static bool open_for(const struct p9_node *n, bool reads, bool writes)
{
	return n->open && n->open->connection == n->fs->connection &&
	       (n->open->reads || !reads) && (n->open->writes || !writes);
}

/*
 * Opened for both where somebody writes, so that one number will do for all who
 * have the file open.
 */
static int open_node(struct p9_node *n, bool reads, bool writes,
		     struct p9_fid **out)
{
	struct p9_fid *from, *fid;
	uint32_t connection;
	int rc = p9_session(n->fs, &connection);

	if (rc || open_for(n, reads, writes)) {
		if (!rc)
			*out = p9_fid_get(n->open);
		return rc;
	}
	rc = p9_node_fid(n, &from);
	if (rc)
		return rc;
	writes |= open_for(n, false, true);
	rc = ask_open(from, writes ? O_RDWR : O_RDONLY, &fid);
	if (rc == -EACCES && writes && !reads)
		rc = ask_open(from, O_WRONLY, &fid);
	p9_fid_put(from);
	if (rc)
		return rc;
	/* another task may have opened it for more meanwhile */
	if (open_for(n, reads, writes)) {
		p9_fid_put(fid);
	} else {
		p9_fid_put(n->open);
		n->open = fid;
	}
	*out = p9_fid_get(n->open);
	return 0;
}

int p9_node_open(struct p9_node *n, bool writes, struct p9_fid **out)
{
	return open_node(n, !writes, writes, out);
}

int p9_open(struct node *n, int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	bool reads = (flags & O_ACCMODE) != O_WRONLY;
	unsigned tries = 0;
	struct p9_fid *fid;
	int rc;

	do
		rc = open_node(p9_of(n), reads, writes, &fid);
	while (p9_again(&rc, &tries, true));
	if (!rc)
		p9_fid_put(fid);
	return rc;
}

/* --- reading and writing -------------------------------------------------- */

/* A read or write of a program, and what of it is under way. */
struct transfer {
	struct p9_fid *fid;
	const struct node *node;
	char *p; /* the program's */
	bool writes;
	size_t size, sent, done;
	uint64_t at;
	unsigned first, n; /* in call[], as a ring */
	struct p9_call *call[WINDOW];
	uint32_t part[WINDOW];
};

static uint32_t part_of(const struct transfer *t)
{
	uint32_t most = t->fid->fs->msize - P9_IO_HEADER;

	if (t->fid->iounit && t->fid->iounit < most)
		most = t->fid->iounit;
	return t->size - t->sent < most ? (uint32_t)(t->size - t->sent) : most;
}

/* Start the next part; -EAGAIN: not now, others are under way. */
static int send_part(struct transfer *t)
{
	uint32_t part = part_of(t);
	unsigned i = (t->first + t->n) % WINDOW;
	struct p9_call *c = p9_call_new(t->writes ? P9_WRITE : P9_READ, 16,
					t->writes ? 4 : 4 + (size_t)part);
	int rc;

	if (!c)
		return t->n ? -EAGAIN : -ENOMEM;
	p9_put(c, t->fid->number, 4);
	p9_put(c, t->at + t->sent, 8);
	p9_put(c, part, 4);
	if (t->writes) {
		c->r.data = t->p + t->sent;
		c->r.data_size = part;
	}
	rc = p9_send(t->fid->fs, c, t->fid->connection, t->n);
	if (rc) {
		heap_free(c);
		return rc;
	}
	t->call[i] = c;
	t->part[i] = part;
	t->n++;
	t->sent += part;
	return 0;
}

/* How much of the part was done; or an error. */
static ssize_t take_part(struct transfer *t, struct p9_call *c, uint32_t part)
{
	struct p9 *p = t->fid->fs;
	int rc = p9_receive(p, c);
	uint32_t count = rc ? 0 : (uint32_t)p9_get(c, 4);

	if (!rc)
		rc = p9_reply(p, c);
	if (rc)
		return rc;
	if (count > part || (!t->writes && count > c->r.size - c->at))
		return p9_wrong(p, c->connection, "a count beyond the data");
	if (t->writes)
		return count;
	if (!user_writable(t->p + t->done, count))
		return -EFAULT;
	memcpy(t->p + t->done, c->r.in + c->at, count);
	return count;
}

/* The oldest part: 1 when it was done in whole, 0 for the end, or an error. */
static int finish_part(struct transfer *t)
{
	struct p9_call *c = t->call[t->first];
	uint32_t part = t->part[t->first];
	ssize_t n = take_part(t, c, part);

	heap_free(c);
	t->first = (t->first + 1) % WINDOW;
	t->n--;
	if (n < 0)
		return (int)n;
	t->done += (size_t)n;
	return (uint32_t)n == part;
}

/*
 * What comes after a part that was not done in whole is not wanted, but is
 * waited for: nothing may happen to the file when this call is over.
 */
static void give_up(struct transfer *t)
{
	for (; t->n; t->n--) {
		struct p9_call *c = t->call[t->first];

		p9_receive(t->fid->fs, c);
		heap_free(c);
		t->first = (t->first + 1) % WINDOW;
	}
	t->sent = t->done;
}

/* What lies behind the end, as far as is known, is not asked for ahead. */
static bool goes_on(const struct transfer *t)
{
	return t->n < WINDOW && t->sent < t->size &&
	       (!t->n || t->writes || t->at + t->sent < t->node->size);
}

static int run(struct transfer *t)
{
	int rc = 1;

	while (rc > 0 && t->done < t->size) {
		while (goes_on(t)) {
			rc = send_part(t);
			if (rc)
				break;
		}
		if (rc < 0 && rc != -EAGAIN)
			break;
		rc = finish_part(t);
	}
	give_up(t);
	return rc < 0 ? rc : 0;
}

static ssize_t transfer(struct node *n, char *p, size_t size, uint64_t at,
			bool writes)
{
	struct transfer t = {
		.node = n, .p = p, .size = size, .at = at, .writes = writes};
	unsigned tries = 0;
	int rc;

	do {
		rc = p9_node_open(p9_of(n), writes, &t.fid);
		if (rc)
			continue;
		rc = run(&t);
		p9_fid_put(t.fid);
	} while (p9_again(&rc, &tries, true));
	return t.done || !rc ? (ssize_t)t.done : rc;
}

ssize_t p9_read(struct node *n, void *p, size_t size, uint64_t at)
{
	return transfer(n, p, size, at, false);
}

ssize_t p9_write(struct node *n, const void *p, size_t size, uint64_t at)
{
	ssize_t done;

	if (n->read_only)
		return -EROFS;
	if (at > INT64_MAX || size > INT64_MAX - at)
		return -EFBIG;
	done = transfer(n, (char *)p, size, at, true);
	if (done > 0 && at + (size_t)done > n->size)
		n->size = at + (size_t)done;
	if (done > 0)
		node_modified(n);
	return done;
}

/* --- to the medium -------------------------------------------------------- */

static int sync_once(struct p9_node *n, bool data)
{
	struct p9_call *c = NULL;
	struct p9_fid *fid;
	int rc = p9_node_open(n, false, &fid);

	if (rc == -EACCES) /* open for writing alone */
		rc = p9_node_open(n, true, &fid);
	if (rc)
		return rc;
	c = p9_call_new(P9_FSYNC, 8, 0);
	rc = -ENOMEM;
	if (c) {
		p9_put(c, fid->number, 4);
		p9_put(c, data, 4);
		rc = p9_call(n->fs, c, fid->connection);
	}
	heap_free(c);
	p9_fid_put(fid);
	return rc;
}

int p9_sync(struct node *n, bool data)
{
	unsigned tries = 0;
	int rc;

	do
		rc = sync_once(p9_of(n), data);
	while (p9_again(&rc, &tries, true));
	return rc;
}
