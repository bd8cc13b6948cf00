/* SPDX-License-Identifier: ISC */
/* A 9P server's tree and messages; see p9_server.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/p9_server.h"

/* A message that is read, a reply that is written. */
struct talk {
	struct p9_server *s;
	const unsigned char *m;
	size_t n, at;
	unsigned char *reply;
	size_t used, room;
};

/* The client is at fault: the test has failed, unless it lies to it. */
#define WANT(cond)                                                             \
	do {                                                                   \
		if (!(cond))                                                   \
			wrong(t->s, __LINE__, #cond);                          \
	} while (0)

static void wrong(struct p9_server *s, int line, const char *what)
{
	if (s->lax)
		longjmp(s->wrong, 1);
	fprintf(stderr, "9P server, line %d: %s\n", line, what);
	abort();
}

static uint64_t get(struct talk *t, unsigned bytes)
{
	uint64_t v = 0;

	WANT(t->at + bytes <= t->n);
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)t->m[t->at++] << 8 * i;
	return v;
}

/* A name of the message, ended by NUL, in one of three places in turn. */
static const char *get_name(struct talk *t)
{
	static char text[3][4096];
	static unsigned turn;
	size_t n = get(t, 2);
	char *s = text[turn++ % 3];

	WANT(n < 4096 && t->at + n <= t->n);
	memcpy(s, t->m + t->at, n);
	s[n] = 0;
	t->at += n;
	return s;
}

static void put(struct talk *t, uint64_t v, unsigned bytes)
{
	WANT(t->used + bytes <= t->room);
	for (unsigned i = 0; i < bytes; i++, v >>= 8)
		t->reply[t->used++] = v & 0xff;
}

static void put_text(struct talk *t, const char *s)
{
	put(t, strlen(s), 2);
	WANT(t->used + strlen(s) <= t->room);
	memcpy(t->reply + t->used, s, strlen(s));
	t->used += strlen(s);
}

static void put_qid(struct talk *t, const struct p9_file *f)
{
	put(t, S_ISDIR(f->mode) ? 0x80 : S_ISLNK(f->mode) ? 2 : 0, 1);
	put(t, (uint32_t)f->mtime, 4);
	put(t, f->qid, 8);
}

/* --- the tree ------------------------------------------------------------- */

static struct p9_file *new_file(struct p9_server *s, uint32_t mode)
{
	struct p9_file *f = calloc(1, sizeof(*f));

	f->qid = ++s->last_qid;
	f->mode = mode;
	f->all = s->files;
	f->atime = f->mtime = 1000000000;
	s->files = f;
	return f;
}

static struct p9_entry **entry(struct p9_file *dir, const char *name)
{
	struct p9_entry **e = &dir->entries;

	while (*e && strcmp((*e)->name, name) != 0)
		e = &(*e)->next;
	return e;
}

static void add(struct p9_file *dir, const char *name, struct p9_file *f)
{
	struct p9_entry *e = calloc(1, sizeof(*e));

	snprintf(e->name, sizeof(e->name), "%s", name);
	e->file = f;
	e->cookie = ++dir->cookies;
	e->next = dir->entries;
	dir->entries = e;
	f->links += S_ISDIR(f->mode) ? 2 : 1;
	if (S_ISDIR(f->mode))
		f->parent = dir;
}

static void drop(struct p9_file *dir, const char *name)
{
	struct p9_entry **at = entry(dir, name), *e = *at;

	e->file->links -= S_ISDIR(e->file->mode) ? 2 : 1;
	*at = e->next;
	free(e);
}

static void set_size(struct p9_file *f, uint64_t size)
{
	f->data = realloc(f->data, size + 1);
	if (size > f->size)
		memset(f->data + f->size, 0, size - f->size);
	f->size = size;
	f->mtime++;
}

struct p9_file *p9_server_file(struct p9_server *s, const char *name)
{
	struct p9_entry *e = *entry(s->root, name);

	return e ? e->file : NULL;
}

struct p9_file *p9_server_put(struct p9_server *s, const char *name,
			      const void *data, size_t n)
{
	struct p9_file *f = p9_server_file(s, name);

	if (!f) {
		f = new_file(s, S_IFREG | 0644);
		add(s->root, name, f);
	}
	set_size(f, n);
	memcpy(f->data, data, n);
	return f;
}

