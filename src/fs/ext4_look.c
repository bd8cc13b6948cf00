/* SPDX-License-Identifier: ISC */
/*
 * ext4: names looked up and listed. What is known is found without a job.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fs/ext4.h>

/* A directory has one parent, which stays as long as it is known. */
int ext4_set_parent(struct ext4_node *n, struct ext4_node *dir)
{
	if (!S_ISDIR(n->node.mode))
		return 0;
	if (n == n->fs->root || n == dir ||
	    (n->node.parent && n->node.parent != &dir->node))
		return -EUCLEAN;
	if (!n->node.parent)
		n->node.parent = node_get(&dir->node);
	return 0;
}

static int get_child(struct ext4_node *dir, const struct ext4_dent *d,
		     struct ext4_node **out)
{
	int err = ext4_node_load(dir->fs, d->ino, out);

	if (err)
		return err;
	err = ext4_set_parent(*out, dir);
	if (err)
		node_put(&(*out)->node);
	return err;
}

struct look {
	struct ext4_node *dir, *out;
	struct name name;
};

static int lookup_job(struct ext4 *e, void *arg)
{
	struct look *a = arg;
	struct ext4_dent *d;
	int err = ext4_dir_load(a->dir);

	(void)e;
	if (err)
		return err;
	d = ext4_dir_find(a->dir, a->name);
	return d ? get_child(a->dir, d, &a->out) : -ENOENT;
}

int ext4_lookup(struct node *dir, struct name name, struct node **out)
{
	struct look a = {.dir = ext4_of(dir), .name = name};
	int err;

	if (a.dir->dir) { /* perhaps all of it is known */
		struct ext4_dent *d = ext4_dir_find(a.dir, name);

		if (!d)
			return -ENOENT;
		a.out = ext4_node_find(a.dir->fs, d->ino);
		if (a.out && ext4_set_parent(a.out, a.dir)) {
			node_put(&a.out->node);
			return -EUCLEAN;
		}
	}
	err = a.out ? 0 : ext4_call(a.dir->fs, lookup_job, &a);
	if (!err)
		*out = &a.out->node;
	return err;
}

static int load_job(struct ext4 *e, void *arg)
{
	(void)e;
	return ext4_dir_load(arg);
}

int ext4_empty(struct node *n)
{
	struct ext4_node *dir = ext4_of(n);
	int err = dir->dir ? 0 : ext4_call(dir->fs, load_job, dir);

	return err ? err : dir->dir->n == 0;
}

static mode_t mode_of(uint8_t type)
{
	static const mode_t modes[] = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
				       S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};

	return type < 8 ? modes[type] : 0;
}

int ext4_list(struct node *n, struct dirent_sink *sink, uint64_t *pos)
{
	struct ext4_node *dir = ext4_of(n);
	int err = dir->dir ? 0 : ext4_call(dir->fs, load_job, dir);
	struct ext4_dir *t = dir->dir;
	struct list *l;

	if (err)
		return err;
	if (t->last && t->last->cookie == *pos)
		l = t->last->link.next;
	else
		for (l = t->entries.next; l != &t->entries; l = l->next)
			if (list_entry(l, struct ext4_dent, link)->cookie >
			    *pos)
				break;
	for (; l != &t->entries; l = l->next) {
		struct ext4_dent *d = list_entry(l, struct ext4_dent, link);

		if (!sink_put(sink, d->ino, d->cookie, mode_of(d->type),
			      (struct name){d->name, d->length}))
			break;
		*pos = d->cookie;
		t->last = d;
	}
	return 0;
}
