/* SPDX-License-Identifier: ISC */
/*
 * What is mounted. A mounted root and the directory that it covers hold on to
 * each other:
 *
 *     on->mounted = root      root->covers = on
 *
 * Interface: fs/mount.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/mount.h>

struct mounted {
	struct list all;
	struct node *root;
};

static struct list mounted = LIST_INIT(mounted);

int mounts_add(const char *path, struct node *root)
{
	struct mounted *m = heap_alloc(sizeof(*m));
	struct node *on;
	int err = m ? path_find(path_root(), path, true, &on) : -ENOMEM;

	if (err) {
		heap_free(m);
		return err;
	}
	if (!S_ISDIR(on->mode) || on->mounted || on->covers ||
	    on == path_root()) {
		err = S_ISDIR(on->mode) ? -EBUSY : -ENOTDIR;
		node_put(on);
		heap_free(m);
		return err;
	}
	on->mounted = root;
	root->covers = on; /* keeps the reference */
	m->root = root;
	list_add_first(&mounted, &m->all);
	return 0;
}

static int remove_one(struct mounted *m)
{
	struct node *root = m->root, *on = root->covers;
	int err = 0;

	on->mounted = NULL;
	root->covers = NULL;
	if (root->ops->unmount)
		err = root->ops->unmount(root);
	else
		node_put(root);
	if (err == -EBUSY) {
		on->mounted = root;
		root->covers = on;
		return err;
	}
	node_put(on);
	list_remove(&m->all);
	heap_free(m);
	return err;
}

int mounts_remove(const char *path)
{
	struct node *n;
	int err = path_find(path_root(), path, true, &n);

	if (err)
		return err;
	err = -EINVAL;
	list_for_each(l, &mounted)
	{
		struct mounted *m = list_entry(l, struct mounted, all);

		if (m->root != n)
			continue;
		node_put(n);
		return remove_one(m);
	}
	node_put(n);
	return err;
}

void mounts_sync(void)
{
	list_for_each(l, &mounted)
	{
		struct mounted *m = list_entry(l, struct mounted, all);

		if (m->root->ops->sync_all)
			m->root->ops->sync_all(m->root);
	}
}

/* What is in use still is written, and stays. */
void mounts_end(void)
{
	mounts_sync();
	list_for_each(l, &mounted)
		remove_one(list_entry(l, struct mounted, all));
}
