/* SPDX-License-Identifier: ISC */
/*
 * Open files, and the numbers that a program knows them by.
 *
 *     fd table   0 1 2 3 ...           (fd.c)  number -> file, close-on-exec
 *                  \|/  |
 *     struct file  flags, position     (here)  shared by dup
 *                  |
 *     file_ops     what kind of file   (tty.c, pipe.c, open.c, ...)
 *
 * Interface: an operation waits for nothing but a disk (fs/node.h). One that
 * cannot go on returns -EAGAIN; the generic code (io.c) then waits for the
 * file's event, if the program did
 * not ask for O_NONBLOCK, and tries again. poll and epoll wait for the same
 * event. What an operation is passed has been checked already, except where
 * it says so.
 */
#ifndef FATA_LIBC_FILE_H
#define FATA_LIBC_FILE_H

#include <fata/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct file;
struct node;
struct dirent_sink;
struct epoll_item;

/* A missing operation is -EINVAL (read, write), -ESPIPE (seek), -ENOTTY ... */
struct file_ops {
	/*
	 * pos: where in the file; to be moved on. Files without positions
	 * ignore it. A count, 0 at the end of the file, -EAGAIN or an error.
	 */
	ssize_t (*read)(struct file *f, void *p, size_t n, uint64_t *pos);
	ssize_t (*write)(struct file *f, const void *p, size_t n,
			 uint64_t *pos);
	/* POLLIN and so on that hold now. Missing: always ready. */
	short (*poll)(struct file *f);
	/* Signalled when `poll` may say more. Missing: never changes. */
	struct event *(*event)(struct file *f);
	/* The new position, which the caller stores. */
	off_t (*seek)(struct file *f, off_t offset, int whence);
	/* arg is the program's own word: to be checked here. */
	long (*ioctl)(struct file *f, unsigned command, uint64_t arg);
	int (*stat)(struct file *f, struct stat *s);
	int (*truncate)(struct file *f, uint64_t size);
	/* Entries from *pos on, which is moved on, until the sink is full. */
	int (*list)(struct file *f, struct dirent_sink *sink, uint64_t *pos);
	/* data: fdatasync */
	int (*sync)(struct file *f, bool data);
	/* The last reference has gone. */
	void (*close)(struct file *f);
	bool seekable; /* pread and pwrite work */
	bool gathers;  /* writev is one write (up to FILE_GATHER) */
};

#define FILE_GATHER 65535

struct file {
	const struct file_ops *ops;
	unsigned refs;
	int flags; /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH, O_DIRECTORY */
	uint64_t pos;
	void *data;	   /* of the operations */
	struct node *node; /* in the name space, or NULL; owned (fs.h) */
	uint64_t timeout[2]; /* ns that read, write may wait; 0: for ever */
	struct epoll_item *watchers; /* of epoll sets (epoll.c) */
};

/* A file with one reference, the caller's; NULL without memory. */
struct file *file_new(const struct file_ops *ops, int flags, void *data);

void file_get(struct file *f);
void file_put(struct file *f);

static inline bool file_reads(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}

static inline bool file_writes(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

/* What poll reports for the file now. */
short file_poll(struct file *f);

/*
 * To be called by what could wait but has its answer at once: every so often
 * the others get their turn. A program that asks again and again would keep
 * them from ever making what it asks for.
 */
void file_turn(void);

/* When a read (write) that begins now has waited long enough. */
uint64_t file_deadline(const struct file *f, bool write);

/* Read or write, waiting as the file's flags say. As a system call's result. */
ssize_t file_read(struct file *f, void *p, size_t n, uint64_t *pos);
ssize_t file_write(struct file *f, const void *p, size_t n, uint64_t *pos);

/* --- numbers (fd.c) ------------------------------------------------------ */

/* The largest number that setrlimit allows. */
#define FD_MAX (1 << 20)

/*
 * Give f the lowest free number from `from` on; the table takes the caller's
 * reference, on an error too. The number, -EMFILE or -ENOMEM.
 */
int fd_add(struct file *f, int from, bool cloexec);

/* Put f at this number; what is there is closed. As fd_add. */
int fd_put(struct file *f, int fd, bool cloexec);

/* The file of a number with a reference for the caller, or NULL. */
struct file *fd_get(int fd);

/* Free the number. 0 or -EBADF. */
int fd_remove(int fd);

/* Close-on-exec: kept for F_GETFD only, there is no exec. -EBADF. */
int fd_cloexec(int fd);
int fd_set_cloexec(int fd, bool cloexec);

/* The lowest number that is taken, from `from` on; -EBADF: none. */
int fd_next(int from);

/* How many numbers may be in use; setrlimit(RLIMIT_NOFILE). */
unsigned fd_limit(void);
void fd_set_limit(unsigned n);

#endif
