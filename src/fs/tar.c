/* SPDX-License-Identifier: ISC */
/*
 * tar archives as read-only trees: ustar, pax (path, linkpath, size, mtime,
 * uid, gid) and GNU's long names and large numbers.
 *
 *     512 bytes   header: name, mode, size, type ...      its sum is checked
 *     n * 512     contents
 *     ...                                a header may speak of the next one:
 *     header x    "30 path=...\n"        pax; g: of all that follow
 *     header L K  a long name, a long link target
 *     two headers of zeroes              the end
 *
 * The headers are read once; the tree is of RAM nodes whose contents stay where
 * they are, in the boot module or on the disk, from where they are read through
 * the page cache. What a later entry says of the same name replaces the former,
 * as tar does when it unpacks. Names are taken apart so that none leads out of
 * the tree.
 *
 * An archive is somebody else's data: each size and number is checked, and what
 * is broken ends the mount with one line that says where.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fs/mount.h>
#include <fs/ram.h>
#include <fs/tar_header.h>
#include <string.h>

#define DEPTH_MOST 128

/* A node of any kind, in this directory; the former of that name goes. */
static int add(struct tar *t, struct node *dir, struct name name,
	       const struct tar_entry *e, struct node **out)
{
	static const mode_t kinds[] = {S_IFREG, S_IFREG, S_IFLNK, S_IFCHR,
				       S_IFBLK, S_IFDIR, S_IFIFO, S_IFREG};
	struct node_new what = {
		.mode = e->mode | kinds[(e->type - '0') & 7],
		.rdev = e->rdev,
	};
	struct node *old;

	if (!dir->ops->lookup(dir, name, &old)) {
		if (S_ISDIR(old->mode) && S_ISDIR(what.mode)) {
			*out = old;
			return 0;
		}
		if (S_ISDIR(old->mode))
			ram_empty_tree(old);
		dir->ops->unlink(dir, name, old);
		node_put(old);
	}
	if (S_ISLNK(what.mode))
		what.target = e->link;
	if (!S_ISREG(what.mode))
		return dir->ops->make(dir, name, &what, out);
	if (e->size > t->size || e->data > t->size - e->size)
		return tar_bad(t, "it ends early");
	*out = ram_add_part(dir, name, e->mode,
			    t->module ? (const char *)t->module->data + e->data
				      : NULL,
			    t->module ? NULL : &t->disk, e->data, e->size);
	return *out ? 0 : -ENOMEM;
}

/* The next component of a path, "" and "." left out; false: no more. */
static bool component(const char **path, struct name *name)
{
	do {
		while (**path == '/')
			++*path;
		name->text = *path;
		while (**path && **path != '/')
			++*path;
		name->length = (size_t)(*path - name->text);
	} while (name->length == 1 && *name->text == '.');
	return name->length;
}

/*
 * The directory of a path's last component, made as far as it is missing (then
 * *name is "" for the root itself). The directory is borrowed from the tree.
 */
static int descend(struct tar *t, const char *path, struct node **dir,
		   struct name *name)
{
	static const struct tar_entry made = {.mode = 0755, .type = '5'};
	struct name next;
	unsigned depth = 0;

	*dir = t->root;
	if (!component(&path, name)) {
		*name = (struct name){"", 0};
		return 0;
	}
	for (;; *name = next) {
		struct node *n;
		int err;

		if (name->length > NAME_MAX || ++depth > DEPTH_MOST ||
		    (name->length == 2 && !memcmp(name->text, "..", 2)))
			return tar_bad(t, "a name is wrong");
		if (!component(&path, &next))
			return 0;
		if (!(*dir)->ops->lookup(*dir, *name, &n)) {
			err = S_ISDIR(n->mode)
				      ? 0
				      : tar_bad(t, "a file is a folder");
		} else {
			err = add(t, *dir, *name, &made, &n);
			if (!err)
				n->read_only = true;
		}
		if (err)
			return err;
		node_put(n); /* its entry holds it */
		*dir = n;
	}
}

static int add_link(struct tar *t, struct node *dir, struct name name,
		    const struct tar_entry *e)
{
	struct name old;
	struct node *from, *n, *there;
	int err = descend(t, e->link, &from, &old);

	if (err)
		return err;
	if (!old.length || from->ops->lookup(from, old, &n))
		return tar_bad(t, "a link's target is missing");
	err = S_ISDIR(n->mode) ? tar_bad(t, "a link to a folder") : 0;
	if (!err && !dir->ops->lookup(dir, name, &there)) {
		if (there == n || S_ISDIR(there->mode))
			err = there == n ? 1 : tar_bad(t, "a link is a folder");
		else
			dir->ops->unlink(dir, name, there);
		node_put(there);
	}
	if (!err)
		err = dir->ops->link(dir, name, n);
	node_put(n);
	return err < 0 ? err : 0;
}

