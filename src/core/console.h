/* SPDX-License-Identifier: ISC */
/* What reading lines (console_line.c) keeps in every platform's console. */
#ifndef FATA_CORE_CONSOLE_H
#define FATA_CORE_CONSOLE_H

#include <fata/console.h>
#include <fata/event.h>

struct console_line {
	bool after_cr; /* the last line ended with a CR: skip an LF */
	bool silent;   /* the other side echoes and edits by itself */
};

/*
 * A writer waits for room. All writers of a console have `patience` ns together
 * until somebody reads; what was waited is taken off. 0 or -ECANCELED.
 */
int console_await_room(struct event *writable, uint64_t *patience);

/* The platform's: where c has it. */
struct console_line *console_line(struct console *c);

#endif
