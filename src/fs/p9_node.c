/* SPDX-License-Identifier: ISC */
/*
 * Nodes of a 9P folder: one for each file that somebody holds, found by the
 * server's number for it (qid).
 *
 * A lookup walks to the name and asks for the attributes, each time. When the
 * file is known already, its node gets the new number: the server may know it
 * by its path, which the old one has outlived.
 *
 * After a lost connection a node is walked to again by its name from its
 * directory, which is walked to first. That it is the same file the qid says.
 *
 * Interface: fs/p9.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/p9.h>
#include <string.h>

static struct list *bucket(struct p9 *p, uint64_t qid)
{
	return &p->nodes[(qid ^ qid >> 32) % 64];
}

struct p9_node *p9_node_new(struct p9 *p)
{
	struct p9_node *n = heap_calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	node_init(&n->node, &p9_ops, S_IFDIR);
	n->node.device = p->device;
	n->node.read_only = p->read_only;
	n->fs = p;
	list_init(&n->hash);
	p->n_nodes++;
	return n;
}

void p9_node_rehash(struct p9_node *n, uint64_t qid)
{
	list_remove(&n->hash);
	list_add_first(bucket(n->fs, qid), &n->hash);
	n->qid = n->node.ino = qid;
}

static struct p9_node *find(struct p9 *p, uint64_t qid)
{
	list_for_each(l, bucket(p, qid))
	{
		struct p9_node *n = list_entry(l, struct p9_node, hash);

		if (n->qid == qid)
			return n;
	}
	return NULL;
}

/* Not by way of the parents' own release: a path can be very long. */
void p9_release(struct node *node)
{
	while (node) {
		struct p9_node *n = p9_of(node);
		struct node *dir = n->dir ? &n->dir->node : NULL;

		p9_fid_put(n->open);
		p9_fid_put(n->fid);
		list_remove(&n->hash);
		heap_free(n->name);
		heap_free(n->target);
		n->fs->n_nodes--;
		heap_free(n);
		node = dir && --dir->refs == 0 ? dir : NULL;
	}
}

/* --- where it hangs ------------------------------------------------------- */

static void set_dir(struct p9_node *n, struct p9_node *dir, char *name)
{
	struct p9_node *old = n->dir;

	heap_free(n->name);
	n->name = name;
	n->dir = dir;
	if (dir)
		node_get(&dir->node);
	n->node.parent =
		dir && S_ISDIR(n->node.mode) ? &dir->node : NULL;
	if (old)
		node_put(&old->node);
}

static bool inside(const struct p9_node *dir, const struct p9_node *n)
{
	while (dir && dir != n)
		dir = dir->dir;
	return dir;
}

int p9_place(struct p9_node *n, struct p9_node *dir, struct name name)
{
	char *text;

	if (n->dir == dir && strlen(n->name) == name.length &&
	    !memcmp(n->name, name.text, name.length))
		return 0;
	/* a server that says so, or a tree that is being moved about */
	if (S_ISDIR(n->node.mode) && inside(dir, n))
		return -EIO;
	text = heap_alloc(name.length + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, name.text, name.length);
	text[name.length] = 0;
	set_dir(n, dir, text);
	return 0;
}

void p9_unplace(struct p9_node *n)
{
	n->node.nlink -= n->node.nlink && !S_ISDIR(n->node.mode);
	if (S_ISDIR(n->node.mode))
		n->node.nlink = 0;
	if (n->node.nlink)
		return;
	/* its number may soon be another file's */
	list_remove(&n->hash);
	set_dir(n, NULL, NULL);
}

/* --- numbers -------------------------------------------------------------- */

static bool valid(const struct p9_node *n, uint32_t connection)
{
	return n->fid && n->fid->connection == connection;
}

/* Walk to m from its directory, whose number is valid. */
static int find_again(struct p9_node *m)
{
	struct name name = {m->name, m->name ? strlen(m->name) : 0};
	struct p9_fid *from, *fid;
	uint64_t qid = 0;
	int rc;

	if (!m->dir || !name.length)
		return -ESTALE;
	node_get(&m->node);
	from = p9_fid_get(m->dir->fid);
	rc = p9_walk(from, name, &fid, &qid);
	p9_fid_put(from);
	if (rc == -ENOENT || (!rc && qid != m->qid)) {
		if (!rc)
			p9_fid_put(fid);
		rc = -ESTALE;
	} else if (!rc) {
		p9_fid_put(m->fid);
		m->fid = fid;
	}
	node_put(&m->node);
	return rc;
}