static void set_fields(struct node *n, const struct tar_entry *e)
{
	n->mode = (n->mode & S_IFMT) | e->mode;
	n->uid = e->uid;
	n->gid = e->gid;
	n->atime = n->mtime = n->ctime = e->mtime * FATA_NS_PER_S;
	n->read_only = true;
}

static int place(struct tar *t, const struct tar_entry *e)
{
	struct node *dir, *n;
	struct name name;
	int err = descend(t, e->path, &dir, &name);

	if (err)
		return err;
	if (!name.length) {
		if (e->type == '5')
			set_fields(t->root, e);
		return 0;
	}
	if (e->type == '1')
		return add_link(t, dir, name, e);
	err = add(t, dir, name, e, &n);
	if (err)
		return err;
	set_fields(n, e);
	node_put(n);
	return 0;
}

/* One header and what belongs to it; 1: the end. */
static int one(struct tar *t)
{
	static const char zeros[TAR_BLOCK];
	uint64_t size;
	struct tar_header h;
	struct tar_entry e;
	int err;

	if (t->at == t->size)
		return 1; /* some archives lack the zeroes */
	err = tar_read_at(t, &h, TAR_BLOCK, t->at);
	if (err)
		return err;
	if (!memcmp(&h, zeros, TAR_BLOCK))
		return 1;
	if (tar_check_sum(&h))
		return tar_bad(t, "no header");
	if (tar_number(h.size, sizeof(h.size), &size))
		return tar_bad(t, "a number is wrong");
	if (!h.type || h.type == '7')
		h.type = '0';
	if (h.type == 'x' || h.type == 'g' || h.type == 'L' || h.type == 'K') {
		err = tar_about_next(t, h.type, size);
	} else if (h.type >= '0' && h.type <= '6') {
		err = tar_put_together(t, &h, &e);
		size = e.size;
		/* only plain files have contents */
		if (h.type != '0')
			size = 0;
		/* an old way to say folder */
		if (!err && h.type == '0' && *e.path &&
		    e.path[strlen(e.path) - 1] == '/')
			e.type = '5';
		if (!err)
			err = place(t, &e);
		heap_free(e.path);
		heap_free(e.link);
		tar_forget(&t->next);
	} else if (h.type == 'S') {
		err = tar_bad(t, "a sparse file, which is not supported,");
	}
	if (err)
		return err;
	if (size > t->size - t->at - TAR_BLOCK)
		return tar_bad(t, "it ends early");
	t->at += TAR_BLOCK +
		 ((size + TAR_BLOCK - 1) & ~(uint64_t)(TAR_BLOCK - 1));
	if (t->at > t->size)
		t->at = t->size;
	return 0;
}

static void free_tar(struct tar *t)
{
	tar_forget(&t->next);
	tar_forget(&t->all);
	if (t->root) {
		ram_empty_tree(t->root);
		node_put(t->root);
	}
	if (!t->module)
		cache_drop(&t->disk);
	heap_free(t);
}

/* --- as a file system ----------------------------------------------------- */

int tar_open(const struct boot_module *module, struct block *disk,
	     struct tar **out)
{
	struct tar *t = heap_calloc(1, sizeof(*t));
	struct block_info info;
	int err;

	if (!t)
		return -ENOMEM;
	t->module = module;
	if (module) {
		t->size = module->size;
	} else {
		block_info(disk, &info);
		t->size = info.size;
		cache_init(&t->disk, &cache_raw, disk);
		t->disk.size = info.size;
	}
	t->root = ram_new();
	err = t->root ? 0 : -ENOMEM;
	if (t->root)
		t->root->read_only = true;
	while (!err)
		err = one(t);
	if (err < 0) {
		free_tar(t);
		return err;
	}
	*out = t;
	return 0;
}

struct node *tar_root(struct tar *t)
{
	return t->root;
}

int tar_close(struct tar *t)
{
	if (t->root->refs > 1 || ram_in_use(t->root))
		return -EBUSY;
	free_tar(t);
	return 0;
}

static struct list mounted = LIST_INIT(mounted);

static int tar_unmount(struct node *root)
{
	int err = -EBUSY;

	list_for_each(l, &mounted)
	{
		struct tar *t = list_entry(l, struct tar, link);

		if (t->root != root)
			continue;
		list_remove(&t->link);
		err = tar_close(t);
		if (err)
			list_add_last(&mounted, l);
		break;
	}
	return err;
}

static int tar_mount(const struct fs_source *from, bool read_only,
		     struct node **root)
{
	struct tar *t;
	int err = tar_open(from->module, from->disk, &t);

	(void)read_only; /* it always is */
	if (err)
		return err;
	*root = tar_root(t);
	ram_set_unmount(*root, tar_unmount);
	list_add_last(&mounted, &t->link);
	return 0;
}

const struct fs_type fs_tar = {.name = "tar", .mount = tar_mount};
FS_TYPE(tar);
