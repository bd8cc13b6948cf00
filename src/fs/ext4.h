/* SPDX-License-Identifier: ISC */
/*
 * ext4 through libext2fs, the inside.
 *
 *     ext4.c          mount, unmount
 *     ext4_task.c     the task that libext2fs runs on
 *     ext4_look.c     names looked up and listed
 *     ext4_names.c    changes of names; ext4_new.c: new inodes
 *     ext4_dir.c      directories in memory; ext4_entry.c: on the disk
 *     ext4_node.c     nodes; ext4_orphan.c: those without a name
 *     ext4_inode.c    inodes, from the disk and back
 *     ext4_file.c     the operations on contents; ext4_sync.c: durability
 *     ext4_pages.c    pages and their places; ext4_place.c: places
 *          |  libext2fs: extents, bitmaps, hashed directories, checksums
 *     ext4_bitmap.c   bitmaps, on their way to the disk
 *     ext4_buf.c      blocks of metadata; ext4_io.c: libext2fs's way to them
 *     ext4_journal.c  the journal: where it is, its superblock
 *     ext4_log.c      transactions, checkpoints (jbd2's format)
 *     ext4_replay.c   the journal at mount
 *          |
 *     fata/block.h
 *
 * One task for each mounted file system runs all of libext2fs, one job after
 * another (ext4_call). So the library needs no locks, has a deep stack of its
 * own and may use the FPU, and a transaction never ends within an operation.
 * What is found in memory (names that were looked up before, pages, places of
 * blocks) needs no job.
 *
 * Blocks that libext2fs writes stay in memory until a commit has put them into
 * the journal. Data go to their places directly, before the commit that makes
 * them reachable (as data=ordered on Linux). A block that was freed is not used
 * again before the commit of its freeing.
 */
#ifndef FATA_FS_EXT4_H
#define FATA_FS_EXT4_H

#include <core/wait.h>
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>
#include <fata/block.h>
#include <fs/cache.h>
#include <fs/node.h>

struct ext4;

/* A block of metadata. */
struct ext4_buf {
	struct list hash, queue; /* queue: clean, dirty, logged or revoked */
	uint64_t block;
	bool dirty;  /* changed in the running transaction */
	bool logged; /* committed; not yet at its place on the disk */
	unsigned char data[];
};

/* A run of a file's blocks, or a hole. */
struct ext4_run {
	uint64_t at, length, disk; /* in blocks; disk 0: nothing is there */
	bool unwritten;            /* has a place, but reads as zeroes */
};

#define EXT4_RUNS 4

struct ext4_node {
	struct node node;
	struct cached cached;
	struct mutex lock; /* who writes or cuts */
	struct ext4 *fs;
	ext2_ino_t ino;
	struct list hash, idle; /* idle: nobody holds it */
	struct list dirty;      /* its inode is to be written */
	struct ext4_dir *dir;   /* of a directory that was read */
	char *target;
	uint64_t disk_size; /* as far as the pages have places */
	uint64_t space;     /* bytes of blocks */
	uint64_t tid;       /* the last transaction that it needs */
	uint64_t data_tid;  /* the last one that its data need */
	struct ext4_run runs[EXT4_RUNS];
	unsigned next_run, round; /* round: of ext4_write_all */
	bool orphan;
	struct list orphans;
	ext2_ino_t next_orphan;
};

struct ext4_journal {
	bool there;
	struct ext4_run *map; /* of the journal's blocks */
	unsigned n_map;
	uint32_t first, end, head; /* the ring [first, end); the next block */
	uint32_t used;             /* of it, since the last checkpoint */
	uint32_t sequence;         /* of the running transaction */
	uint32_t seed;
	bool checksums, wide;
	unsigned char *super; /* a block */
};

/* Blocks freed in the running transaction. */
struct ext4_held {
	uint64_t block, length;
};

struct ext4 {
	struct block *disk;
	const char *name;
	ext2_filsys fs;
	unsigned block_size, device;
	uint64_t disk_size;
	bool read_only, aborted, unflushed;

	struct task *task;
	struct list jobs;
	struct event work;
	bool stop;

	struct list *bufs; /* hash table */
	struct list clean, dirty, logged, revoked;
	unsigned n_bufs, n_dirty, n_revoked;
	struct ext4_journal journal;
	uint64_t tid; /* of the running transaction */

	struct list *nodes; /* hash table */
	struct list idle, dirty_nodes, orphans;
	unsigned n_idle, n_nodes, n_dirty_nodes, round;
	struct ext4_node *root;

	struct ext4_held *held;
	unsigned n_held, room_held;
	uint64_t held_blocks;
	unsigned char *groups_dirty; /* a bit a group: its bitmaps */
	unsigned under_way;          /* writes of data */
	struct sync_queue drained;
	uint64_t promised; /* dirty pages' blocks that may need places */
};

/* Run fn on the file system's task; its result. Waits without end. */
int ext4_call(struct ext4 *e, int (*fn)(struct ext4 *e, void *arg), void *arg);

