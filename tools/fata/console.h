/* SPDX-License-Identifier: ISC */
/*
 * A guest's console on its way to stdout: carriage returns before a newline
 * are taken out, and the lines are watched for what the guest says of its end.
 */
#ifndef TOOL_CONSOLE_H
#define TOOL_CONSOLE_H

#include "tool.h"

struct console {
	char line[256]; /* the last bytes of the current line */
	size_t n;
	unsigned returns; /* carriage returns held back */
	bool has_status;  /* "fata: exit status N" was seen, the last N: */
	int status;
	bool panic;  /* "fata: panic: ..." was seen */
	bool broken; /* stdout is gone */
};

/* Bytes that the guest wrote. */
void console_take(struct console *c, const char *data, size_t n);

/* The console has ended. */
void console_end(struct console *c);

#endif
