/* SPDX-License-Identifier: ISC */
/* What all kinds of nodes have in common. */
#include <dirent.h>
#include <fata/clock.h>
#include <libc/clock.h>
#include <fs/node.h>
#include <string.h>

#define DAY (24ull * 3600 * 1000000000)

uint32_t name_hash(struct name n)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n.length; i++)
		h = (h ^ (unsigned char)n.text[i]) * 16777619u;
	return h;
}

void node_init(struct node *n, const struct node_ops *ops, mode_t mode)
{
	static uint64_t last_ino = 1;
	uint64_t now = clock_wall_ns();

	n->ops = ops;
	n->refs = 1;
	n->nlink = S_ISDIR(mode) ? 2 : 1;
	n->ino = ++last_ino;
	n->mode = mode;
	n->atime = n->mtime = n->ctime = now;
}

void node_put(struct node *n)
{
	if (n && --n->refs == 0)
		n->ops->release(n);
}

void node_stat(const struct node *n, struct stat *s)
{
	memset(s, 0, sizeof(*s));
	s->st_dev = n->device;
	s->st_ino = n->ino;
	s->st_nlink = n->nlink;
	s->st_mode = n->mode;
	s->st_uid = n->uid;
	s->st_gid = n->gid;
	s->st_rdev = n->rdev;
	s->st_size = (off_t)n->size;
	s->st_blksize = 4096;
	s->st_blocks =
		(blkcnt_t)((n->ops->space ? n->ops->space(n)
					  : (n->size + 4095) / 4096 * 4096) /
			   512);
	s->st_atim = clock_timespec(n->atime);
	s->st_mtim = clock_timespec(n->mtime);
	s->st_ctim = clock_timespec(n->ctime);
}

void node_modified(struct node *n)
{
	n->mtime = n->ctime = clock_wall_ns();
}

void node_changed(struct node *n)
{
	n->ctime = clock_wall_ns();
}

void node_accessed(struct node *n)
{
	uint64_t now;

	if (n->read_only || !n->ops->changed || n->ops->refresh)
		return;
	now = clock_wall_ns();
	if (n->atime > n->mtime && n->atime > n->ctime && now - n->atime < DAY)
		return;
	n->atime = now;
	n->ops->changed(n);
}

int node_refresh(struct node *n)
{
	return n->ops->refresh ? n->ops->refresh(n) : 0;
}

unsigned node_new_device(void)
{
	static unsigned last;

	return ++last;
}

/* Linux's struct linux_dirent64. */
struct entry {
	uint64_t ino;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
} __attribute__((packed));

bool sink_put(struct dirent_sink *s, uint64_t ino, uint64_t next, mode_t mode,
	      struct name name)
{
	size_t size = (sizeof(struct entry) + name.length + 1 + 7) & ~7ul;
	struct entry *e = (void *)(s->p + s->used);

	if (size > s->room - s->used)
		return false;
	memset(e, 0, size);
	e->ino = ino;
	e->next = (int64_t)next;
	e->length = (uint16_t)size;
	e->type = (mode & S_IFMT) >> 12;
	memcpy(e->name, name.text, name.length);
	s->used += size;
	return true;
}
