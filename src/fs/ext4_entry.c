/* SPDX-License-Identifier: ISC */
/*
 * ext4: directories as they are on the disk: blocks of entries, each with a
 * length, so that one that is removed becomes part of the one before it. In a
 * directory with an index (htree) libext2fs adds entries, and may move others
 * when it splits a block.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/ext4.h>
#include <string.h>

/* Block i of a directory; *disk: where it lies. */
int ext4_entries_read(struct ext4_node *dir, uint64_t i, char *buf,
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
struct ext2_dir_entry *ext4_entry_at(const struct ext4 *e, char *buf, size_t at,
				     unsigned *length)
{
	struct ext2_dir_entry *d = (void *)(buf + at);

	if (at + 8 > e->block_size || ext2fs_get_rec_len(e->fs, d, length) ||
	    *length < 8 || *length % 4 || *length > e->block_size - at ||
	    (unsigned)ext2fs_dirent_name_len(d) + 8 > *length)
		return NULL;
	return d;
}

/* --- adding --------------------------------------------------------------- */

uint8_t ext4_entry_type(mode_t mode)
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
		ext2fs_dirent_set_file_type(d, ext4_entry_type(mode));
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
		struct ext2_dir_entry *d = ext4_entry_at(e, buf, at, &length);
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
		err = ext4_entries_read(dir, i, buf, &disk);
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
		ext2fs_link(e->fs, dir->ino, text, ino, ext4_entry_type(mode)));
	return err ? err : note_growth(dir, dir->node.size);
}

int ext4_entry_add(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		   mode_t mode, uint64_t *block)
{
	struct ext4 *e = dir->fs;
	struct ext2_inode i;
	int err = ext4_error(ext2fs_read_inode(e->fs, dir->ino, &i));

	*block = 0;
	if (err)
		return err;
	return i.i_flags & EXT2_INDEX_FL
		       ? add_indexed(dir, name, ino, mode)
		       : add_linear(dir, name, ino, mode, block);
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
		struct ext2_dir_entry *d = ext4_entry_at(e, buf, at, &length);

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
		int err = block < n ? ext4_entries_read(dir, block, buf, disk)
				    : 0;

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

int ext4_entry_remove(struct ext4_node *dir, struct ext4_dent *d)
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
	return err;
}

int ext4_entry_set(struct ext4_node *dir, struct ext4_dent *d, ext2_ino_t ino,
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
	return err;
}

int ext4_dir_set_up(struct ext4_node *dir, ext2_ino_t ino)
{
	struct ext4 *e = dir->fs;
	struct ext2_dir_entry *d, *before;
	char *buf = heap_alloc(e->block_size);
	blk64_t disk;
	int err = buf ? ext4_entries_read(dir, 0, buf, &disk) : -ENOMEM;

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
