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
#include <fata/heap.h>
#include <fata/page.h>
#include <fs/cache.h>
#include <fs/mount.h>
#include <fs/ram.h>
#include <fs/tar.h>
#include <string.h>

#define BLOCK      512
#define TEXT_MOST  (64 << 10) /* of a pax header, a long name */
#define DEPTH_MOST 128
#define SECOND     1000000000ull

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
	char type, link[100], magic[6], version[2], user[32], group[32];
	char major[8], minor[8], prefix[155], rest[12];
};

/* What headers before it said of an entry; text is from the heap. */
struct extra {
	char *path, *link;
	bool has_size, has_mtime, has_uid, has_gid;
	uint64_t size, mtime, uid, gid;
};

struct tar {
	struct list link; /* of those that are mounted */
	const struct boot_module *module;
	struct cached disk; /* when there is no module */
	uint64_t size, at;
	struct node *root;
	struct extra next, all; /* of the next entry; of all from here on */
};

/* An entry, put together. */
struct entry {
	char *path, *link;
	uint64_t size, mtime, data;
	mode_t mode;
	unsigned uid, gid;
	uint64_t rdev;
	char type;
};

static int bad(const struct tar *t, const char *what)
{
	return fs_bad(-EINVAL, "not a good tar archive: %s at byte %llu", what,
		      (unsigned long long)t->at);
}

static int read_at(struct tar *t, void *p, size_t n, uint64_t at)
{
	ssize_t r;

	if (at > t->size || n > t->size - at)
		return bad(t, "it ends early");
	if (t->module) {
		memcpy(p, (const char *)t->module->data + at, n);
		return 0;
	}
	r = cache_read(&t->disk, p, n, at);
	return r == (ssize_t)n ? 0 : r < 0 ? (int)r : -EIO;
}

/* Octal digits with blanks around, or GNU's big-endian binary. */
static int number(const char *s, size_t n, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	if ((unsigned char)*s == 0x80) {
		for (i = 1; i < n; i++) {
			if (*value >> 55)
				return -EINVAL;
			*value = *value << 8 | (unsigned char)s[i];
		}
		return 0;
	}
	while (i < n && s[i] == ' ')
		i++;
	for (; i < n && s[i] >= '0' && s[i] <= '7'; i++) {
		if (*value >> 60)
			return -EINVAL;
		*value = *value << 3 | (uint64_t)(s[i] - '0');
	}
	return i < n && s[i] && s[i] != ' ' ? -EINVAL : 0;
}

static int check_sum(const struct header *h)
{
	const unsigned char *p = (const void *)h;
	uint64_t said, sum = 0;

	if (number(h->sum, sizeof(h->sum), &said))
		return -EINVAL;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i - 148 < 8 ? ' ' : p[i];
	return sum == said ? 0 : -EINVAL;
}

static char *copy(const char *s, size_t n)
{
	char *p = heap_alloc(n + 1);

	if (p) {
		memcpy(p, s, n);
		p[n] = 0;
	}
	return p;
}

static int replace(char **text, const char *s, size_t n)
{
	char *p = copy(s, n);

	if (!p)
		return -ENOMEM;
	heap_free(*text);
	*text = p;
	return 0;
}

static void forget(struct extra *x)
{
	heap_free(x->path);
	heap_free(x->link);
	*x = (struct extra){0};
}

/* --- headers about headers ------------------------------------------------ */

/* Seconds with a fraction that is left out; before 1970 is 1970. */
static bool decimal(const char *s, size_t n, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	if (n && *s == '-')
		return true;
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
		if (*value > UINT64_MAX / 20)
			return false;
		*value = *value * 10 + (uint64_t)(s[i] - '0');
	}
	return i && (i == n || s[i] == '.');
}

