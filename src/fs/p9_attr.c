/* SPDX-License-Identifier: ISC */
/*
 * Attributes of files of a 9P folder: asked for, and set.
 *
 *     struct node   what the program sees, and changes (fs_attr.c)
 *     said          what the server last said of the same
 *
 * Whatever differs is what was changed. It is looked at once, before the first
 * wait: while it is on its way to the server, or the connection is made anew,
 * other tasks ask for the attributes, and the node's become the server's.
 *
 * Interface: fs/p9.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fs/p9.h>

#define GETATTR_ALL  0x7ff /* all that stat tells */
#define GETATTR_SIZE 153

#define SET_MODE  0x1
#define SET_UID	  0x2
#define SET_GID	  0x4
#define SET_SIZE  0x8
#define SET_ATIME (0x10 | 0x80) /* to this time, not to now */
#define SET_MTIME (0x20 | 0x100)

/* --- asked for ------------------------------------------------------------ */

static uint64_t get_time(struct p9_call *c)
{
	uint64_t s = p9_get(c, 8), ns = p9_get(c, 8);

	if (s >> 63)
		return 0; /* before 1970 */
	if (s >= INT64_MAX / FATA_NS_PER_S)
		return INT64_MAX;
	return s * FATA_NS_PER_S + ns % FATA_NS_PER_S;
}

static void get_attr(struct p9_call *c, struct p9_attr *a)
{
	p9_get(c, 8); /* which are valid: all */
	a->type = p9_get_qid(c, &a->qid);
	a->mode = (mode_t)p9_get(c, 4);
	a->uid = (uint32_t)p9_get(c, 4);
	a->gid = (uint32_t)p9_get(c, 4);
	a->nlink = p9_get(c, 8);
	a->rdev = p9_get(c, 8);
	a->size = p9_get(c, 8);
	p9_get(c, 8); /* the size of blocks; they are counted by 512 bytes */
	a->blocks = p9_get(c, 8);
	a->atime = get_time(c);
	a->mtime = get_time(c);
	a->ctime = get_time(c);
	for (unsigned i = 0; i < 4; i++)
		p9_get(c, 8); /* when it was made, and versions */
}

static bool is_kind(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) ||
	       S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) ||
	       S_ISSOCK(mode);
}

int p9_ask_attr(struct p9_fid *fid, struct p9_attr *a)
{
	struct p9 *p = fid->fs;
	struct p9_call *c = p9_call_new(P9_GETATTR, 12, GETATTR_SIZE);
	int rc = -ENOMEM;

	if (c) {
		p9_put(c, fid->number, 4);
		p9_put(c, GETATTR_ALL, 8);
		rc = p9_call(p, c, fid->connection);
	}
	if (!rc) {
		get_attr(c, a);
		rc = p9_reply(p, c);
	}
	if (!rc && (!is_kind(a->mode) || a->size > INT64_MAX ||
		    !!(a->type & P9_QID_DIR) != S_ISDIR(a->mode)))
		rc = p9_wrong(p, fid->connection, "a file's attributes");
	heap_free(c);
	return rc;
}

static void show(struct node *n, const struct p9_settable *s)
{
	n->mode = s->mode;
	n->uid = s->uid;
	n->gid = s->gid;
	n->atime = s->atime;
	n->mtime = s->mtime;
}

void p9_take_attr(struct p9_node *n, const struct p9_attr *a)
{
	n->said = (struct p9_settable){.mode = a->mode,
				       .uid = a->uid,
				       .gid = a->gid,
				       .atime = a->atime,
				       .mtime = a->mtime};
	show(&n->node, &n->said);
	n->node.ctime = a->ctime;
	n->node.size = a->size;
	n->node.rdev = a->rdev;
	n->node.nlink =
		a->nlink > UINT32_MAX ? UINT32_MAX : (unsigned)a->nlink;
	n->space = a->blocks > UINT64_MAX / 512 ? a->size : a->blocks * 512;
}

static bool are_of(const struct p9_attr *a, const struct p9_node *n)
{
	return a->qid == n->qid && !((a->mode ^ n->node.mode) & S_IFMT);
}

