/* SPDX-License-Identifier: ISC */
/*
 * One request of one task: send, park, take the answer; the base of all that
 * fata/xen/xs.h offers.
 *
 * Interface: a call is heap memory. When its task stops waiting (deadline,
 * cancellation) before the answer, the call stays behind, is answered, and
 * frees itself; a transaction that was begun this way is ended again.
 */
#ifndef FATA_XEN_XS_CALL_H
#define FATA_XEN_XS_CALL_H

#include "xen/xs_conn.h"

struct xs_part {
	const void *data;
	size_t size;
};

#define XS_TEXT(s)                                                             \
	{                                                                      \
		(s), strlen(s) + 1                                             \
	}

/* An answer: heap memory with a NUL behind it. */
struct xs_reply {
	char *text;
	size_t size;
	uint32_t connection; /* xs_connection() when it came */
};

/*
 * Send the n parts as one request of this type and wait. reply may be NULL
 * when the answer does not matter beyond its success.
 */
int xs_talk(uint32_t type, const struct xs_transaction *t,
	    const struct xs_part *parts, unsigned int n, struct xs_reply *reply,
	    uint64_t deadline);

/* The same for one string. */
int xs_talk_text(uint32_t type, const struct xs_transaction *t,
		 const char *text, struct xs_reply *reply, uint64_t deadline);

/* The same for one path, which is checked first. */
int xs_talk_path(uint32_t type, const struct xs_transaction *t,
		 const char *path, struct xs_reply *reply, uint64_t deadline);

#endif
