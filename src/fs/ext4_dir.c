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

static uint32_t hash_of(struct name n)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < n.length; i++)
		h = (h ^ (unsigned char)n.text[i]) * 16777619u;
	return h;
}

static bool is(const struct ext4_dent *d, uint32_t hash, struct name name)
{
	return d->hash == hash && d->length == name.length &&
	       !memcmp(d->name, name.text, name.length);
}

struct ext4_dent *ext4_dir_find(struct ext4_node *dir, struct name name)
{
	struct ext4_dir *t = dir->dir;
	uint32_t hash = hash_of(name);
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
				.hash = hash_of(name),
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

/* --- blocks --------------------------------------------------------------- */

/* Block i of a directory; *disk: where it lies. */
static int read_block(struct ext4_node *dir, uint64_t i, char *buf,
		      blk64_t *disk)
{
	struct ext4 *e = dir->fs;
	errcode_t rc =
		ext2fs_bmap2(e->fs, dir->ino, NULL, NULL, 0, i, NULL, disk);

	if (!rc && (!*disk || *disk >= ext2fs_blocks_count(e->fs->super)))
		return -EUCLEAN;
	if (!rc)
		rc = ext2fs_read_dir_block4(e->fs, *disk, buf, 0, dir->ino);
	return ext4_error(rc);
}

static int write_block(struct ext4_node *dir, char *buf, blk64_t disk)
{
	return ext4_error(
		ext2fs_write_dir_block4(dir->fs->fs, disk, buf, 0, dir->ino));
}

/* The entry at this offset, or NULL: at the end, or what is there is broken. */
static struct ext2_dir_entry *entry_at(const struct ext4 *e, char *buf,
				       size_t at, unsigned *length)
{
	struct ext2_dir_entry *d = (void *)(buf + at);

	if (at + 8 > e->block_size || ext2fs_get_rec_len(e->fs, d, length) ||
	    *length < 8 || *length % 4 || *length > e->block_size - at ||
	    (unsigned)ext2fs_dirent_name_len(d) + 8 > *length)
		return NULL;
	return d;
}

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
		struct ext2_dir_entry *d = entry_at(e, buf, at, &length);
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

		err = read_block(dir, i, buf, &disk);
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

/* --- adding --------------------------------------------------------------- */

static uint8_t type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return EXT2_FT_REG_FILE;
	case S_IFDIR:
		return EXT2_FT_DIR;
	case S_IFLNK:
		return EXT2_FT_SYMLINK;
	case S_IFCHR:
		return EXT2_FT_CHRDEV;
	case S_IFBLK:
		return EXT2_FT_BLKDEV;
	case S_IFIFO:
		return EXT2_FT_FIFO;
	case S_IFSOCK:
		return EXT2_FT_SOCK;
	default:
		return EXT2_FT_UNKNOWN;
	}
}

static unsigned size_of(size_t length)
{
	return (unsigned)(8 + length + 3) & ~3u;
}

static void fill(struct ext4 *e, struct ext2_dir_entry *d, struct name name,
		 ext2_ino_t ino, mode_t mode)
{
	d->inode = ino;
	ext2fs_dirent_set_name_len(d, (int)name.length);
	if (ext2fs_has_feature_filetype(e->fs->super))
		ext2fs_dirent_set_file_type(d, type_of(mode));
	memcpy(d->name, name.text, name.length);
}

/* Put an entry where there is room in the block: 1, 0 or an error. */
static int add_to_block(struct ext4 *e, char *buf, struct name name,
			ext2_ino_t ino, mode_t mode)
{
	unsigned need = size_of(name.length), length;
	size_t end = e->block_size, at = 0;

	if (ext2fs_has_feature_metadata_csum(e->fs->super))
		end -= sizeof(struct ext2_dir_entry_tail);
	for (; at < end; at += length) {
		struct ext2_dir_entry *d = entry_at(e, buf, at, &length);
		unsigned used;

		if (!d)
			return -EUCLEAN;
		used = d->inode ? size_of((size_t)ext2fs_dirent_name_len(d))
				: 0;
		if (length < used + need)
			continue;
		if (used) {
			ext2fs_set_rec_len(e->fs, used, d);
			d = (void *)(buf + at + used);
			memset(d, 0, 8);
			ext2fs_set_rec_len(e->fs, length - used, d);
		}
		fill(e, d, name, ino, mode);
		return 1;
	}
	return 0;
}

/* Into a directory without an index: the first block with room, or a new one.
 */
static int add_linear(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		      mode_t mode, uint64_t *block)
{
	struct ext4 *e = dir->fs;
	char *buf = heap_alloc(e->block_size);
	bool expanded = false;
	int err = buf ? 0 : -ENOMEM;
	uint64_t i = dir->dir->room;

	while (!err) {
		blk64_t disk;

		if (i >= dir->node.size / e->block_size) {
			if (expanded) {
				err = -EUCLEAN;
				break;
			}
			err = ext4_error(ext2fs_expand_dir(e->fs, dir->ino));
			if (!err)
				err = ext4_node_refresh(dir);
			expanded = true;
			continue;
		}
		err = read_block(dir, i, buf, &disk);
		if (!err)
			err = add_to_block(e, buf, name, ino, mode);
		if (err == 1) {
			err = write_block(dir, buf, disk);
			break;
		}
		if (!err && dir->dir->room == i)
			dir->dir->room = i + 1; /* not even for this one */
		i++;
	}
	*block = i;
	heap_free(buf);
	return err;
}

