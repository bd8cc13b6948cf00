/* SPDX-License-Identifier: ISC */
/*
 * Disks: reads, writes, flushes and discards of whole sectors, waited for by a
 * task or done meanwhile. A disk of Xen (vbd), a disk in memory and a boot
 * module are used in the same way.
 *
 * Offsets and sizes are bytes and multiples of the disk's sector size. Memory
 * needs no alignment and may be in any number of pieces. Nothing is copied if
 * it comes from block_buffer_alloc and its pieces begin and end at a multiple
 * of the sector size; else it is copied once.
 *
 * Requests under way together have no order among each other. What a write
 * stored survives the loss of power once a flush that was started after the
 * write's end has ended without error.
 *
 * While a disk's backend is gone for a time (restart, migration, resume)
 * requests wait and are done afterwards, each exactly once as far as the
 * caller can see; a deadline is the caller's way out. When the disk is broken
 * for some seconds they end with -EIO, when it is unplugged with -ENODEV.
 *
 * Source: xen/include/public/io/blkif.h.
 */
#ifndef FATA_BLOCK_H
#define FATA_BLOCK_H

#include <fata/base.h>
#include <fata/event.h>
#include <sys/uio.h>

FATA_BEGIN

/* A disk of any kind. */
struct block;

/*
 * The disk that the image calls by this name (FATA_BLOCK): its first is xvda,
 * its second xvdb, and so on. Or any by its Linux name ("xvdb", "xvdb3", "hdc",
 * "sda") or its number in xenstore ("51728"). Waits until it is connected. The
 * pointer stays valid for ever, also while the disk is unplugged; one with the
 * same number that is plugged in later takes its place. Returns 0, -ENOENT (no
 * such name), -ENODEV (no xenstore, or unplugged meanwhile), -EIO (broken),
 * -ETIMEDOUT, -ECANCELED, -ENOMEM. Can block.
 */
int block_open(const char *name, struct block **b, uint64_t deadline);

/*
 * A disk of `size` bytes of memory, zeroed, with sectors of 512 bytes. 0,
 * -EINVAL (no multiple of 512, or 0) or -ENOMEM. Does not block.
 */
int block_open_ram(size_t size, struct block **b);

/*
 * Boot module n (boot.h) as a disk; what is written changes the module's
 * memory. A last sector that is not whole is left out. 0, -ENOENT, -ENOMEM.
 */
int block_open_module(unsigned n, struct block **b);

/* Free a disk in memory on which nothing is under way. Xen's stay. */
void block_close(struct block *b);

/* What a disk is. Everything may change when it is connected anew. */
struct block_info {
	uint64_t size;	   /* bytes; also changes while the disk is up */
	uint32_t sector;   /* 512, 1024, 2048 or 4096 bytes */
	uint32_t physical; /* what the disk writes at once, where it says so */
	bool up;	   /* connected */
	bool readonly, removable, cdrom;
	bool flush; /* has a cache: block_flush does something */
	bool discard, discard_secure;
	uint32_t discard_granularity, discard_alignment; /* bytes; hints */
};

/* What it is now, copied. Does not block. */
void block_info(struct block *b, struct block_info *info);

/* Signalled when a field of block_info changes. */
struct event *block_changed(struct block *b);

/* --- waited for --------------------------------------------------------- */

/*
 * Read or write. 0; -EINVAL (no multiple of the sector size), -ERANGE (beyond
 * the end), -EROFS, -EIO (the backend could not, or is broken), -ENODEV,
 * -ETIMEDOUT or -ECANCELED: it may have been done in whole, in part or not at
 * all, and the memory is not touched any more (but for memory from
 * block_buffer_alloc: a read may still write there). Can block.
 */
int block_read(struct block *b, uint64_t offset, void *memory, size_t size,
	       uint64_t deadline);
/* The same, from memory to the disk. */
int block_write(struct block *b, uint64_t offset, const void *memory,
		size_t size, uint64_t deadline);