/* Of libext2fs; 0 stays 0. */
int ext4_error(errcode_t err);

/* The file system is broken, or the disk: read-only from now on. Returns err.
 */
int ext4_abort(struct ext4 *e, int err, const char *what);

/* 0, -EROFS. */
int ext4_writable(const struct ext4 *e);

static inline struct ext4_node *ext4_of(struct node *n)
{
	return (struct ext4_node *)(void *)n;
}

int ext4_unmount(struct node *root);

/* The task: start it, 0 or an error; end it, when no job will come any more. */
int ext4_task_start(struct ext4 *e);
void ext4_task_end(struct ext4 *e);

/* --- bitmaps (ext4_bitmap.c); on the task --------------------------------- */

/* From now on, note what libext2fs takes and frees. */
int ext4_bitmaps_start(struct ext4 *e);

/* The group whose bitmaps change with this block or inode. */
void ext4_group_dirty(struct ext4 *e, unsigned group);

/* Blocks freed by what was committed just now may be used again. */
void ext4_bitmaps_committed(struct ext4 *e);

/* --- buffers (ext4_buf.c); on the task ------------------------------------ */

/* libext2fs's way to them (ext4_io.c). */
extern struct struct_io_manager ext4_io;

/* Whose disk ext4_io opens: ext2fs_open passes a name only. */
extern struct ext4 *ext4_opening;

int ext4_bufs_init(struct ext4 *e);
void ext4_bufs_free(struct ext4 *e);

/* Read or write bytes of the disk through the buffers. */
int ext4_buf_read(struct ext4 *e, uint64_t at, size_t n, void *p);
int ext4_buf_write(struct ext4 *e, uint64_t at, size_t n, const void *p);

/* This block is free now: nothing of it is to be written any more. */
void ext4_buf_freed(struct ext4 *e, uint64_t block);

/* The commit is done: what is dirty is logged, what is revoked is gone. */
void ext4_bufs_committed(struct ext4 *e);

/* Write all of one queue to their places; then they are clean. */
int ext4_bufs_home(struct ext4 *e, struct list *queue);

/* --- journal (ext4_journal.c, _log.c, _replay.c); on the task ------------- */

/* Find the journal, replay it if need be and may be. */
int ext4_journal_load(struct ext4 *e, bool *replayed);
void ext4_journal_free(struct ext4 *e);

/* Position i of the journal on the disk, in bytes. */
uint64_t ext4_journal_at(const struct ext4_journal *j, unsigned block_size,
			 uint32_t i);

/* Bring what was committed to its place; the log is empty then. */
int ext4_replay(struct ext4 *e);

/* Start to write: features, an empty log. */
int ext4_journal_start(struct ext4 *e);

/* The running transaction to the disk, durable. */
int ext4_commit(struct ext4 *e);

/*
 * Commit if the running transaction has grown so large that the journal might
 * not hold it much longer; between operations. The first is for the task only.
 */
void ext4_bound(struct ext4 *e);
void ext4_bound_soon(struct ext4 *e);

/* Everything committed to its place, the log empty. */
int ext4_checkpoint(struct ext4 *e);

/* The journal's superblock as in memory, with its checksum, to the disk. */
int ext4_journal_write_super(struct ext4 *e);

/* --- nodes (ext4_node.c, ext4_inode.c) ------------------------------------ */

extern const struct node_ops ext4_ops;
extern const struct cached_ops ext4_cached;

/* The node of an inode with a reference, in memory, or NULL. */
struct ext4_node *ext4_node_find(struct ext4 *e, ext2_ino_t ino);

/* The same, read if need be; on the task. */
int ext4_node_load(struct ext4 *e, ext2_ino_t ino, struct ext4_node **out);

/* The same of an inode that has no name. */
int ext4_node_load_nameless(struct ext4 *e, ext2_ino_t ino,
			    struct ext4_node **out);

/* A node for a new inode that has just been written; on the task. */
int ext4_node_new(struct ext4 *e, ext2_ino_t ino, struct ext4_node **out);

void ext4_node_release(struct node *n);

/* Its inode is to be written by the next commit. `data`: needed by its data. */
void ext4_node_dirty(struct ext4_node *n, bool data);

/* It has been written, or will never be. */
void ext4_node_clean(struct ext4_node *n);

/* Write all inodes that are to be; on the task. */
int ext4_nodes_write(struct ext4 *e);

/* Read the fields that libext2fs changes itself; on the task. */
int ext4_node_refresh(struct ext4_node *n);

/* Take the fields from an inode; -EUCLEAN, -EOPNOTSUPP. On the task. */
int ext4_inode_fill(struct ext4_node *n, struct ext2_inode_large *i);

/* The inode as it is on the disk; on the task. */
int ext4_inode_read(struct ext4 *e, ext2_ino_t ino, struct ext2_inode_large *i);

/* --- without a name (ext4_orphan.c); on the task -------------------------- */

