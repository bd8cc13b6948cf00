/* SPDX-License-Identifier: ISC */
/*
 * From a path to a node.
 *
 * A walk holds the node that it has reached and the text that is left. A
 * symbolic link on the way replaces the text: its target, then the rest.
 *
 *     at = /a     rest = "link/x/y"
 *     at = /a     rest = "../b//x/y"      link -> ../b/
 *     at = /      rest = "b//x/y"
 */
#include <errno.h>
#include <fata/boot.h>
#include <fata/heap.h>
#include <fs/node.h>
#include <fs/ram.h>
#include <string.h>

#define LINKS_MAX 40

struct walk {
	struct node *at;
	char *text; /* from the heap: what `rest` points into */
	const char *rest;
	unsigned links;
};

static struct node *root, *cwd;

static void add_modules(struct node *dir)
{
	for (unsigned i = 0; i < boot_module_count() && i < 100; i++) {
		const struct boot_module *m = boot_module(i);
		char name[] = "module0\0";

		if (i >= 10)
			name[6] = (char)('0' + i / 10);
		name[i >= 10 ? 7 : 6] = (char)('0' + i % 10);
		ram_add_bytes(dir, name, m->data, m->size);
	}
}

static void add_devices(struct node *dir)
{
	static const struct {
		const char *name;
		mode_t mode;
		unsigned rdev;
	} devices[] = {
		{"null", 0666, 0x103},    {"zero", 0666, 0x105},
		{"full", 0666, 0x107},    {"random", 0666, 0x108},
		{"urandom", 0666, 0x109}, {"tty", 0666, 0x500},
		{"console", 0600, 0x501},
	};

	for (unsigned i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		ram_add_device(dir, devices[i].name, devices[i].mode,
			       devices[i].rdev);
}

static struct node *add_dir(struct node *dir, const char *name, mode_t mode)
{
	struct node *n = NULL;
	struct name text = {name, strlen(name)};
	struct node_new what = {.mode = S_IFDIR | mode};

	dir->ops->make(dir, text, &what, &n);
	return n;
}

/* The first name space: what can be without any device. */
static void make_root(void)
{
	static const char *const plain[] = {"etc", "home", "root", "var"};
	struct node *n;

	root = ram_new();
	if (!root)
		return;
	cwd = node_get(root);
	for (unsigned i = 0; i < 4; i++)
		node_put(add_dir(root, plain[i], 0755));
	node_put(add_dir(root, "tmp", 01777));
	n = add_dir(root, "dev", 0755);
	if (n)
		add_devices(n);
	node_put(n);
	n = boot_module_count() ? add_dir(root, "boot", 0755) : NULL;
	if (n)
		add_modules(n);
	node_put(n);
}

struct node *path_root(void)
{
	if (!root)
		make_root();
	return root;
}

struct node *path_cwd(void)
{
	path_root();
	return cwd;
}

void path_set_cwd(struct node *dir)
{
	node_put(cwd);
	cwd = node_get(dir);
}

/* Go to another node; takes the reference. */
static void go(struct walk *w, struct node *to)
{
	node_put(w->at);
	while (to->mounted) {
		struct node *over = node_get(to->mounted);

		node_put(to);
		to = over;
	}
	w->at = to;
}

static void go_up(struct walk *w)
{
	struct node *n = w->at;

	while (n->covers)
		n = n->covers;
	if (n->parent)
		go(w, node_get(n->parent));
}

static int begin(struct walk *w, struct node *base, const char *path)
{
	size_t n = strlen(path);
	struct node *from = *path == '/' ? path_root() : base;

	if (!n)
		return -ENOENT;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!from)
		return *path == '/' ? -ENOMEM : -EBADF;
	*w = (struct walk){.text = heap_alloc(n + 1)};
	if (!w->text)
		return -ENOMEM;
	memcpy(w->text, path, n + 1);
	w->rest = w->text;
	go(w, node_get(from));
	return 0;
}

static void end(struct walk *w)
{
	node_put(w->at);
	heap_free(w->text);
}

/* Take the next component off the rest; length 0: there is none. */
static struct name next_name(struct walk *w)
{
	struct name n;

	while (*w->rest == '/')
		w->rest++;
	n.text = w->rest;
	while (*w->rest && *w->rest != '/')
		w->rest++;
	n.length = (size_t)(w->rest - n.text);
	return n;
}

static bool only_slashes(const char *s)
{
	while (*s == '/')
		s++;
	return !*s;
}

