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

/* Input that was taken from the ring and not read yet. */
#define CONSOLE_INPUT 1024

struct console {
	struct xencons_interface *ring; /* NULL: Xen's own console */
	struct evtchn evtchn;
	/*
	 * Our indices are private: the copies on the ring are only written.
	 * 32 bits, free running.
	 */
	uint32_t out_prod, out_cons, in_cons;
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

/* The toolstack's ring is another one after a resume. */
void console_resume(void);

/* Start c on this ring; the channel is bound by the caller. 0, -ENOMEM. */
int console_start(struct console *c, struct xencons_interface *ring);

/*
 * c has lost its ring: broken until console_start. `nowhere` takes the ring's
 * place and is not touched.
 */
void console_stop(struct console *c, struct xencons_interface *nowhere);

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
