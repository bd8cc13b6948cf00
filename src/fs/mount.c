/* SPDX-License-Identifier: ISC */
/*
 * --mount SOURCE:PATH:TYPE[,ro]: judged when the command line is read, followed
 * by a constructor that runs before all others and before main, because only
 * then is libc set up, which libraries behind a file system use.
 */
#include <core/end.h>
#include <core/fmt.h>
#include <core/param.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/hook.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fs/mount.h>
#include <string.h>

FATA_LOG_SOURCE("mount");

#define WAIT (30 * FATA_NS_PER_S) /* for a disk to connect */
#define MOST 32

extern const struct fs_type *__start_fata_fs[], *__stop_fata_fs[];

static const char *wanted[MOST];
static unsigned n_wanted;

/* The three parts of a value. */
struct spec {
	char source[64], path[256];
	const struct fs_type *type;
	bool read_only;
};

static char reason[160];

int fs_bad(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fmt_v(reason, sizeof(reason), format, args);
	va_end(args);
	return err;
}

/* "ext4, tar" */
static const char *types(void)
{
	static char text[64];
	size_t n = 0;

	for (const struct fs_type **t = __start_fata_fs; t < __stop_fata_fs;
	     t++) {
		n += fmt(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
			 (*t)->name);
		if (n >= sizeof(text))
			break;
	}
	return text;
}

static const struct fs_type *find_type(const char *name, size_t n)
{
	for (const struct fs_type **t = __start_fata_fs; t < __stop_fata_fs;
	     t++)
		if (strlen((*t)->name) == n && !memcmp((*t)->name, name, n))
			return *t;
	return NULL;
}

static int parse(const char *text, struct spec *s)
{
	const char *path = strchr(text, ':'), *type, *comma;
	size_t n;

	type = path ? strrchr(text, ':') : NULL;
	if (!path || type == path || path == text)
		return fs_bad(-EINVAL, "expected SOURCE:PATH:TYPE[,ro]");
	n = (size_t)(path - text);
	if (n >= sizeof(s->source))
		return fs_bad(-EINVAL, "the source's name is too long");
	memcpy(s->source, text, n);
	s->source[n] = 0;
	n = (size_t)(type - ++path);
	if (*path != '/' || n < 2 || n >= sizeof(s->path))
		return fs_bad(-EINVAL,
			      "path: expected an absolute one below /");
	memcpy(s->path, path, n);
	s->path[n] = 0;
	comma = strchr(++type, ',');
	n = comma ? (size_t)(comma - type) : strlen(type);
	s->type = find_type(type, n);
	if (!s->type)
		return fs_bad(-EINVAL, "type '%s': expected %s", type, types());
	if (comma && strcmp(comma, ",ro"))
		return fs_bad(-EINVAL, "option '%s': expected ro", comma + 1);
	s->read_only = comma;
	return 0;
}

static int note(const char *text)
{
	struct spec s;

	if (parse(text, &s))
		return param_bad("%s", reason);
	if (n_wanted == MOST)
		return param_bad("more than %d mounts", MOST);
	wanted[n_wanted++] = text;
	return 0;
}

FATA_PARAM_LIST(note, "mount", "",
		"SOURCE:PATH:TYPE[,ro]: a disk, moduleN or a folder's tag, "
		"where, and ext4, tar or 9p");

/* --- doing it ------------------------------------------------------------- */

/* moduleN; -1: it is not. */
static int module_number(const char *name)
{
	int n = 0;

	if (strncmp(name, "module", 6) || !name[6] || strlen(name) > 9)
		return -1;
	for (name += 6; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		n = n * 10 + *name - '0';
	}
	return n;
}

static int open_source(const struct spec *s, struct fs_source *from)
{
	int number = module_number(s->source), err;

	*from = (struct fs_source){.name = s->source};
	if (s->type->by_tag)
		return 0;
	if (number >= 0) {
		from->module = boot_module((unsigned)number);
		if (!from->module)
			return fs_bad(-ENOENT, "no such boot module");
		if (!s->type->needs_disk)
			return 0;
		from->module = NULL;
		return block_open_module((unsigned)number, &from->disk);
	}
	err = block_open(s->source, &from->disk, clock_deadline(WAIT));
	if (err == -ENOENT)
		return fs_bad(err, "no such disk (expected a name of the "
				   "image's, xvdb or moduleN)");
	if (err)
		return fs_bad(err, "the disk does not connect (error %d)",
			      -err);
	return 0;
}

/* All the directories of a path. */
static int make_path(const char *path)
{
	static const struct node_new what = {.mode = S_IFDIR | 0755};
	char part[256];

	for (size_t i = 1; i <= strlen(path); i++) {
		struct path_end e;
		struct node *n;
		int err;

		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (!path_find(path_root(), part, true, &n)) {
			node_put(n);
			continue;
		}
		err = path_find_parent(path_root(), part, &e);
		if (err)
			return err;
		err = e.dir->read_only
			      ? -EROFS
			      : e.dir->ops->make(e.dir, e.name, &what, &n);
		path_end_free(&e);
		if (err)
			return err;
		node_put(n);
	}
	return 0;
}

static int mount_spec(const struct spec *s)
{
	struct fs_source from;
	struct node *root;
	int err = open_source(s, &from);

	if (err)
		return err;
	err = s->type->mount(&from, s->read_only, &root);
	if (err)
		return err;
	err = make_path(s->path);
	if (!err)
		err = mounts_add(s->path, root);
	if (err) {
		fs_bad(err, "%s cannot be mounted on (error %d)", s->path,
		       -err);
		if (root->ops->unmount)
			root->ops->unmount(root);
		else
			node_put(root);
	}
	return err;
}

static void end_all(void *arg)
{
	(void)arg;
	mounts_end();
}

int fs_mount(const char *what)
{
	static struct hook at_exit = {.fn = end_all};
	static bool hooked;
	struct spec s;
	int err;

	*reason = 0;
	err = parse(what, &s);
	if (!err)
		err = mount_spec(&s);
	if (err) {
		if (!*reason)
			fs_bad(err, "error %d", -err);
		log_error("--mount %s: %s", what, reason);
		return err;
	}
	if (!hooked)
		fata_at_exit(&at_exit);
	hooked = true;
	return 0;
}

int fs_unmount(const char *path)
{
	return mounts_remove(path);
}

/* Before every constructor of the program. */
__attribute__((constructor(101))) static void mount_wanted(void)
{
	for (unsigned i = 0; i < n_wanted; i++)
		if (fs_mount(wanted[i]))
			end_early(PARAM_BAD);
}