void p9_server_link(struct p9_server *s, const char *name, const char *target)
{
	struct p9_file *f = new_file(s, S_IFLNK | 0777);

	f->target = strdup(target);
	f->size = strlen(target);
	add(s->root, name, f);
}

void p9_server_remove(struct p9_server *s, const char *name)
{
	drop(s->root, name);
}

/* --- numbers -------------------------------------------------------------- */

static struct p9_file *fid(struct talk *t, bool *open)
{
	uint64_t n = get(t, 4);

	WANT(n < P9_SERVER_FIDS && t->s->fid[n].file);
	if (open)
		*open = t->s->fid[n].open;
	return t->s->fid[n].file;
}

static void set_fid(struct talk *t, uint64_t n, struct p9_file *f)
{
	WANT(n < P9_SERVER_FIDS && !t->s->fid[n].file);
	t->s->fid[n].file = f;
	t->s->fid[n].open = false;
	t->s->fids++;
}

static void forget_fids(struct p9_server *s)
{
	for (unsigned i = 0; i < P9_SERVER_FIDS; i++)
		s->fid[i].file = NULL;
	s->fids = 0;
}

/* --- what is asked: 0 or an errno ----------------------------------------- */

static int version(struct talk *t)
{
	uint32_t msize = (uint32_t)get(t, 4);

	WANT(t->m[5] == 0xff && t->m[6] == 0xff);
	WANT(strcmp(get_name(t), "9P2000.L") == 0);
	forget_fids(t->s);
	t->s->sessions++;
	put(t, msize < t->s->msize ? msize : t->s->msize, 4);
	put_text(t, "9P2000.L");
	return 0;
}

static int attach(struct talk *t)
{
	uint64_t n = get(t, 4);

	WANT(get(t, 4) == 0xffffffff);
	get_name(t);
	get_name(t);
	get(t, 4);
	set_fid(t, n, t->s->root);
	put_qid(t, t->s->root);
	return 0;
}

static int walk(struct talk *t)
{
	bool open;
	struct p9_file *f = fid(t, &open);
	uint64_t new = get(t, 4), names = get(t, 2);
	struct p9_entry *e;

	WANT(!open && names <= 1);
	if (!names) {
		set_fid(t, new, f);
		put(t, 0, 2);
		return 0;
	}
	if (!S_ISDIR(f->mode))
		return ENOTDIR;
	e = *entry(f, get_name(t));
	if (!e)
		return ENOENT;
	set_fid(t, new, e->file);
	put(t, 1, 2);
	put_qid(t, e->file);
	return 0;
}

static int clunk(struct talk *t)
{
	uint64_t n = get(t, 4);

	WANT(n < P9_SERVER_FIDS && t->s->fid[n].file);
	t->s->fid[n].file = NULL;
	t->s->fids--;
	return 0;
}

static int getattr(struct talk *t)
{
	struct p9_file *f = fid(t, NULL);

	WANT(get(t, 8) == 0x7ff);
	put(t, 0x7ff, 8);
	put_qid(t, f);
	put(t, f->mode, 4);
	put(t, f->uid, 4);
	put(t, f->gid, 4);
	put(t, f->links, 8);
	put(t, f->rdev, 8);
	put(t, f->size, 8);
	put(t, 4096, 8);
	put(t, (f->size + 511) / 512, 8);
	put(t, f->atime, 8);
	put(t, 0, 8);
	put(t, f->mtime, 8);
	put(t, 0, 8);
	for (unsigned i = 0; i < 6; i++)
		put(t, 0, 8);
	return 0;
}

static int setattr(struct talk *t)
{
	struct p9_file *f = fid(t, NULL);
	uint64_t valid = get(t, 4), mode = get(t, 4), uid = get(t, 4);
	uint64_t gid = get(t, 4), size = get(t, 8), atime = get(t, 8), mtime;

	get(t, 8);
	mtime = get(t, 8);
	get(t, 8);
	f->mode = valid & 1 ? (f->mode & S_IFMT) | (uint32_t)mode : f->mode;
	f->uid = valid & 2 ? (uint32_t)uid : f->uid;
	f->gid = valid & 4 ? (uint32_t)gid : f->gid;
	if (valid & 8)
		set_size(f, size);
	f->atime = valid & 0x10 ? atime : f->atime;
	f->mtime = valid & 0x20 ? mtime : f->mtime;
	return 0;
}