/* Put the link's target before the rest of the text. */
static int expand(struct walk *w, struct node *link)
{
	const char *target = link->ops->target(link);
	size_t t = strlen(target), r = strlen(w->rest);
	char *text;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (!t)
		return -ENOENT;
	if (t + 1 + r >= PATH_MAX)
		return -ENAMETOOLONG;
	text = heap_alloc(t + 1 + r + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, target, t);
	text[t] = '/';
	memcpy(text + t + 1, w->rest, r + 1);
	if (!r)
		text[t] = 0; /* no slash that was not there */
	heap_free(w->text);
	w->text = text;
	w->rest = text;
	if (*text == '/')
		go(w, node_get(path_root()));
	return 0;
}

static bool is_dots(struct name n, size_t dots)
{
	return n.length == dots && !memcmp(n.text, "..", dots);
}

/* One step; *left: a symbolic link that was not followed. */
static int step(struct walk *w, struct name name, bool follow)
{
	struct node *child;
	int err;

	if (!S_ISDIR(w->at->mode))
		return -ENOTDIR;
	if (name.length > NAME_MAX)
		return -ENAMETOOLONG;
	if (is_dots(name, 1))
		return 0;
	if (is_dots(name, 2)) {
		go_up(w);
		return 0;
	}
	err = w->at->ops->lookup(w->at, name, &child);
	if (err)
		return err;
	if (S_ISLNK(child->mode) && (follow || *w->rest)) {
		err = expand(w, child);
		node_put(child);
		return err;
	}
	go(w, child);
	return 0;
}

int path_find(struct node *base, const char *path, bool follow,
	      struct node **out)
{
	struct walk w;
	int err = begin(&w, base, path);

	if (err)
		return err;
	while (!err) {
		bool slash = *w.rest == '/';
		struct name n = next_name(&w);

		if (!n.length) {
			if (slash && !S_ISDIR(w.at->mode))
				err = -ENOTDIR;
			break;
		}
		err = step(&w, n, follow);
	}
	if (!err)
		*out = node_get(w.at);
	end(&w);
	return err;
}

int path_find_parent(struct node *base, const char *path, struct path_end *e)
{
	struct walk w;
	struct name n;
	int err = begin(&w, base, path);

	if (err)
		return err;
	for (;;) {
		n = next_name(&w);
		if (!n.length)
			err = -EEXIST;
		else if (only_slashes(w.rest))
			break;
		else
			err = step(&w, n, true);
		if (err) {
			end(&w);
			return err;
		}
	}
	if (!S_ISDIR(w.at->mode))
		err = -ENOTDIR;
	else if (n.length > NAME_MAX)
		err = -ENAMETOOLONG;
	else if (is_dots(n, 1) || is_dots(n, 2))
		err = -EINVAL;
	if (err) {
		end(&w);
		return err;
	}
	*e = (struct path_end){w.at, n, *w.rest == '/', w.text};
	return 0;
}

void path_end_free(struct path_end *e)
{
	node_put(e->dir);
	heap_free(e->memory);
}

/* The name of a directory in its parent: found by looking through it. */
static size_t name_in_parent(struct node *parent, const struct node *dir,
			     char *text, size_t size)
{
	char buffer[512];
	struct dirent_sink s = {buffer, sizeof(buffer), 0};
	uint64_t pos = 2;

	for (;;) {
		s.used = 0;
		if (parent->ops->list(parent, &s, &pos) || !s.used)
			return 0;
		for (size_t at = 0; at < s.used;) {
			uint64_t ino;
			uint16_t length;
			size_t n;

			memcpy(&ino, buffer + at, 8);
			memcpy(&length, buffer + at + 16, 2);
			n = strlen(buffer + at + 19);
			if (ino == dir->ino && n <= size) {
				memcpy(text, buffer + at + 19, n);
				return n;
			}
			at += length;
		}
	}
}

ssize_t path_of(struct node *dir, char *text, size_t size)
{
	size_t at = size; /* filled from the end */
	char name[NAME_MAX + 1];

	while (dir != path_root()) {
		struct node *n = dir, *parent;
		size_t length;

		while (n->covers)
			n = n->covers;
		parent = n->parent;
		if (!parent)
			return n == path_root() ? 0 : -ENOENT;
		length = name_in_parent(parent, n, name, NAME_MAX);
		if (!length)
			return -ENOENT;
		if (length + 1 > at)
			return -ERANGE;
		at -= length;
		memcpy(text + at, name, length);
		text[--at] = '/';
		dir = parent;
	}
	if (at == size) {
		if (!at)
			return -ERANGE;
		text[--at] = '/';
	}
	memmove(text, text + at, size - at);
	return (ssize_t)(size - at);
}
