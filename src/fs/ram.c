/* SPDX-License-Identifier: ISC */
/*
 * The RAM file system: the root of every program's name space.
 *
 *     directory   a list of entries in the order of their making; each has a
 *                 cookie, ever higher, which is where a listing goes on, so
 *                 that removing entries while listing misses none; many of them
 *                 are found by a hash table
 *     file        ram_file.c
 *
 * Interface: struct node_ops (node.h). Nothing blocks. What a file holds is
 * freed when its last name and its last opener have gone.
 */
#include <core/list.h>
#include <errno.h>
#include <fata/heap.h>
#include <fs/node.h>
#include <fs/ram.h>
#include <fs/ram_node.h>
#include <string.h>

#define MANY 32 /* entries, from which on there is a hash table */

struct entry {
	struct list link;
	struct entry *chain; /* in the hash table */
	uint64_t cookie;
	uint32_t hash;
	struct node *node; /* with a reference */
	size_t length;
	char name[];
};

static const struct node_ops ram_ops;

static bool is(const struct entry *e, uint32_t hash, struct name name)
{
	return e->hash == hash && e->length == name.length &&
	       !memcmp(e->name, name.text, name.length);
}

static struct entry *find(struct node *dir, struct name name)
{
	struct ram *r = ram_of(dir);
	uint32_t hash = name_hash(name);

	if (r->table) {
		struct entry *e = r->table[hash & (r->n_table - 1)];

		while (e && !is(e, hash, name))
			e = e->chain;
		return e;
	}
	list_for_each(l, &r->entries)
	{
		struct entry *e = list_entry(l, struct entry, link);

		if (is(e, hash, name))
			return e;
	}
	return NULL;
}

static void chain(struct ram *r, struct entry *e)
{
	struct entry **at = &r->table[e->hash & (r->n_table - 1)];

	e->chain = *at;
	*at = e;
}

/* A table for many entries; without memory, the list has to do. */
static void enlarge(struct ram *r)
{
	size_t n = r->n_table ? r->n_table * 4 : MANY;
	struct entry **table = heap_calloc(n, sizeof(struct entry *));

	if (!table)
		return;
	heap_free(r->table);
	r->table = table;
	r->n_table = n;
	list_for_each(l, &r->entries)
		chain(r, list_entry(l, struct entry, link));
}

static void unchain(struct ram *r, struct entry *e)
{
	struct entry **at =
		r->table ? &r->table[e->hash & (r->n_table - 1)] : NULL;

	while (at && *at != e)
		at = &(*at)->chain;
	if (at)
		*at = e->chain;
}

/* Add an entry; takes a reference to the node. */
static int add(struct node *dir, struct name name, struct node *node)
{
	struct ram *d = ram_of(dir);
	struct entry *e = heap_alloc(sizeof(*e) + name.length);

	if (!e)
		return -ENOSPC;
	e->cookie = ++d->cookie;
	e->hash = name_hash(name);
	e->node = node_get(node);
	e->length = name.length;
	memcpy(e->name, name.text, name.length);
	list_add_last(&d->entries, &e->link);
	if (d->table)
		chain(d, e);
	if (++d->n_entries > d->n_table && d->n_entries >= MANY)
		enlarge(d);
	dir->size += 32 + name.length;
	if (S_ISDIR(node->mode)) {
		node->parent = dir;
		dir->nlink++;
	}
	node_modified(dir);
	return 0;
}

static void drop(struct node *dir, struct entry *e)
{
	if (S_ISDIR(e->node->mode)) {
		e->node->parent = NULL;
		dir->nlink--;
	}
	dir->size -= 32 + e->length;
	unchain(ram_of(dir), e);
	ram_of(dir)->n_entries--;
	if (ram_of(dir)->last == e)
		ram_of(dir)->last = NULL;
	list_remove(&e->link);
	node_put(e->node);
	heap_free(e);
	node_modified(dir);
}

static struct ram *new_node(unsigned device, mode_t mode)
{
	struct ram *r = heap_calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	node_init(&r->node, &ram_ops, mode);
	r->node.device = device;
	list_init(&r->entries);
	r->cookie = 2;
	return r;
}

static int ram_lookup(struct node *dir, struct name name, struct node **out)
{
	struct entry *e = find(dir, name);

	if (!e)
		return -ENOENT;
	*out = node_get(e->node);
	return 0;
}

static int ram_make(struct node *dir, struct name name,
		    const struct node_new *what, struct node **out)
{
	struct ram *r = new_node(dir->device, what->mode);
	int err;

	if (!r)
		return -ENOSPC;
	r->node.rdev = what->rdev;
	if (what->target) {
		size_t n = strlen(what->target);

		r->target = heap_alloc(n + 1);
		if (r->target)
			memcpy(r->target, what->target, n + 1);
		r->node.size = n;
	}
	err = what->target && !r->target ? -ENOSPC : add(dir, name, &r->node);
	if (err) {
		r->node.nlink = 0;
		node_put(&r->node);
		return err;
	}
	*out = &r->node;
	return 0;
}

static int ram_link(struct node *dir, struct name name, struct node *node)
{
	int err = add(dir, name, node);

	if (!err) {
		node->nlink++;
		node_changed(node);
	}
	return err;
}

