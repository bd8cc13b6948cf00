/* SPDX-License-Identifier: ISC */
/*
 * One request to a 9P server and its reply; and the two with which a connection
 * begins: which protocol, and which folder.
 *
 * What the server says is read through p9_get, which never leaves the reply;
 * one that is too short, or says what cannot be, ends the connection for good.
 *
 * Interface: fs/p9.h.
 */
#include <core/assert.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fs/p9.h>
#include <libc/user.h>
#include <string.h>

#define VERSION	   "9P2000.L"
#define MSIZE_MIN  4096
#define NO_FID	   0xffffffffu
#define ERRNO_MAX  4095
#define TRIES_MOST 8

/* --- messages ------------------------------------------------------------- */

struct p9_call *p9_call_new(enum p9_type type, size_t out, size_t in)
{
	size_t room = P9_HEADER + (in < P9_LEAST ? P9_LEAST : in);
	struct p9_call *c = heap_alloc(sizeof(*c) + P9_HEADER + out + room);

	if (!c)
		return NULL;
	*c = (struct p9_call){
		.r = {.out = c->bytes,
		      .out_size = P9_HEADER,
		      .in = c->bytes + P9_HEADER + out,
		      .room = (uint32_t)room},
		.at = P9_HEADER,
	};
	c->bytes[4] = (unsigned char)type;
	return c;
}

void p9_put(struct p9_call *c, uint64_t value, unsigned bytes)
{
	ASSERT(c->bytes + c->r.out_size + bytes <= c->r.in);
	for (unsigned i = 0; i < bytes; i++, value >>= 8)
		c->bytes[c->r.out_size++] = value & 0xff;
}

void p9_put_name(struct p9_call *c, struct name name)
{
	p9_put(c, name.length, 2);
	ASSERT(c->bytes + c->r.out_size + name.length <= c->r.in);
	memcpy(c->bytes + c->r.out_size, name.text, name.length);
	c->r.out_size += (uint32_t)name.length;
}

static bool has(struct p9_call *c, size_t n)
{
	if (n > c->r.size - c->at)
		c->bad = true;
	return !c->bad;
}

uint64_t p9_get(struct p9_call *c, unsigned bytes)
{
	uint64_t value = 0;

	if (!has(c, bytes))
		return 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)c->r.in[c->at + i] << 8 * i;
	c->at += bytes;
	return value;
}

struct name p9_get_name(struct p9_call *c)
{
	struct name n = {"", (size_t)p9_get(c, 2)};

	if (!has(c, n.length))
		return (struct name){"", 0};
	n.text = (const char *)c->r.in + c->at;
	c->at += (uint32_t)n.length;
	return n;
}

uint8_t p9_get_qid(struct p9_call *c, uint64_t *path)
{
	uint8_t type = (uint8_t)p9_get(c, 1);

	p9_get(c, 4);
	*path = p9_get(c, 8);
	return type;
}

int p9_wrong(struct p9 *p, uint32_t connection, const char *what)
{
	p9_break(p->channel, connection, what);
	return -EIO;
}

int p9_reply(struct p9 *p, struct p9_call *c)
{
	return c->bad ? p9_wrong(p, c->connection, "a reply is too short") : 0;
}

/* --- there and back ------------------------------------------------------- */

/* As the program shall see that its wait was ended. */
static int waited(int rc)
{
	return rc == -ETIMEDOUT ? -EIO : rc == -ECANCELED ? -EINTR : rc;
}

int p9_send(struct p9 *p, struct p9_call *c, uint32_t connection, bool soon)
{
	struct event *changed = &p->channel->changed;
	uint32_t size = c->r.out_size + c->r.data_size;

	for (unsigned i = 0; i < 4; i++)
		c->bytes[i] = size >> 8 * i & 0xff;
	c->connection = connection;
	c->deadline = clock_deadline(P9_PATIENCE);
	if (size > p->channel->msize && p->channel->msize)
		return -ENAMETOOLONG; /* no ring carries it */
	for (;;) {
		uint64_t seen = event_count(changed);
		int rc;

		/* the program's memory: asked for again after each wait */
		if (!user_readable(c->r.data, c->r.data_size))
			return -EFAULT;
		p9_fids_late(p);
		rc = p9_start(p->channel, &c->r, connection);
		if (rc == -ESTALE || rc == -ENOTCONN)
			return P9_AGAIN;
		if (rc != -EAGAIN || soon)
			return rc;
		rc = event_wait(changed, &seen, c->deadline);
		if (rc)
			return waited(rc);
	}
}