/* It has lost its last name. */
void ext4_orphan_add(struct ext4_node *n);

/* Its last user has gone, too: free what it takes. */
int ext4_orphan_delete(struct ext4 *e, struct ext4_node *n);

/* At mount: free all that were held when the power went. */
int ext4_orphans_clean(struct ext4 *e);

/* --- new inodes (ext4_new.c); on the task --------------------------------- */

/* Is there room for an inode, its first block, and an entry? -ENOSPC. */
int ext4_new_space(struct ext4 *e);

/* In this directory's group, if it can be; without a name so far. */
int ext4_new_inode(struct ext4 *e, ext2_ino_t dir, const struct node_new *what,
		   ext2_ino_t *ino);

/* Forget all nodes; -EBUSY when one is held beside the root (by one). */
int ext4_nodes_end(struct ext4 *e);

/* --- directories in memory (ext4_dir.c); on the task -----------------------
 */

struct ext4_dent {
	struct list link;
	struct ext4_dent *chain;
	uint64_t cookie, block; /* block: of the directory, to look first */
	uint32_t hash;
	ext2_ino_t ino;
	uint8_t type, length;
	char name[];
};

struct ext4_dir {
	struct list entries;
	struct ext4_dent **table, *last;
	size_t n_table, n;
	uint64_t cookie;
	uint64_t room; /* the first block that may have room */
};

/* Read the directory, if that has not been done. */
int ext4_dir_load(struct ext4_node *dir);
void ext4_dir_free(struct ext4_node *dir);

/* Of a directory that was read; anywhere. */
struct ext4_dent *ext4_dir_find(struct ext4_node *dir, struct name name);

int ext4_dir_add(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		 mode_t mode);
int ext4_dir_remove(struct ext4_node *dir, struct ext4_dent *d);

/* Let an entry, or .. of a directory, name another inode. */
int ext4_dir_set(struct ext4_node *dir, struct ext4_dent *d, ext2_ino_t ino,
		 mode_t mode);
int ext4_dir_set_up(struct ext4_node *dir, ext2_ino_t ino);

/* --- looking (ext4_look.c) ------------------------------------------------ */

int ext4_lookup(struct node *dir, struct name name, struct node **out);
int ext4_empty(struct node *dir);
int ext4_list(struct node *dir, struct dirent_sink *sink, uint64_t *pos);

/* A directory has one parent, which stays as long as it is known. */
int ext4_set_parent(struct ext4_node *n, struct ext4_node *dir);

/* --- and on the disk (ext4_entry.c); on the task -------------------------- */

/* Block i of a directory; *disk: where it lies. */
int ext4_entries_read(struct ext4_node *dir, uint64_t i, char *buf,
		      blk64_t *disk);

/* The entry at this offset, or NULL: at the end, or what is there is broken. */
struct ext2_dir_entry *ext4_entry_at(const struct ext4 *e, char *buf, size_t at,
				     unsigned *length);

/* The type that an entry says of a node. */
uint8_t ext4_entry_type(mode_t mode);

/* *block: where it is, if that is known; else 0, to be searched for. */
int ext4_entry_add(struct ext4_node *dir, struct name name, ext2_ino_t ino,
		   mode_t mode, uint64_t *block);
int ext4_entry_remove(struct ext4_node *dir, struct ext4_dent *d);
int ext4_entry_set(struct ext4_node *dir, struct ext4_dent *d, ext2_ino_t ino,
		   mode_t mode);

/* --- places (ext4_place.c); but for the first, on the task ---------------- */

/* The run at this block, if it is remembered. */
bool ext4_run_known(const struct ext4_node *n, uint64_t at,
		    struct ext4_run *run);

/* The same from the disk; a hole is `most` long at most. */
int ext4_run_find(struct ext4_node *n, uint64_t at, uint64_t most,
		  struct ext4_run *run);

/* The same with a place: given, up to this length, if it has none. */
int ext4_run_place(struct ext4_node *n, uint64_t at, uint64_t length,
		   struct ext4_run *run);

/* Give these blocks places as far as they have none; they read as zeroes. */
int ext4_run_reserve(struct ext4_node *n, uint64_t from, uint64_t to);

/* Free blocks from this one of the file on. */
int ext4_punch(struct ext4_node *n, uint64_t from);

/* --- files (ext4_file.c, ext4_sync.c) ------------------------------------- */

ssize_t ext4_read(struct node *n, void *p, size_t size, uint64_t at);
ssize_t ext4_write(struct node *n, const void *p, size_t size, uint64_t at);
int ext4_truncate(struct node *n, uint64_t size);
int ext4_reserve(struct node *n, uint64_t at, uint64_t size);
off_t ext4_seek(struct node *n, off_t at, int whence);
int ext4_sync(struct node *n, bool data);
int ext4_sync_all(struct node *n);
int ext4_statfs(struct node *n, struct statfs *s);

/* Write pages that are dirty in any file, and commit; on the task. */
int ext4_write_all(struct ext4 *e);

#endif
