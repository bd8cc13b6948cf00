/* SPDX-License-Identifier: ISC */
/*
 * Consoles: console 0, which `xl console` shows, and further named ones
 * (xl: channel=["name=..."]).
 *
 * Output goes into a buffer (boot parameter `console-buffer`) that drains as
 * the other side reads. When the buffer is full a writer waits, but not longer
 * than `console-wait` in all until the other side reads again; after that what
 * finds no room is dropped and counted. A line feed is sent as CR LF.
 */
#ifndef FATA_CONSOLE_H
#define FATA_CONSOLE_H

#include <fata/base.h>
#include <fata/event.h>

FATA_BEGIN

struct console;

/* The console that stdin, stdout, stderr and the log use. Borrowed. */
struct console *console_main(void);

/*
 * The console whose xenstore key `name` is this; waits for it to appear until
 * the deadline. *c stays valid for ever. Returns 0, -ETIMEDOUT, -ECANCELED,
 * -ENOMEM, -ENODEV (no xenstore) or -EIO (its backend misbehaved). Can block.
 */
int console_open(const char *name, struct console **c, uint64_t deadline);

/*
 * Write n bytes. Returns n, also when some were dropped (see console_stat),
 * or -ECANCELED. Can block for at most `console-wait`.
 */
ssize_t console_write(struct console *c, const void *data, size_t n);

/*
 * Read at least 1 and at most n bytes as they come. Returns the count,
 * -ETIMEDOUT, -ECANCELED, or -EIO when the other side broke the ring.
 * Can block.
 */
ssize_t console_read(struct console *c, void *data, size_t n,
		     uint64_t deadline);

/*
 * Read one line into n bytes, without its CR or LF, ended by NUL; a longer
 * line is cut and its rest dropped. The input is echoed and can be edited
 * (backspace, ^U). Returns its length, -ETIMEDOUT, -ECANCELED, -EIO.
 * Can block.
 */
ssize_t console_read_line(struct console *c, char *line, size_t n,
			  uint64_t deadline);

/* Signalled when there is something to read. */
struct event *console_readable(struct console *c);

/* Wait until all has been taken. 0, -ETIMEDOUT or -ECANCELED. Can block. */
int console_flush(struct console *c, uint64_t deadline);

/* Bytes since the start. */
struct console_stat {
	uint64_t written, dropped, read;
	bool broken; /* the other side broke the ring; output is dropped */
};

/* Fill *s with the figures of this moment. Does not block. */
void console_stat(struct console *c, struct console_stat *s);

FATA_END
#endif
