/* SPDX-License-Identifier: ISC */
/* What the readers of a topology's statements share (sim_topo.h). */
#ifndef TOOL_SIM_TOPO_INT_H
#define TOOL_SIM_TOPO_INT_H

#include "sim_topo.h"

#include <string.h>

struct reader {
	struct topology *t;
	struct topo_place at;
	struct strv w;              /* the line's words */
	const char *line;           /* as it stands there */
	struct sim_options options; /* for links, as `default` set them */
	const struct strv *cc;
	char *folder; /* programs are looked for from there */
};

/* One more of an array that grows. */
#define GROW(array, n)                                                         \
	((array) = xrealloc(array, ((n) + 1) * sizeof(*(array))),              \
	 memset(&(array)[n], 0, sizeof(*(array))), &(array)[(n)++])

/* --- sim_topo.c ---------------------------------------------------------- */

/* The number of the node of this name. */
int topo_find_node(struct reader *r, const char *name, unsigned *n);

/* --- sim_topo_link.c ----------------------------------------------------- */

/* link LIST LIST [OPTIONS], default OPTIONS */
int topo_link(struct reader *r);
int topo_default(struct reader *r);

/* Is it a link between these nodes? */
bool topo_joins(const struct topo_link *l, unsigned a, unsigned b);

/*
 * The two lists of a link's line, from word `at` on: as long as each other, or
 * one of them a single name that goes with each of the other.
 */
int topo_pairs(struct reader *r, size_t at, struct strv *a, struct strv *b);

/* Options, from this word to the line's end. */
int topo_options(struct reader *r, size_t from, struct sim_options *o);

/* --- sim_event.c --------------------------------------------------------- */

/* at TIME ACTION ... */
int topo_event(struct reader *r);

#endif
