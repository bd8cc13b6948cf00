/* SPDX-License-Identifier: ISC */
/*
 * The numbers (fids) by which the server knows files. Whoever talks about one
 * holds a reference, so that no number gets a new meaning under a request. The
 * last reference sends the end (Tclunk) and waits for nothing: not where a node
 * is let go. A number is used again once that has been answered, or when the
 * connection is over, for then the server has forgotten all.
 *
 *     new --> in use --last put--> ending --answered--> spare --> new
 *                         \--no room--> late --/
 *
 * A request that was given up may be served at any later time. From then on, as
 * long as the connection lasts, no number is used again: a write must not find
 * another file under it. Nor is one that an earlier mount used.
 *
 * Interface: fs/p9.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/p9.h>

static bool doubtful(const struct p9 *p)
{
	return p->doubtful && p->doubtful == p->channel->connection;
}

struct p9_fid *p9_fid_new(struct p9 *p)
{
	struct list *l = doubtful(p) ? NULL : list_pop(&p->spare);
	struct p9_fid *f = l ? list_entry(l, struct p9_fid, link)
			     : heap_calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct p9_fid){.fs = p, .refs = 1, .number = f->number};
	list_init(&f->link);
	if (!l)
		f->number = ++p->channel->last_fid;
	return f;
}

struct p9_fid *p9_fid_get(struct p9_fid *f)
{
	f->refs++;
	return f;
}

static struct p9_fid *fid_of(struct p9_request *r)
{
	return list_entry(r, struct p9_fid, clunk);
}

/* The server does not know it any more. */
static void retire(struct p9_fid *f)
{
	list_remove(&f->link);
	if (doubtful(f->fs))
		heap_free(f);
	else
		list_add_last(&f->fs->spare, &f->link);
}

static void ended(struct p9_request *r)
{
	retire(fid_of(r));
}

/* False: there is no room now. */
static bool end(struct p9_fid *f)
{
	struct p9 *p = f->fs;
	int rc = -ESTALE;

	f->clunk = (struct p9_request){
		.out = f->out,
		.out_size = sizeof(f->out),
		.in = f->in,
		.room = sizeof(f->in),
		.fn = ended,
	};
	f->out[0] = sizeof(f->out);
	f->out[1] = f->out[2] = f->out[3] = 0;
	f->out[4] = P9_CLUNK;
	for (unsigned i = 0; i < 4; i++)
		f->out[P9_HEADER + i] = f->number >> 8 * i & 0xff;
	if (f->connection)
		rc = p9_start(p->channel, &f->clunk, f->connection);
	if (rc && rc != -EAGAIN) {
		retire(f);
		return true;
	}
	list_remove(&f->link);
	list_add_last(rc ? &p->late : &p->ending, &f->link);
	return !rc;
}

void p9_fid_put(struct p9_fid *f)
{
	if (f && --f->refs == 0)
		end(f);
}

void p9_fids_late(struct p9 *p)
{
	while (!list_empty(&p->late))
		if (!end(list_entry(p->late.next, struct p9_fid, link)))
			break;
}

static void free_all(struct list *l)
{
	while (!list_empty(l))
		heap_free(list_entry(list_pop(l), struct p9_fid, link));
}

void p9_fids_free(struct p9 *p)
{
	list_for_each(l, &p->ending)
		p9_drop(&list_entry(l, struct p9_fid, link)->clunk);
	free_all(&p->ending);
	free_all(&p->late);
	free_all(&p->spare);
}

int p9_walk(struct p9_fid *from, struct name name, struct p9_fid **out,
	    uint64_t *qid)
{
	struct p9 *p = from->fs;
	unsigned names = name.length ? 1 : 0;
	struct p9_call *c =
		p9_call_new(P9_WALK, 10 + P9_NAME(name), 2 + P9_QID);
	struct p9_fid *fid = c ? p9_fid_new(p) : NULL;
	int rc = -ENOMEM;

	if (fid) {
		p9_put(c, from->number, 4);
		p9_put(c, fid->number, 4);
		p9_put(c, names, 2);
		if (names)
			p9_put_name(c, name);
		rc = p9_call(p, c, from->connection);
	}
	if (!rc && p9_get(c, 2) != names)
		rc = p9_wrong(p, from->connection, "a walk's length");
	if (!rc && names)
		p9_get_qid(c, qid);
	if (!rc)
		rc = p9_reply(p, c);
	if (!rc) {
		fid->connection = from->connection;
		*out = fid;
	} else {
		p9_fid_put(fid);
	}
	heap_free(c);
	return rc;
}