static int lopen(struct talk *t)
{
	uint64_t n = t->m[7] | t->m[8] << 8;
	bool open;
	struct p9_file *f = fid(t, &open);
	uint64_t flags = get(t, 4);

	WANT(!open);
	if ((flags & O_ACCMODE) != O_RDONLY && !(f->mode & 0200))
		return EACCES;
	t->s->fid[n].open = true;
	put_qid(t, f);
	put(t, t->s->iounit, 4);
	return 0;
}

/* The rest of Tlcreate, Tmkdir, Tsymlink, Tmknod: a new file in that dir. */
static int make(struct talk *t, struct p9_file *dir, const char *name,
		uint32_t mode, struct p9_file **f)
{
	get(t, 4);
	WANT(strlen(name) && strlen(name) < 256 && !strchr(name, '/'));
	if (*entry(dir, name))
		return EEXIST;
	*f = new_file(t->s, mode);
	add(dir, name, *f);
	put_qid(t, *f);
	return 0;
}

static int lcreate(struct talk *t)
{
	uint64_t n = t->m[7] | t->m[8] << 8;
	struct p9_file *dir = fid(t, NULL), *f;
	const char *name = get_name(t);
	int err;

	get(t, 4);
	err = make(t, dir, name, S_IFREG | (uint32_t)get(t, 4), &f);
	if (err)
		return err;
	t->s->fid[n].file = f;
	t->s->fid[n].open = true;
	put(t, t->s->iounit, 4);
	return 0;
}

static int mkdir_or_node(struct talk *t, bool dir_wanted)
{
	struct p9_file *dir = fid(t, NULL), *f;
	const char *name = get_name(t);
	uint32_t mode = (uint32_t)get(t, 4);

	if (dir_wanted)
		return make(t, dir, name, S_IFDIR | (mode & 07777), &f);
	get(t, 8);
	return make(t, dir, name, mode, &f);
}

static int symlink_to(struct talk *t)
{
	struct p9_file *dir = fid(t, NULL), *f;
	const char *name = get_name(t), *target = get_name(t);
	int err = make(t, dir, name, S_IFLNK | 0777, &f);

	if (err)
		return err;
	f->target = strdup(target);
	f->size = strlen(target);
	return 0;
}

static int link_to(struct talk *t)
{
	struct p9_file *dir = fid(t, NULL), *f = fid(t, NULL);
	const char *name = get_name(t);

	if (*entry(dir, name))
		return EEXIST;
	add(dir, name, f);
	return 0;
}

static int unlink_at(struct talk *t)
{
	struct p9_file *dir = fid(t, NULL);
	const char *name = get_name(t);
	bool wanted = get(t, 4) & 0x200;
	struct p9_entry *e = *entry(dir, name);

	if (!e)
		return ENOENT;
	if (wanted != S_ISDIR(e->file->mode))
		return wanted ? ENOTDIR : EISDIR;
	if (e->file->entries)
		return ENOTEMPTY;
	drop(dir, name);
	return 0;
}

static int rename_at(struct talk *t)
{
	struct p9_file *from = fid(t, NULL), *to, *f;
	const char *old = get_name(t), *new;

	to = fid(t, NULL);
	new = get_name(t);
	if (!*entry(from, old))
		return ENOENT;
	f = (*entry(from, old))->file;
	if (*entry(to, new))
		drop(to, new);
	drop(from, old);
	add(to, new, f);
	return 0;
}

static int read_at(struct talk *t)
{
	bool open;
	struct p9_file *f = fid(t, &open);
	uint64_t at = get(t, 8), n = get(t, 4);

	WANT(open && S_ISREG(f->mode) && n + 11 <= t->s->msize);
	n = at >= f->size ? 0 : n < f->size - at ? n : f->size - at;
	put(t, n, 4);
	if (n)
		memcpy(t->reply + t->used, f->data + at, n);
	t->used += n;
	return 0;
}

