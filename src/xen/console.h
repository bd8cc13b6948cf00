/* SPDX-License-Identifier: ISC */
/*
 * The inside of the consoles: making them, feeding them from the log and from
 * a panic. fata/console.h is what programs see.
 */
#ifndef FATA_XEN_CONSOLE_H
#define FATA_XEN_CONSOLE_H

#include <core/console.h>
#include <fata/xen/evtchn.h>
#include <xen/xen.h>
#include <xen/io/console.h>
#include <xen/byte_ring.h>

/*
 * Input that was taken from the ring and not read yet: ordinarily as much as
 * the ring holds, and as much again when the ring is about to go.
 */
#define CONSOLE_AHEAD 1024
#define CONSOLE_INPUT 2048

struct console {
	bool to_xen; /* no rings: Xen's own console */
	struct evtchn evtchn;
	struct byte_ring out, in;
	uint32_t taken; /* how far the reader was at our last look */
	char *buffer; /* output that found no room on the ring */
	uint32_t buffer_size, head, used;
	uint64_t patience; /* ns that writers may still wait for the reader */
	char input[CONSOLE_INPUT];
	uint32_t input_head, input_used;
	struct console_line line;
	struct event readable, writable;
	struct console_stat stat;
};

/*
 * Start the main console on the ring and port that the toolstack made, or on
 * Xen's own console where there is none (a dom0). 0, -ENOMEM.
 */
int console_init(void);

/*
 * The toolstack's ring is another one after a resume: console_suspend, which
 * can block, leaves nothing on the old one.
 */
void console_suspend(void);
void console_resume(void);

/* Start c on this ring; the channel is bound by the caller. 0, -ENOMEM. */
int console_start(struct console *c, struct xencons_interface *ring);

/* c has lost its ring: broken until console_start. */
void console_stop(struct console *c);

/*
 * c will lose its ring: wait for its reader, for `console-wait` at most, and
 * take all input. Can block.
 */
void console_leave(struct console *c);

/* Queue as much text as fits; how many bytes that was. Never blocks. */
size_t console_queue(struct console *c, const char *text, size_t n);

/* Move on what is queued; has the reader taken all of it? Never blocks. */
bool console_drained(struct console *c);

/* Queue text; what finds no room is counted. Never blocks. */
void console_put(struct console *c, const char *text, size_t n);

/* A panic's text, on Xen's console and on the ring; bounded in time. */
void console_emergency(const char *text, size_t n);

/*
 * Without the loop: wait until the main console's reader has all, as long as
 * it takes something at least every ns. For the last moments of the guest.
 */
void console_settle(uint64_t ns);

#endif