static int ram_unlink(struct node *dir, struct name name, struct node *node)
{
	struct entry *e = find(dir, name);

	if (!e)
		return -ENOENT;
	node->nlink -= S_ISDIR(node->mode) ? 2 : 1;
	node_changed(node);
	drop(dir, e);
	return 0;
}

static int ram_rename(struct node *from, struct name old, struct node *to,
		      struct name new, struct node *node, struct node *over)
{
	struct entry *e = find(from, old);
	int err;

	if (!e)
		return -ENOENT;
	if (over)
		ram_unlink(to, new, over);
	err = add(to, new, node);
	if (err)
		return err;
	drop(from, e);
	if (S_ISDIR(node->mode))
		node->parent = to;
	node_changed(node);
	return 0;
}

static int ram_empty(struct node *dir)
{
	return list_empty(&ram_of(dir)->entries);
}

/* The first entry behind this cookie; a listing that goes on has it at once. */
static struct list *list_from(struct ram *r, uint64_t pos)
{
	struct list *l = r->entries.next;

	if (r->last && r->last->cookie == pos)
		return r->last->link.next;
	while (l != &r->entries &&
	       list_entry(l, struct entry, link)->cookie <= pos)
		l = l->next;
	return l;
}

static int ram_list(struct node *dir, struct dirent_sink *sink, uint64_t *pos)
{
	struct ram *r = ram_of(dir);

	for (struct list *l = list_from(r, *pos); l != &r->entries;
	     l = l->next) {
		struct entry *e = list_entry(l, struct entry, link);

		if (!sink_put(sink, e->node->ino, e->cookie, e->node->mode,
			      (struct name){e->name, e->length}))
			return 0;
		*pos = e->cookie;
		r->last = e;
	}
	return 0;
}

static const char *ram_target(struct node *link)
{
	return ram_of(link)->target;
}

/* The entry of a node holds a reference, so there is no name any more. */
static void ram_release(struct node *n)
{
	struct ram *r = ram_of(n);

	r->bytes = NULL;
	ram_truncate(n, 0);
	heap_free(r->pages);
	heap_free(r->target);
	heap_free(r->table);
	heap_free(r);
}

static int ram_unmount(struct node *root)
{
	return ram_of(root)->unmount ? ram_of(root)->unmount(root) : -EBUSY;
}

void ram_set_unmount(struct node *root, int (*fn)(struct node *root))
{
	ram_of(root)->unmount = fn;
}

static const struct node_ops ram_ops = {
	.lookup = ram_lookup,
	.make = ram_make,
	.link = ram_link,
	.unlink = ram_unlink,
	.rename = ram_rename,
	.empty = ram_empty,
	.list = ram_list,
	.target = ram_target,
	.read = ram_read,
	.write = ram_write,
	.truncate = ram_truncate,
	.space = ram_space,
	.unmount = ram_unmount,
	.release = ram_release,
};

struct node *ram_new(void)
{
	struct ram *r = new_node(node_new_device(), S_IFDIR | 0755);

	return r ? &r->node : NULL;
}

int ram_add_bytes(struct node *dir, const char *name, const void *data,
		  size_t size)
{
	const struct node_new what = {.mode = S_IFREG | 0444};
	struct name text = {name, strlen(name)};
	struct node *n;
	int err = ram_make(dir, text, &what, &n);

	if (err)
		return err;
	ram_of(n)->bytes = data;
	n->size = size;
	node_put(n);
	return 0;
}

struct node *ram_add_part(struct node *dir, struct name name, mode_t mode,
			  const char *bytes, struct cached *disk,
			  uint64_t disk_at, uint64_t size)
{
	const struct node_new what = {.mode = S_IFREG | mode};
	struct node *n;

	if (ram_make(dir, name, &what, &n))
		return NULL;
	ram_of(n)->bytes = bytes;
	ram_of(n)->disk = disk;
	ram_of(n)->disk_at = disk_at;
	n->size = size;
	return n;
}

bool ram_in_use(const struct node *n)
{
	const struct ram *r = (const void *)n;

	list_for_each(l, &r->entries)
	{
		struct node *child = list_entry(l, struct entry, link)->node;

		if (child->refs > 1 && !S_ISDIR(child->mode) &&
		    child->refs > child->nlink)
			return true;
		if (S_ISDIR(child->mode) &&
		    (child->refs > 1 || ram_in_use(child)))
			return true;
	}
	return false;
}

void ram_empty_tree(struct node *n)
{
	struct ram *r = ram_of(n);

	while (!list_empty(&r->entries)) {
		struct entry *e =
			list_entry(r->entries.next, struct entry, link);

		if (S_ISDIR(e->node->mode))
			ram_empty_tree(e->node);
		e->node->nlink = 0;
		drop(n, e);
	}
}

int ram_add_device(struct node *dir, const char *name, mode_t mode,
		   uint64_t rdev)
{
	const struct node_new what = {.mode = S_IFCHR | mode, .rdev = rdev};
	struct name text = {name, strlen(name)};
	struct node *n;
	int err = ram_make(dir, text, &what, &n);

	if (!err)
		node_put(n);
	return err;
}