static int pax_one(struct extra *x, const char *key, size_t n,
		   const char *value, size_t size)
{
	static const struct {
		const char *key;
		size_t has, value;
	} numbers[] = {
		{"size", offsetof(struct extra, has_size),
		 offsetof(struct extra, size)},
		{"mtime", offsetof(struct extra, has_mtime),
		 offsetof(struct extra, mtime)},
		{"uid", offsetof(struct extra, has_uid),
		 offsetof(struct extra, uid)},
		{"gid", offsetof(struct extra, has_gid),
		 offsetof(struct extra, gid)},
	};

	if (n == 4 && !memcmp(key, "path", 4))
		return replace(&x->path, value, size);
	if (n == 8 && !memcmp(key, "linkpath", 8))
		return replace(&x->link, value, size);
	if (n > 10 && !memcmp(key, "GNU.sparse", 10))
		return -EOPNOTSUPP;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strlen(numbers[i].key) != n ||
		    memcmp(numbers[i].key, key, n))
			continue;
		*(bool *)((char *)x + numbers[i].has) = true;
		return decimal(value, size,
			       (uint64_t *)(void *)((char *)x +
						    numbers[i].value))
			       ? 0
			       : -EINVAL;
	}
	return 0; /* others do not concern us */
}

/* "LENGTH KEY=VALUE\n" ..., LENGTH of all of that. */
static int pax(struct extra *x, const char *s, size_t n)
{
	while (n) {
		size_t length = 0, i = 0;
		const char *key, *equals;
		int err;

		for (; i < n && i < 8 && s[i] >= '0' && s[i] <= '9'; i++)
			length = length * 10 + (size_t)(s[i] - '0');
		if (!i || i >= n || s[i] != ' ' || length > n ||
		    length < i + 3 || s[length - 1] != '\n')
			return -EINVAL;
		key = s + i + 1;
		equals = memchr(key, '=', length - i - 2);
		if (!equals)
			return -EINVAL;
		err = pax_one(x, key, (size_t)(equals - key), equals + 1,
			      (size_t)(s + length - 1 - (equals + 1)));
		if (err)
			return err;
		s += length;
		n -= length;
	}
	return 0;
}

/* Types x, g, L and K; the contents follow the header. */
static int about_next(struct tar *t, char type, uint64_t size)
{
	char *text;
	int err;

	if (size > TEXT_MOST)
		return bad(t, "a name is too long");
	text = heap_alloc((size_t)size + 1);
	if (!text)
		return -ENOMEM;
	err = read_at(t, text, (size_t)size, t->at + BLOCK);
	text[size] = 0;
	if (!err && (type == 'x' || type == 'g'))
		err = pax(type == 'x' ? &t->next : &t->all, text, (size_t)size);
	else if (!err)
		err = replace(type == 'L' ? &t->next.path : &t->next.link, text,
			      strlen(text));
	heap_free(text);
	if (err == -EOPNOTSUPP)
		return bad(t, "a sparse file, which is not supported,");
	return err == -EINVAL ? bad(t, "a pax header is wrong") : err;
}

/* --- entries -------------------------------------------------------------- */

static size_t length_of(const char *s, size_t n)
{
	const char *end = memchr(s, 0, n);

	return end ? (size_t)(end - s) : n;
}

static char *header_name(const struct header *h)
{
	size_t n = length_of(h->name, sizeof(h->name));
	size_t p = memcmp(h->magic, "ustar\0", 6)
			   ? 0
			   : length_of(h->prefix, sizeof(h->prefix));
	char *name = heap_alloc(p + n + 2);

	if (!name)
		return NULL;
	memcpy(name, h->prefix, p);
	if (p)
		name[p++] = '/';
	memcpy(name + p, h->name, n);
	name[p + n] = 0;
	return name;
}

static char *take(char **text)
{
	char *s = *text;

	*text = NULL;
	return s;
}