int p9_receive(struct p9 *p, struct p9_call *c)
{
	int rc = p9_wait(&c->r, c->deadline);
	uint64_t error;

	if (rc == -ECONNRESET)
		return P9_LOST;
	if (rc)
		p->doubtful = c->connection;
	if (rc || c->r.in[4] != P9_RLERROR)
		return waited(rc);
	error = p9_get(c, 4);
	if (!error || error > ERRNO_MAX)
		return p9_wrong(p, c->connection, "an error that is none");
	return -(int)error;
}

int p9_call(struct p9 *p, struct p9_call *c, uint32_t connection)
{
	int rc = p9_send(p, c, connection, false);

	return rc ? rc : p9_receive(p, c);
}

bool p9_again(int *rc, unsigned *tries, bool safe)
{
	if (*rc != P9_AGAIN && *rc != P9_LOST)
		return false;
	if ((*rc == P9_AGAIN || safe) && ++*tries < TRIES_MOST)
		return true;
	*rc = -EIO;
	return false;
}

/* --- a connection's beginning --------------------------------------------- */

static int ask_version(struct p9 *p, uint32_t connection)
{
	static const struct name version = {VERSION, sizeof(VERSION) - 1};
	struct p9_call *c =
		p9_call_new(P9_VERSION, 4 + P9_NAME(version), 4 + 2 + 64);
	struct name said;
	uint64_t msize;
	int rc;

	if (!c)
		return -ENOMEM;
	p9_put(c, p->channel->msize, 4);
	p9_put_name(c, version);
	rc = p9_call(p, c, connection);
	msize = rc ? 0 : p9_get(c, 4);
	said = rc ? version : p9_get_name(c);
	if (!rc)
		rc = p9_reply(p, c);
	if (!rc && (said.length != version.length ||
		    memcmp(said.text, version.text, said.length) != 0))
		rc = -EPROTONOSUPPORT;
	else if (!rc && (msize < MSIZE_MIN || msize > p->channel->msize))
		rc = p9_wrong(p, connection, "the size of messages");
	if (!rc)
		p->msize = (uint32_t)msize;
	heap_free(c);
	return rc;
}

/* The root's number, for all that follows. */
static int attach(struct p9 *p, uint32_t connection)
{
	struct p9_call *c = p9_call_new(P9_ATTACH, 16, P9_QID);
	struct p9_fid *fid = c ? p9_fid_new(p) : NULL;
	uint64_t qid;
	int rc = -ENOMEM;

	if (fid) {
		p9_put(c, fid->number, 4);
		p9_put(c, NO_FID, 4);
		p9_put(c, 0, 2); /* the user's name, and a path: as it is */
		p9_put(c, 0, 2);
		p9_put(c, 0, 4); /* root */
		rc = p9_call(p, c, connection);
	}
	if (!rc && !(p9_get_qid(c, &qid) & P9_QID_DIR))
		rc = p9_wrong(p, connection, "the root is no directory");
	if (!rc)
		rc = p9_reply(p, c);
	heap_free(c);
	if (rc) {
		p9_fid_put(fid);
		return rc;
	}
	fid->connection = connection;
	p9_fid_put(p->root->fid);
	p->root->fid = fid;
	p9_node_rehash(p->root, qid);
	return 0;
}

/* 0 once there is one; waits for it to be made. */
static int begin(struct p9 *p, uint64_t deadline)
{
	uint64_t seen = event_count(&p->channel->changed);
	uint32_t connection = p->channel->connection;
	int rc;

	if (connection && connection == p->connection)
		return 0;
	rc = ask_version(p, connection);
	if (!rc)
		rc = attach(p, connection);
	if (!rc)
		p->connection = connection;
	if (rc != P9_AGAIN && rc != P9_LOST)
		return rc;
	rc = event_wait(&p->channel->changed, &seen, deadline);
	return rc ? waited(rc) : P9_AGAIN;
}

int p9_session(struct p9 *p, uint32_t *connection)
{
	uint64_t deadline = clock_deadline(P9_PATIENCE);
	int rc = 0;

	if (!p->channel->connection ||
	    p->channel->connection != p->connection) {
		rc = waited(mutex_lock(&p->lock, deadline));
		if (rc)
			return rc;
		do
			rc = begin(p, deadline);
		while (rc == P9_AGAIN);
		mutex_unlock(&p->lock);
	}
	*connection = p->connection;
	return rc;
}
