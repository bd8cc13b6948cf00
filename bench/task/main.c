/* SPDX-License-Identifier: ISC */
/*
 * Tasks beside State Threads and Linux threads, all on one CPU: each operation
 * by each side in turn, the best of 9 rounds. Prints JSON (design: bench).
 */
#include "bench.h"

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 9

static const struct operation {
	const char *name;
	size_t at; /* in struct side */
	unsigned n;
} operations[] = {
	{"spawn and join", offsetof(struct side, spawn), 5000},
	{"yield to another", offsetof(struct side, yield), 50000},
	{"lock and unlock, free", offsetof(struct side, lock), 200000},
	{"lock handed over", offsetof(struct side, handover), 20000},
	{"round trip by conditions", offsetof(struct side, cond), 10000},
	{"round trip by channels", offsetof(struct side, rendezvous), 10000},
	{"message through a queue", offsetof(struct side, stream), 50000},
};

static const struct side *const sides[] = {&side_fata, &side_st, &side_pthread,
					   &side_ucontext};

#define SIDES 4

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void (*find(const struct side *s, const struct operation *o))(unsigned)
{
	return *(void (*const *)(unsigned))(const void *)((const char *)s +
							  o->at);
}

static void measure(const struct operation *o, double best[SIDES])
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < SIDES; i++) {
			void (*fn)(unsigned) = find(sides[i], o);
			uint64_t start;
			double ns;

			if (!fn)
				continue;
			start = now();
			fn(o->n);
			ns = (double)(now() - start) / o->n;
			if (!best[i] || ns < best[i])
				best[i] = ns;
		}
	}
}

int main(void)
{
	const char *comma = "";
	cpu_set_t one;

	/* What one vCPU does: no side may use a second CPU. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		perror("bench: cannot stay on one CPU");
		return 1;
	}
	for (int i = 0; i < SIDES; i++)
		sides[i]->start();
	printf("{\"bench\": \"task\", \"rows\": [");
	for (size_t k = 0; k < sizeof(operations) / sizeof(*operations); k++) {
		const struct operation *o = &operations[k];
		double best[SIDES] = {0};

		measure(o, best);
		for (int i = 1; i < SIDES; i++) {
			if (!best[i])
				continue;
			printf("%s\n  {\"name\": \"%s\", \"unit\": \"ns\", "
			       "\"better\": \"less\", \"fata\": %.1f, "
			       "\"peer\": %.1f, \"peer_name\": \"%s\"}",
			       comma, o->name, best[0], best[i],
			       sides[i]->name);
			comma = ",";
		}
	}
	printf("\n]}\n");
	return 0;
}
