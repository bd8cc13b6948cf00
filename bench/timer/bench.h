/* SPDX-License-Identifier: ISC */
/*
 * What both sides of the comparison implement, over the same deadlines: a
 * million timers armed, called when due, cancelled; and a hundred thousand of
 * them moved again and again, as the retransmission timers of connections are.
 */
#ifndef BENCH_TIMER_BENCH_H
#define BENCH_TIMER_BENCH_H

#include <stdint.h>

#define MANY 1000000
#define LIVE 100000
#define SPAN (1ull << 32)

struct side {
	const char *name;
	void (*start)(void);
	void (*arm)(void);    /* all MANY, at deadline[i] */
	void (*fire)(void);   /* all that are armed */
	void (*cancel)(void); /* all MANY, in the order of order[] */
	void (*move)(void);   /* MANY times one of LIVE: order[i] % LIVE */
};

extern uint64_t now;            /* all deadlines are later, by less than SPAN */
extern uint32_t deadline[MANY]; /* from now */
extern uint32_t order[MANY];
extern uint64_t calls; /* of callbacks */
extern const struct side side_fata, side_libev;

#endif