static int write_at(struct talk *t)
{
	bool open;
	struct p9_file *f = fid(t, &open);
	uint64_t at = get(t, 8), n = get(t, 4);

	WANT(open && t->at + n == t->n);
	if (at + n > f->size)
		set_size(f, at + n);
	memcpy(f->data + at, t->m + t->at, n);
	t->at += n;
	put(t, n, 4);
	return 0;
}

static void put_entry(struct talk *t, const struct p9_file *f, uint64_t next,
		      const char *name)
{
	put_qid(t, f);
	put(t, next, 8);
	put(t, f->mode >> 12, 1);
	put_text(t, name);
}

/* Cookies: . is 1, .. is 2, then the entries from the earliest on. */
static int read_dir(struct talk *t)
{
	bool open;
	struct p9_file *f = fid(t, &open);
	uint64_t at = get(t, 8), n = get(t, 4), end;
	size_t count = t->used;

	WANT(open && S_ISDIR(f->mode) && n + 11 <= t->s->msize);
	put(t, 0, 4);
	end = t->used + n;
	if (at < 1)
		put_entry(t, f, 1, ".");
	if (at < 2)
		put_entry(t, f->parent ? f->parent : f, 2, "..");
	for (uint64_t c = at < 2 ? 0 : at - 2; c < f->cookies; c++) {
		struct p9_entry *e = f->entries;

		while (e && e->cookie != c + 1)
			e = e->next;
		if (!e)
			continue;
		if (t->used + 24 + strlen(e->name) > end)
			break;
		put_entry(t, e->file, c + 3, e->name);
	}
	n = t->used - count - 4;
	for (unsigned i = 0; i < 4; i++)
		t->reply[count + i] = n >> 8 * i & 0xff;
	return 0;
}

static int statfs(struct talk *t)
{
	fid(t, NULL);
	put(t, 0x01021997, 4);
	put(t, 4096, 4);
	for (unsigned i = 1; i <= 6; i++)
		put(t, 1000 * i, 8);
	put(t, 255, 4);
	return 0;
}

static int fsync_file(struct talk *t)
{
	bool open;

	fid(t, &open);
	get(t, 4);
	WANT(open);
	return 0;
}

static int read_link(struct talk *t)
{
	put_text(t, fid(t, NULL)->target);
	return 0;
}

static int act(struct talk *t)
{
	switch (t->m[4]) {
	case 8: return statfs(t);
	case 12: return lopen(t);
	case 14: return lcreate(t);
	case 16: return symlink_to(t);
	case 18: return mkdir_or_node(t, false);
	case 22: return read_link(t);
	case 24: return getattr(t);
	case 26: return setattr(t);
	case 40: return read_dir(t);
	case 50: return fsync_file(t);
	case 70: return link_to(t);
	case 72: return mkdir_or_node(t, true);
	case 74: return rename_at(t);
	case 76: return unlink_at(t);
	case 100: return version(t);
	case 104: return attach(t);
	case 110: return walk(t);
	case 116: return read_at(t);
	case 118: return write_at(t);
	case 120: return clunk(t);
	}
	return EOPNOTSUPP;
}

size_t p9_server_answer(struct p9_server *s, const unsigned char *m, size_t n,
			unsigned char *reply, size_t room)
{
	struct talk talk = {s, m, n, 7, reply, 7, room}, *t = &talk;
	volatile int err = EINVAL;

	s->requests++;
	if (!setjmp(s->wrong)) {
		WANT(n >= 7 && n <= s->msize);
		err = act(t);
		WANT(err || t->at == n);
	}
	reply[4] = err ? 7 : m[4] + 1;
	reply[5] = m[5];
	reply[6] = m[6];
	if (err) {
		t->used = 7;
		put(t, (uint64_t)err, 4);
	}
	for (unsigned i = 0; i < 4; i++)
		reply[i] = t->used >> 8 * i & 0xff;
	return t->used;
}

void p9_server_start(struct p9_server *s, uint32_t msize)
{
	memset(s, 0, sizeof(*s));
	s->msize = msize;
	s->root = new_file(s, S_IFDIR | 0755);
	s->root->links = 2;
}

void p9_server_end(struct p9_server *s)
{
	while (s->files) {
		struct p9_file *f = s->files;

		s->files = f->all;
		while (f->entries) {
			struct p9_entry *e = f->entries;

			f->entries = e->next;
			free(e);
		}
		free(f->data);
		free(f->target);
		free(f);
	}
}