int p9_node_fid(struct p9_node *n, struct p9_fid **out)
{
	uint32_t connection;
	int rc = p9_session(n->fs, &connection);

	while (!rc && !valid(n, connection)) {
		struct p9_node *m = n;

		while (m->dir && !valid(m->dir, connection))
			m = m->dir;
		rc = find_again(m);
	}
	if (!rc)
		*out = p9_fid_get(n->fid);
	return rc;
}

/* --- lookup --------------------------------------------------------------- */

static int ask_target(struct p9_fid *fid, char **target)
{
	struct p9 *p = fid->fs;
	uint32_t most = p->channel->msize; /* 0: it is not connected */
	size_t room = most && most < P9_HEADER + 2 + PATH_MAX
			      ? most - P9_HEADER
			      : 2 + PATH_MAX;
	struct p9_call *c = p9_call_new(P9_READLINK, 4, room);
	struct name text;
	int rc = -ENOMEM;

	if (c) {
		p9_put(c, fid->number, 4);
		rc = p9_call(p, c, fid->connection);
	}
	if (!rc) {
		text = p9_get_name(c);
		rc = p9_reply(p, c);
	}
	if (!rc && (text.length >= PATH_MAX ||
		    memchr(text.text, 0, text.length)))
		rc = p9_wrong(p, fid->connection, "a link's text");
	*target = rc ? NULL : heap_alloc(text.length + 1);
	if (!rc && !*target)
		rc = -ENOMEM;
	if (!rc) {
		memcpy(*target, text.text, text.length);
		(*target)[text.length] = 0;
	}
	heap_free(c);
	return rc;
}

/* The node of what was found, with a reference; takes fid and target. */
static int settle(struct p9_node *dir, struct name name, struct p9_fid *fid,
		  char *target, const struct p9_attr *a, struct p9_node **out)
{
	struct p9_node *n = find(dir->fs, a->qid);
	int rc;

	if (n && (n->node.mode ^ a->mode) & S_IFMT) {
		list_remove(&n->hash); /* it is gone, its number is not */
		n = NULL;
	}
	if (n)
		node_get(&n->node);
	else
		n = p9_node_new(dir->fs);
	if (!n) {
		p9_fid_put(fid);
		heap_free(target);
		return -ENOMEM;
	}
	p9_fid_put(n->fid);
	n->fid = fid;
	heap_free(n->target);
	n->target = target;
	p9_take_attr(n, a);
	if (list_empty(&n->hash))
		p9_node_rehash(n, a->qid);
	rc = n == dir->fs->root ? -EIO : p9_place(n, dir, name);
	if (rc)
		node_put(&n->node);
	else
		*out = n;
	return rc;
}

static void set_open(struct p9_node *n, struct p9_fid *open)
{
	p9_fid_put(n->open);
	n->open = open;
}

int p9_adopt(struct p9_node *dir, struct name name, struct p9_fid *open,
	     struct p9_node **out)
{
	struct p9_attr a = {0};
	int rc = p9_ask_attr(open, &a);

	if (!rc && !S_ISREG(a.mode))
		rc = p9_wrong(dir->fs, open->connection, "a new file's kind");
	if (!rc)
		rc = settle(dir, name, NULL, NULL, &a, out);
	if (rc)
		p9_fid_put(open);
	else
		set_open(*out, open);
	return rc;
}

static int look(struct p9_node *dir, struct name name, struct p9_node **out)
{
	struct p9_attr a = {0};
	char *target = NULL;
	struct p9_fid *from, *fid;
	uint64_t qid = 0;
	int rc = p9_node_fid(dir, &from);

	if (rc)
		return rc;
	rc = p9_walk(from, name, &fid, &qid);
	p9_fid_put(from);
	if (rc)
		return rc;
	rc = p9_ask_attr(fid, &a);
	if (!rc && S_ISLNK(a.mode))
		rc = ask_target(fid, &target);
	if (!rc)
		return settle(dir, name, fid, target, &a, out);
	p9_fid_put(fid);
	return rc;
}

int p9_lookup(struct node *dir, struct name name, struct node **out)
{
	struct p9_node *n = NULL;
	unsigned tries = 0;
	int rc;

	do
		rc = look(p9_of(dir), name, &n);
	while (p9_again(&rc, &tries, true));
	if (!rc)
		*out = &n->node;
	return rc;
}
