/* SPDX-License-Identifier: ISC */
/*
 * Directories of a 9P folder: their entries, asked for anew each time.
 *
 *     Rreaddir   qid[13] next[8] type[1] name[s]   again and again
 *
 * `next` is the server's own word for where the entry after this one is. Two is
 * added to make it a cookie, for 0 and 1 are . and .. here (open.c).
 *
 * Interface: fs/p9.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/p9.h>
#include <libc/user.h>
#include <string.h>

#define LEAST	   4096 /* bytes that an entry surely fits in */
#define COOKIE(at) ((at) + 2)

struct entry {
	uint64_t qid, next;
	mode_t mode;
	struct name name;
};

static bool is_dots(struct name n)
{
	return n.length <= 2 && !memcmp(n.text, "..", n.length);
}

/* The next entry of a reply; false: that was all, or it is wrong (c->bad). */
static bool next_entry(struct p9_call *c, struct entry *e)
{
	if (c->at == c->r.size)
		return false;
	p9_get_qid(c, &e->qid);
	e->next = p9_get(c, 8);
	e->mode = (mode_t)p9_get(c, 1) << 12;
	e->name = p9_get_name(c);
	if (!e->name.length || e->name.length > NAME_MAX ||
	    memchr(e->name.text, '/', e->name.length) ||
	    memchr(e->name.text, 0, e->name.length) || COOKIE(e->next) <= 2)
		c->bad = true;
	return !c->bad;
}

/* What is behind `at`, about `size` bytes of it; *c is the caller's. */
static int ask(struct p9_node *dir, uint64_t at, size_t size,
	       struct p9_call **out)
{
	struct p9_call *c = NULL;
	struct p9_fid *fid;
	size_t most;
	int rc = p9_node_open(dir, false, &fid);

	if (rc)
		return rc;
	most = dir->fs->msize - P9_IO_HEADER;
	size = size < LEAST ? LEAST : size;
	size = size > most ? most : size;
	c = p9_call_new(P9_READDIR, 16, 4 + size);
	rc = -ENOMEM;
	if (c) {
		p9_put(c, fid->number, 4);
		p9_put(c, at, 8);
		p9_put(c, size, 4);
		rc = p9_call(dir->fs, c, fid->connection);
	}
	if (!rc && p9_get(c, 4) != c->r.size - c->at)
		rc = p9_wrong(dir->fs, fid->connection,
			      "a count beyond the data");
	p9_fid_put(fid);
	if (rc)
		heap_free(c);
	else
		*out = c;
	return rc;
}

static int ask_again(struct p9_node *dir, uint64_t at, size_t size,
		     struct p9_call **c)
{
	unsigned tries = 0;
	int rc;

	do
		rc = ask(dir, at, size, c);
	while (p9_again(&rc, &tries, true));
	return rc;
}

int p9_list(struct node *node, struct dirent_sink *sink, uint64_t *pos)
{
	struct p9_node *dir = p9_of(node);
	size_t before = sink->used;
	struct p9_call *c = NULL;
	struct entry e;
	int rc;

	/* a reply of nothing but . and .. is followed by at most one more */
	for (unsigned i = 0; i < 3 && sink->used == before; i++) {
		rc = ask_again(dir, *pos - 2, sink->room - sink->used, &c);
		if (!rc && !user_writable(sink->p, sink->room)) {
			heap_free(c);
			rc = -EFAULT;
		}
		if (rc)
			return rc;
		if (c->at == c->r.size) {
			heap_free(c);
			return 0;
		}
		while (next_entry(c, &e)) {
			if (!is_dots(e.name) &&
			    !sink_put(sink, e.qid, COOKIE(e.next), e.mode,
				      e.name))
				break;
			*pos = COOKIE(e.next);
		}
		rc = p9_reply(dir->fs, c);
		heap_free(c);
		if (rc)
			return rc;
	}
	return 0;
}

int p9_empty(struct node *dir)
{
	char room[512];
	struct dirent_sink sink = {room, sizeof(room), 0};
	uint64_t pos = 2;
	int rc = p9_list(dir, &sink, &pos);

	return rc ? rc : !sink.used;
}