/* libext2fs has made it larger: these blocks' groups are changed. */
static int note_growth(struct ext4_node *dir, uint64_t old_size)
{
	struct ext4 *e = dir->fs;
	int err = ext4_node_refresh(dir);
	blk64_t disk;

	for (uint64_t i = old_size / e->block_size;
	     i < dir->node.size / e->block_size && !err; i++) {
		err = ext4_error(ext2fs_bmap2(e->fs, dir->ino, NULL, NULL, 0, i,
					      NULL, &disk));
		if (!err && disk)
			ext4_group_dirty(e, ext2fs_group_of_blk2(e->fs, disk));
	}
	return err;
}

static int add_indexed(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		       mode_t mode)
{
	struct ext4 *e = dir->fs;
	char text[NAME_MAX + 1];
	int err;

	memcpy(text, name.text, name.length);
	text[name.length] = 0;
	err = ext4_error(
		ext2fs_link(e->fs, dir->ino, text, ino, type_of(mode)));
	return err ? err : note_growth(dir, dir->node.size);
}

int ext4_dir_add(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		 mode_t mode)
{
	struct ext4 *e = dir->fs;
	struct ext2_inode i;
	uint64_t block = 0;
	int err = ext4_error(ext2fs_read_inode(e->fs, dir->ino, &i));

	if (!err)
		err = i.i_flags & EXT2_INDEX_FL
			      ? add_indexed(dir, name, ino, mode)
			      : add_linear(dir, name, ino, mode, &block);
	if (err)
		return err;
	if (!note(dir->dir, name, ino, type_of(mode), block))
		ext4_dir_free(dir); /* to be read again */
	node_modified(&dir->node);
	ext4_node_dirty(dir, true);
	return 0;
}

/* --- changing ------------------------------------------------------------- */

/* The entry in this block, and the one before it. */
static struct ext2_dir_entry *find_in(struct ext4 *e, char *buf,
				      struct name name,
				      struct ext2_dir_entry **before)
{
	unsigned length;
	size_t at = 0;

	*before = NULL;
	for (; at < e->block_size; at += length) {
		struct ext2_dir_entry *d = entry_at(e, buf, at, &length);

		if (!d)
			return NULL;
		if (d->inode &&
		    (size_t)ext2fs_dirent_name_len(d) == name.length &&
		    !memcmp(d->name, name.text, name.length))
			return d;
		*before = d;
	}
	return NULL;
}

/* Find the entry's block, read into buf. */
static int find_block(struct ext4_node *dir, struct ext4_dent *d, char *buf,
		      blk64_t *disk, struct ext2_dir_entry **at,
		      struct ext2_dir_entry **before)
{
	uint64_t n = dir->node.size / dir->fs->block_size;
	struct name name = {d->name, d->length};

	for (uint64_t i = 0; i <= n; i++) {
		/* first where it was seen, then all of them */
		uint64_t block = i ? i - 1 : d->block;
		int err = block < n ? read_block(dir, block, buf, disk) : 0;

		if (err)
			return err;
		*at = block < n ? find_in(dir->fs, buf, name, before) : NULL;
		if (*at) {
			d->block = block;
			return 0;
		}
	}
	return -EUCLEAN;
}

int ext4_dir_remove(struct ext4_node *dir, struct ext4_dent *d)
{
	struct ext4 *e = dir->fs;
	struct ext2_dir_entry *at, *before;
	char *buf = heap_alloc(e->block_size);
	blk64_t disk;
	int err = buf ? find_block(dir, d, buf, &disk, &at, &before) : -ENOMEM;

	if (!err) {
		unsigned length, more;

		if (before && !ext2fs_get_rec_len(e->fs, at, &length) &&
		    !ext2fs_get_rec_len(e->fs, before, &more))
			ext2fs_set_rec_len(e->fs, length + more, before);
		else
			at->inode = 0;
		err = write_block(dir, buf, disk);
	}
	heap_free(buf);
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
	struct ext4 *e = dir->fs;
	struct ext2_dir_entry *at, *before;
	char *buf = heap_alloc(e->block_size);
	blk64_t disk;
	int err = buf ? find_block(dir, d, buf, &disk, &at, &before) : -ENOMEM;

	if (!err) {
		fill(e, at, (struct name){d->name, d->length}, ino, mode);
		err = write_block(dir, buf, disk);
	}
	heap_free(buf);
	if (err)
		return err;
	d->ino = ino;
	d->type = type_of(mode);
	node_modified(&dir->node);
	ext4_node_dirty(dir, true);
	return 0;
}

int ext4_dir_set_up(struct ext4_node *dir, ext2_ino_t ino)
{
	struct ext4 *e = dir->fs;
	struct ext2_dir_entry *d, *before;
	char *buf = heap_alloc(e->block_size);
	blk64_t disk;
	int err = buf ? read_block(dir, 0, buf, &disk) : -ENOMEM;

	if (!err) {
		d = find_in(e, buf, (struct name){"..", 2}, &before);
		err = d ? 0 : -EUCLEAN;
		if (d) {
			d->inode = ino;
			err = write_block(dir, buf, disk);
		}
	}
	heap_free(buf);
	return err;
}
