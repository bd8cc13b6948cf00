/* SPDX-License-Identifier: ISC */
/*
 * The balloon: memory that is given back to Xen while the toolstack wants the
 * guest to be smaller than it could be (`xl mem-set`, or `maxmem` larger than
 * `memory`). It works by itself; this header only shows it.
 *
 * A guest with maxmem > memory starts with addresses for all of maxmem, but
 * with less memory behind them ("populate on demand"): touching more than
 * there is ends it. So the balloon takes the difference before the program
 * starts. Boot parameter `balloon-reserve` is what it leaves free in any case,
 * so a target below what the program uses is not reached.
 *
 * Source: xen/include/public/memory.h; Xen's docs/misc/xenstore-paths.pandoc
 * (memory/target, memory/static-max).
 */
#ifndef FATA_XEN_BALLOON_H
#define FATA_XEN_BALLOON_H

#include <fata/event.h>

FATA_BEGIN

/* What has become of memory since the start. */
struct balloon_stat {
	uint64_t held;	/* pages given back to Xen now */
	size_t wanted;	/* pages that the toolstack wants back */
	size_t largest; /* the most that were ever held */
	uint64_t taken, returned; /* pages since the start */
	uint64_t short_of; /* times that we had no page to give */
	uint64_t refused;  /* times that Xen had no page for us */
};

/* Fill *s with it. Does not block. */
void balloon_stat(struct balloon_stat *s);

/* Signalled at each change of `held` or `wanted`. */
struct event *balloon_changed(void);

FATA_END
#endif
