/* SPDX-License-Identifier: ISC */
/*
 * `fata run --forward`: ports of this machine that lead to a guest in the lab,
 * for as long as it runs.
 */
#ifndef TOOL_FORWARD_H
#define TOOL_FORWARD_H

#include <stddef.h>

#define FORWARDS_MAX 16

struct forwards {
	struct forward {
		int port;	     /* here, on 127.0.0.1 */
		const char *address; /* the guest's; NULL: as its --ip says */
		int guest_port;
	} v[FORWARDS_MAX];
	size_t n;    /* asked for */
	size_t open; /* in force */
};

/* "PORT:GUEST-PORT" or "PORT:ADDRESS:GUEST-PORT"; 0 or EXIT_USAGE. */
int forward_take(struct forwards *f, const char *value);

/*
 * Finds out the guest's address from its words where none was given. 0, or an
 * exit status after saying what is missing.
 */
int forward_resolve(struct forwards *f, char *const *words);

/* Opens all, or none: 0 or a negative errno after saying why. */
int forward_open(struct forwards *f);
void forward_close(struct forwards *f);

#endif
