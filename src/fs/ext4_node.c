/* SPDX-License-Identifier: ISC */
/*
 * ext4's nodes: which inodes are known, and for how long.
 *
 *     hash table   ino -> node, as long as there is one
 *     idle         nodes that nobody holds; the oldest go, if they are clean
 *     dirty        nodes whose inode the next commit writes (ext4_inode.c)
 *     orphans      nodes without a name that somebody holds (ext4_orphan.c)
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>

#define IDLE_MOST 1024

static struct list *bucket(struct ext4 *e, ext2_ino_t ino)
{
	return &e->nodes[ino & 1023];
}

struct ext4_node *ext4_node_find(struct ext4 *e, ext2_ino_t ino)
{
	list_for_each(l, bucket(e, ino))
	{
		struct ext4_node *n = list_entry(l, struct ext4_node, hash);

		if (n->ino != ino)
			continue;
		if (!n->node.refs++) {
			list_remove(&n->idle);
			list_init(&n->idle);
			e->n_idle--;
		}
		return n;
	}
	return NULL;
}

static struct ext4_node *new_node(struct ext4 *e, ext2_ino_t ino)
{
	struct ext4_node *n = heap_calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->node.ops = &ext4_ops;
	n->node.refs = 1;
	n->node.ino = ino;
	n->node.device = e->device;
	n->node.read_only = ext4_writable(e) != 0;
	n->fs = e;
	n->ino = ino;
	cache_init(&n->cached, &ext4_cached, e->disk);
	list_init(&n->idle);
	list_init(&n->dirty);
	list_init(&n->orphans);
	list_add_first(bucket(e, ino), &n->hash);
	e->n_nodes++;
	return n;
}

void ext4_node_clean(struct ext4_node *n)
{
	if (list_empty(&n->dirty))
		return;
	list_remove(&n->dirty);
	list_init(&n->dirty);
	n->fs->n_dirty_nodes--;
}

static void free_node(struct ext4_node *n)
{
	struct ext4 *e = n->fs;
	struct node *parent = n->node.parent;

	list_remove(&n->hash);
	ext4_node_clean(n);
	ext4_dir_free(n);
	heap_free(n->target);
	heap_free(n);
	e->n_nodes--;
	if (parent)
		node_put(parent);
}

static int load(struct ext4 *e, ext2_ino_t ino, bool nameless,
		struct ext4_node **out)
{
	struct ext2_inode_large i;
	struct ext4_node *n;
	int err;

	n = ext4_node_find(e, ino);
	if (n) {
		*out = n;
		return 0;
	}
	if (!ino || ino > e->fs->super->s_inodes_count ||
	    (ino < EXT2_FIRST_INODE(e->fs->super) && ino != EXT2_ROOT_INO))
		return -EUCLEAN;
	err = ext4_inode_read(e, ino, &i);
	if (err)
		return err;
	if (!i.i_links_count && !nameless)
		return -EUCLEAN;
	n = new_node(e, ino);
	if (!n)
		return -ENOMEM;
	err = ext4_inode_fill(n, &i);
	if (err) {
		free_node(n);
		return err;
	}
	*out = n;
	return 0;
}

int ext4_node_load(struct ext4 *e, ext2_ino_t ino, struct ext4_node **out)
{
	return load(e, ino, false, out);
}

int ext4_node_load_nameless(struct ext4 *e, ext2_ino_t ino,
			    struct ext4_node **out)
{
	return load(e, ino, true, out);
}

int ext4_node_new(struct ext4 *e, ext2_ino_t ino, struct ext4_node **out)
{
	return load(e, ino, false, out);
}

void ext4_node_dirty(struct ext4_node *n, bool data)
{
	struct ext4 *e = n->fs;

	n->tid = e->tid;
	if (data)
		n->data_tid = e->tid;
	if (!list_empty(&n->dirty))
		return;
	list_add_last(&e->dirty_nodes, &n->dirty);
	e->n_dirty_nodes++;
}

/* --- nobody holds it ------------------------------------------------------ */

static int release_job(struct ext4 *e, void *arg)
{
	struct ext4_node *n = arg;
	int err = 0;

	if (!ext4_writable(e))
		err = ext4_orphan_delete(e, n);
	else
		cache_drop(&n->cached);
	if (err)
		ext4_abort(e, err, "an inode cannot be freed");
	list_remove(&n->orphans);
	free_node(n);
	return 0;
}

static bool busy(const struct ext4_node *n)
{
	return !list_empty(&n->dirty) || n->cached.n_dirty ||
	       n->cached.reading || n->cached.writing;
}

/* The oldest idle nodes go, as far as they have nothing to be written. */
static void shrink(struct ext4 *e)
{
	struct list *l = e->idle.next;

	for (unsigned i = 0; i < 32 && e->n_idle > IDLE_MOST && l != &e->idle;
	     i++) {
		struct ext4_node *n = list_entry(l, struct ext4_node, idle);

		l = l->next;
		if (busy(n))
			continue;
		list_remove(&n->idle);
		e->n_idle--;
		cache_drop(&n->cached); /* nothing to wait for */
		free_node(n);           /* may make its directory idle */
		l = e->idle.next;
	}
}

void ext4_node_release(struct node *node)
{
	struct ext4_node *n = ext4_of(node);
	struct ext4 *e = n->fs;

	if (!node->nlink) {
		/* out of sight at once, so that nobody takes hold of it */
		cache_forget(&n->cached);
		list_remove(&n->hash);
		list_init(&n->hash);
		ext4_call(e, release_job, n);
		return;
	}
	list_add_last(&e->idle, &n->idle);
	e->n_idle++;
	shrink(e);
}

/* --- unmount -------------------------------------------------------------- */

/* A directory becomes idle when the last below it has gone. */
static void drop_idle(struct ext4 *e)
{
	while (!list_empty(&e->idle)) {
		struct ext4_node *n =
			list_entry(e->idle.next, struct ext4_node, idle);

		list_remove(&n->idle);
		e->n_idle--;
		cache_drop(&n->cached);
		free_node(n);
	}
}

int ext4_nodes_end(struct ext4 *e)
{
	if (!ext4_writable(e))
		ext4_write_all(e);
	drop_idle(e);
	if (e->n_nodes > 1 || (e->root && e->root->node.refs > 1))
		return -EBUSY;
	if (e->root) {
		cache_drop(&e->root->cached);
		free_node(e->root);
	}
	e->root = NULL;
	return 0;
}