/* The same with memory in n pieces of any size and alignment. */
int block_readv(struct block *b, uint64_t offset, const struct iovec *v,
		unsigned n, uint64_t deadline);
/* Likewise. */
int block_writev(struct block *b, uint64_t offset, const struct iovec *v,
		 unsigned n, uint64_t deadline);

/*
 * Make all writes that have ended durable. 0 at once when the disk has no
 * cache; -EOPNOTSUPP when it says that it has one but refuses. Others as
 * above. Can block.
 */
int block_flush(struct block *b, uint64_t deadline);

/*
 * The contents of this range are no longer needed; what it reads as afterwards
 * is not defined. `secure`: all copies are gone for good. -EOPNOTSUPP when the
 * disk cannot. Others as above. Can block.
 */
int block_discard(struct block *b, uint64_t offset, uint64_t size, bool secure,
		  uint64_t deadline);

/* --- done meanwhile ----------------------------------------------------- */

/* What a request asks for; each as the call above that has its name. */
enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_DISCARD,
	BLOCK_DISCARD_SECURE,
};

/*
 * A request, in the caller's memory. It, its vector and the memory must stay
 * in place from block_submit until it has ended. Zero it, then fill in the
 * first part. As many as one likes may be under way; what does not fit on the
 * ring waits, and neighbours are joined then.
 */
struct block_request {
	enum block_op op;
	uint64_t offset;
	uint64_t size; /* of a discard; else the vector's */
	const struct iovec *vec;
	unsigned count;
	/* (may be NULL) called when it has ended; must not block */
	void (*fn)(struct block_request *r);
	void *arg; /* fn's */

	int status;	   /* -EINPROGRESS, then the outcome as above */
	struct event done; /* signalled once, at the end */

	/* private: */
	struct block *block;
	void *link[2];
	uint64_t issued;
	size_t at_byte;
	unsigned at_vec, parts;
	int error;
	bool alone;
};

/*
 * Start r. Returns 0, and then it ends once; or, as above, -EINVAL, -ERANGE,
 * -EROFS, -EOPNOTSUPP, -EIO, -ENODEV, and then it has not been started. Does
 * not block. Submit many in succession: they reach the backend together.
 */
int block_submit(struct block *b, struct block_request *r);

/*
 * Wait until r has ended. Returns its status; or -ETIMEDOUT or -ECANCELED,
 * with r->status still -EINPROGRESS. Can block.
 */
int block_wait(struct block_request *r, uint64_t deadline);

/*
 * Let go of r: if it has not ended, its status is -ECANCELED now, neither is
 * fn called nor `done` signalled, and the request may be freed. See block_read
 * for what has happened then. Does not block.
 */
void block_cancel(struct block_request *r);

/* --- memory ------------------------------------------------------------- */

/*
 * Zeroed memory for requests to this disk, page-aligned, that the backend can
 * reach as long as it is not freed: nothing secret belongs there. NULL: memory
 * is short. Free it with the same size; requests that still use it, because
 * they were given up, keep it until they have ended. Do not block.
 */
void *block_buffer_alloc(struct block *b, size_t size);
/* memory may be NULL. */
void block_buffer_free(struct block *b, void *memory, size_t size);

/* Figures since the start. */
struct block_stat {
	uint64_t reads, read_bytes;   /* requests that ended well */
	uint64_t writes, write_bytes; /* likewise */
	uint64_t flushes, discards, errors;
	uint64_t issued;	       /* requests on the ring */
	uint64_t joined;	       /* requests that came with another */
	uint64_t copied;	       /* bytes */
	uint64_t again;		       /* done anew after a reconnection */
	uint64_t notified, interrupts; /* events sent and received */
	uint64_t connects;
};

/* The figures now, copied. Does not block. */
void block_stat(struct block *b, struct block_stat *s);

FATA_END
#endif
