/* SPDX-License-Identifier: ISC */
/*
 * A million timers beside libev's: each operation by each side in turn, the
 * best of 5 rounds. Prints JSON.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 5

uint64_t now;
uint32_t deadline[MANY], order[MANY];
uint64_t calls;

static const struct side *const sides[] = {&side_fata, &side_libev};

enum { ARM, FIRE, ARM_RISING, CANCEL, MOVE, OPERATIONS };

static const char *const names[OPERATIONS] = {
	[ARM] = "arm, any order",       [FIRE] = "call when due",
	[ARM_RISING] = "arm, rising",   [CANCEL] = "cancel, any order",
	[MOVE] = "move one of 100,000",
};

static double best[OPERATIONS][2];

static uint32_t next_random(void)
{
	static uint64_t seed = 88172645463325252ull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20);
}

static void shuffle(void)
{
	for (uint32_t i = 0; i < MANY; i++)
		order[i] = i;
	for (uint32_t i = MANY - 1; i; i--) {
		uint32_t k = next_random() % (i + 1), swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
}

static void timed(int operation, int side, void (*fn)(void))
{
	struct timespec a, b;
	double ns;

	clock_gettime(CLOCK_MONOTONIC, &a);
	fn();
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 +
	      (double)(b.tv_nsec - a.tv_nsec)) /
	     MANY;
	if (!best[operation][side] || ns < best[operation][side])
		best[operation][side] = ns;
}

static void round_of(int side)
{
	const struct side *s = sides[side];

	for (uint32_t i = 0; i < MANY; i++)
		deadline[i] = next_random();
	shuffle();
	timed(ARM, side, s->arm);
	calls = 0;
	timed(FIRE, side, s->fire);
	if (calls != MANY)
		abort();
	now += SPAN;
	for (uint32_t i = 0; i < MANY; i++)
		deadline[i] = i;
	timed(ARM_RISING, side, s->arm);
	timed(CANCEL, side, s->cancel);
	timed(MOVE, side, s->move);
	s->cancel();
}

int main(void)
{
	for (int i = 0; i < 2; i++)
		sides[i]->start();
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < 2; i++)
			round_of(i);
	printf("{\"bench\": \"timer\", \"rows\": [");
	for (int i = 0; i < OPERATIONS; i++)
		printf("%s\n  {\"name\": \"%s\", \"unit\": \"ns\", "
		       "\"better\": \"less\", \"fata\": %.1f, \"peer\": %.1f, "
		       "\"peer_name\": \"libev\"}",
		       i ? "," : "", names[i], best[i][0], best[i][1]);
	printf("\n]}\n");
	return 0;
}