int p9_getattr(struct p9_node *n, struct p9_fid *fid)
{
	struct p9_attr a = {0};
	int rc = p9_ask_attr(fid, &a);

	/* its name may be another file's by now: what is known stays */
	if (!rc && are_of(&a, n))
		p9_take_attr(n, &a);
	return rc;
}

int p9_refresh(struct node *node)
{
	struct p9_node *n = p9_of(node);
	unsigned tries = 0;
	int rc;

	if (!node->nlink)
		return 0; /* nobody else can change what it is */
	do {
		struct p9_fid *fid;

		rc = p9_node_fid(n, &fid);
		if (rc)
			continue;
		rc = p9_getattr(n, fid);
		p9_fid_put(fid);
	} while (p9_again(&rc, &tries, true));
	/* who has it open can go on, whatever has become of the name */
	return rc == -ENOENT && n->open ? 0 : rc;
}

/* --- set ------------------------------------------------------------------ */

static void put_time(struct p9_call *c, uint64_t ns)
{
	p9_put(c, ns / FATA_NS_PER_S, 8);
	p9_put(c, ns % FATA_NS_PER_S, 8);
}

/*
 * A server may know its files by their names (QEMU does): one that has taken
 * the name of this is left alone.
 */
static int check(struct p9_node *n, struct p9_fid *fid)
{
	struct p9_attr a = {0};
	int rc = p9_ask_attr(fid, &a);

	return rc || are_of(&a, n) ? rc : -ESTALE;
}

static int set_once(struct p9_node *n, unsigned which,
		    const struct p9_settable *to, uint64_t size)
{
	struct p9_call *c = NULL;
	struct p9_fid *fid;
	int rc = p9_node_fid(n, &fid);

	if (rc)
		return rc;
	rc = check(n, fid);
	if (!rc) {
		c = p9_call_new(P9_SETATTR, 60, 0);
		rc = c ? 0 : -ENOMEM;
	}
	if (!rc) {
		p9_put(c, fid->number, 4);
		p9_put(c, which, 4);
		p9_put(c, to->mode & 07777, 4);
		p9_put(c, to->uid, 4);
		p9_put(c, to->gid, 4);
		p9_put(c, size, 8);
		put_time(c, to->atime);
		put_time(c, to->mtime);
		rc = p9_call(n->fs, c, fid->connection);
	}
	heap_free(c);
	p9_fid_put(fid);
	return rc;
}

/* The values are given, so to set them twice does no harm. */
static int set(struct p9_node *n, unsigned which, const struct p9_settable *to,
	       uint64_t size)
{
	unsigned tries = 0;
	int rc;

	do
		rc = set_once(n, which, to, size);
	while (p9_again(&rc, &tries, true));
	return rc;
}

int p9_truncate(struct node *n, uint64_t size)
{
	int rc;

	if (n->read_only)
		return -EROFS;
	rc = set(p9_of(n), SET_SIZE, &p9_of(n)->said, size);
	if (!rc) {
		n->size = size;
		node_modified(n);
	}
	return rc;
}

static unsigned differ(const struct p9_settable *a, const struct p9_settable *b)
{
	return (a->mode != b->mode ? SET_MODE : 0) |
	       (a->uid != b->uid ? SET_UID : 0) |
	       (a->gid != b->gid ? SET_GID : 0) |
	       (a->atime != b->atime ? SET_ATIME : 0) |
	       (a->mtime != b->mtime ? SET_MTIME : 0);
}

int p9_changed(struct node *node)
{
	struct p9_node *n = p9_of(node);
	const struct p9_settable to = {.mode = node->mode,
				       .uid = node->uid,
				       .gid = node->gid,
				       .atime = node->atime,
				       .mtime = node->mtime};
	unsigned which = differ(&to, &n->said);
	int rc;

	if (!which)
		return 0;
	rc = set(n, which, &to, 0);
	if (!rc)
		n->said = to; /* of a file without a name nobody says more */
	show(node, &n->said);
	return rc ? rc : p9_refresh(node);
}
