/* SPDX-License-Identifier: ISC */
/*
 * ext4's directories. At its first use a directory is read once, all of it, and
 * kept as a list with a hash table: names are found, and found to be missing,
 * without the disk. Changes are made on the disk's blocks and here.
 *
 * Each entry knows the block that it was seen in. In a directory with an index
 * (htree) libext2fs adds entries and may move others when it splits a block;
 * then the block is searched for, in all of them.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fs/ext4.h>
#include <string.h>

FATA_LOG_SOURCE("ext4");

#define TABLE_LEAST 16

static bool is(const struct ext4_dent *d, uint32_t hash, struct name name)
{
	return d->hash == hash && d->length == name.length &&
	       !memcmp(d->name, name.text, name.length);
}

struct ext4_dent *ext4_dir_find(struct ext4_node *dir, struct name name)
{
	struct ext4_dir *t = dir->dir;
	uint32_t hash = name_hash(name);
	struct ext4_dent *d = t->table[hash & (t->n_table - 1)];

	while (d && !is(d, hash, name))
		d = d->chain;
	return d;
}

static void chain(struct ext4_dir *t, struct ext4_dent *d)
{
	struct ext4_dent **at = &t->table[d->hash & (t->n_table - 1)];

	d->chain = *at;
	*at = d;
}

static void enlarge(struct ext4_dir *t)
{
	size_t n = t->n_table * 4;
	struct ext4_dent **table = heap_calloc(n, sizeof(*table));

	if (!table)
		return; /* longer chains, then */
	heap_free(t->table);
	t->table = table;
	t->n_table = n;
	list_for_each(l, &t->entries)
		chain(t, list_entry(l, struct ext4_dent, link));
}

static struct ext4_dent *note(struct ext4_dir *t, struct name name,
			      ext2_ino_t ino, uint8_t type, uint64_t block)
{
	struct ext4_dent *d = heap_alloc(sizeof(*d) + name.length);

	if (!d)
		return NULL;
	*d = (struct ext4_dent){.cookie = ++t->cookie,
				.block = block,
				.hash = name_hash(name),
				.ino = ino,
				.type = type,
				.length = (uint8_t)name.length};
	memcpy(d->name, name.text, name.length);
	list_add_last(&t->entries, &d->link);
	chain(t, d);
	if (++t->n > t->n_table)
		enlarge(t);
	return d;
}

static void forget(struct ext4_dir *t, struct ext4_dent *d)
{
	struct ext4_dent **at = &t->table[d->hash & (t->n_table - 1)];

	while (*at != d)
		at = &(*at)->chain;
	*at = d->chain;
	if (t->last == d)
		t->last = NULL;
	list_remove(&d->link);
	heap_free(d);
	t->n--;
}

void ext4_dir_free(struct ext4_node *dir)
{
	struct ext4_dir *t = dir->dir;

	if (!t)
		return;
	while (!list_empty(&t->entries))
		heap_free(list_entry(list_pop(&t->entries), struct ext4_dent,
				     link));
	heap_free(t->table);
	heap_free(t);
	dir->dir = NULL;
}

/* --- reading -------------------------------------------------------------- */

static bool dots(const char *s, size_t n)
{
	return n <= 2 && !memcmp(s, "..", n);
}

static int note_block(struct ext4_node *dir, char *buf, uint64_t block)
{
	struct ext4 *e = dir->fs;
	size_t at = 0;

	while (at < e->block_size) {
		unsigned length;
		struct ext2_dir_entry *d = ext4_entry_at(e, buf, at, &length);
		struct name name;

		if (!d)
			return -EUCLEAN;
		at += length;
		name = (struct name){d->name,
				     (size_t)ext2fs_dirent_name_len(d)};
		if (!d->inode || !name.length || dots(d->name, name.length))
			continue;
		if (memchr(d->name, 0, name.length) ||
		    memchr(d->name, '/', name.length))
			return -EUCLEAN;
		if (!ext4_dir_find(dir, name) &&
		    !note(dir->dir, name, d->inode,
			  (uint8_t)ext2fs_dirent_file_type(d), block))
			return -ENOMEM;
	}
	return 0;
}

int ext4_dir_load(struct ext4_node *dir)
{
	struct ext4 *e = dir->fs;
	struct ext4_dir *t;
	char *buf;
	int err = 0;

	if (dir->dir)
		return 0;
	t = heap_calloc(1, sizeof(*t));
	if (t)
		t->table = heap_calloc(TABLE_LEAST, sizeof(*t->table));
	buf = heap_alloc(e->block_size);
	if (!t || !t->table || !buf) {
		heap_free(t ? t->table : NULL);
		heap_free(t);
		heap_free(buf);
		return -ENOMEM;
	}
	t->n_table = TABLE_LEAST;
	t->cookie = 2;
	list_init(&t->entries);
	dir->dir = t;
	for (uint64_t i = 0; i < dir->node.size / e->block_size && !err; i++) {
		blk64_t disk;

		err = ext4_entries_read(dir, i, buf, &disk);
		if (!err)
			err = note_block(dir, buf, i);
	}
	heap_free(buf);
	if (err == -EUCLEAN)
		log_error("%s: directory %u is broken", e->name, dir->ino);
	if (err)
		ext4_dir_free(dir);
	return err;
}

int ext4_dir_add(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		 mode_t mode)
{
	uint64_t block;
	int err = ext4_entry_add(dir, name, ino, mode, &block);

	if (err)
		return err;
	if (!note(dir->dir, name, ino, ext4_entry_type(mode), block))
		ext4_dir_free(dir); /* to be read again */
	node_modified(&dir->node);
	ext4_node_dirty(dir, true);
	return 0;
}

/* --- changing ------------------------------------------------------------- */

int ext4_dir_remove(struct ext4_node *dir, struct ext4_dent *d)
{
	int err = ext4_entry_remove(dir, d);

	if (err)
		return err;
	if (d->block < dir->dir->room)
		dir->dir->room = d->block;
	forget(dir->dir, d);
	node_modified(&dir->node);
	ext4_node_dirty(dir, true);
	return 0;
}

int ext4_dir_set(struct ext4_node *dir, struct ext4_dent *d, ext2_ino_t ino,
		 mode_t mode)
{
	int err = ext4_entry_set(dir, d, ino, mode);

	if (err)
		return err;
	d->ino = ino;
	d->type = ext4_entry_type(mode);
	node_modified(&dir->node);
	ext4_node_dirty(dir, true);
	return 0;
}
