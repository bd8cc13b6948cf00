/* SPDX-License-Identifier: ISC */
/*
 * What the sides of the comparison implement: the same operations on Fata's
 * tasks, on State Threads (cooperative, as ours), on Linux threads; and a bare
 * switch of stacks.
 */
#ifndef BENCH_TASK_BENCH_H
#define BENCH_TASK_BENCH_H

/* Each runs n operations; NULL: the side has no such thing. */
struct side {
	const char *name;
	void (*start)(void);
	void (*spawn)(unsigned n);    /* start one that ends at once, join it */
	void (*yield)(unsigned n);    /* two that give way to each other */
	void (*lock)(unsigned n);     /* lock and unlock what is free */
	void (*handover)(unsigned n); /* a lock that goes to and fro */
	void (*cond)(unsigned n);     /* a round trip by two conditions */
	void (*rendezvous)(unsigned n); /* a word to another and back */
	void (*stream)(unsigned n);     /* a word through a queue of 64 */
};

extern const struct side side_fata, side_st, side_pthread, side_ucontext;

#endif