static int put_together(struct tar *t, const struct header *h, struct entry *e)
{
	const struct extra *x[] = {&t->all, &t->next};
	uint64_t mode, uid, gid, major, minor;

	*e = (struct entry){.type = h->type, .data = t->at + BLOCK};
	if (number(h->mode, 8, &mode) || number(h->uid, 8, &uid) ||
	    number(h->gid, 8, &gid) || number(h->size, 12, &e->size) ||
	    number(h->mtime, 12, &e->mtime))
		return bad(t, "a number is wrong");
	if (number(h->major, 8, &major) || number(h->minor, 8, &minor))
		major = minor = 0;
	e->rdev =
		(major & 0xfff) << 8 | (minor & 0xff) | (minor & 0xfff00) << 12;
	for (unsigned i = 0; i < 2; i++) {
		e->size = x[i]->has_size ? x[i]->size : e->size;
		e->mtime = x[i]->has_mtime ? x[i]->mtime : e->mtime;
		uid = x[i]->has_uid ? x[i]->uid : uid;
		gid = x[i]->has_gid ? x[i]->gid : gid;
	}
	e->mode = (mode_t)(mode & 07777);
	e->uid = (unsigned)uid;
	e->gid = (unsigned)gid;
	if (e->mtime > UINT64_MAX / SECOND / 4)
		e->mtime = 0;
	e->path = t->next.path  ? take(&t->next.path)
		  : t->all.path ? copy(t->all.path, strlen(t->all.path))
				: header_name(h);
	e->link = t->next.link ? take(&t->next.link)
			       : copy(h->link, length_of(h->link, 100));
	return e->path && e->link ? 0 : -ENOMEM;
}

/* A node of any kind, in this directory; the former of that name goes. */
static int add(struct tar *t, struct node *dir, struct name name,
	       const struct entry *e, struct node **out)
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
		return bad(t, "it ends early");
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
	static const struct entry made = {.mode = 0755, .type = '5'};
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
			return bad(t, "a name is wrong");
		if (!component(&path, &next))
			return 0;
		if (!(*dir)->ops->lookup(*dir, *name, &n)) {
			err = S_ISDIR(n->mode) ? 0
					       : bad(t, "a file is a folder");
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
		    const struct entry *e)
{
	struct name old;
	struct node *from, *n, *there;
	int err = descend(t, e->link, &from, &old);

	if (err)
		return err;
	if (!old.length || from->ops->lookup(from, old, &n))
		return bad(t, "a link's target is missing");
	err = S_ISDIR(n->mode) ? bad(t, "a link to a folder") : 0;
	if (!err && !dir->ops->lookup(dir, name, &there)) {
		if (there == n || S_ISDIR(there->mode))
			err = there == n ? 1 : bad(t, "a link is a folder");
		else
			dir->ops->unlink(dir, name, there);
		node_put(there);
	}
	if (!err)
		err = dir->ops->link(dir, name, n);
	node_put(n);
	return err < 0 ? err : 0;
}

static void set_fields(struct node *n, const struct entry *e)
{
	n->mode = (n->mode & S_IFMT) | e->mode;
	n->uid = e->uid;
	n->gid = e->gid;
	n->atime = n->mtime = n->ctime = e->mtime * SECOND;
	n->read_only = true;
}

static int place(struct tar *t, const struct entry *e)
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
	static const char zeros[BLOCK];
	uint64_t size;
	struct header h;
	struct entry e;
	int err;

	if (t->at == t->size)
		return 1; /* some archives lack the zeroes */
	err = read_at(t, &h, BLOCK, t->at);
	if (err)
		return err;
	if (!memcmp(&h, zeros, BLOCK))
		return 1;
	if (check_sum(&h))
		return bad(t, "no header");
	if (number(h.size, sizeof(h.size), &size))
		return bad(t, "a number is wrong");
	if (!h.type || h.type == '7')
		h.type = '0';
	if (h.type == 'x' || h.type == 'g' || h.type == 'L' || h.type == 'K') {
		err = about_next(t, h.type, size);
	} else if (h.type >= '0' && h.type <= '6') {
		err = put_together(t, &h, &e);
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
		forget(&t->next);
	} else if (h.type == 'S') {
		err = bad(t, "a sparse file, which is not supported,");
	}
	if (err)
		return err;
	if (size > t->size - t->at - BLOCK)
		return bad(t, "it ends early");
	t->at += BLOCK + ((size + BLOCK - 1) & ~(uint64_t)(BLOCK - 1));
	if (t->at > t->size)
		t->at = t->size;
	return 0;
}

static void free_tar(struct tar *t)
{
	forget(&t->next);
	forget(&t->all);
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
