/* SPDX-License-Identifier: ISC */
/*
 * The simulator's luck: SplitMix64 (Steele, Lea, Flood 2014), a counter and a
 * mixing function. It is small, its state is one number, and generators that
 * begin at unrelated numbers are unrelated.
 *
 * Interface: sim.h. A generator's name stands for what it is the luck of; two
 * generators of one run have different names.
 */
#include "sim.h"

#define STEP 0x9e3779b97f4a7c15ull

static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ v >> 27) * 0x94d049bb133111ebull;
	return v ^ v >> 31;
}

void sim_random_init(struct sim_random *r, uint64_t seed, const char *name)
{
	uint64_t v = mix(seed + STEP);

	for (; *name; name++)
		v = mix((v ^ (uint8_t)*name) + STEP);
	r->state = v;
}

uint64_t sim_random_u64(struct sim_random *r)
{
	return mix(r->state += STEP);
}

uint64_t sim_random_below(struct sim_random *r, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)sim_random_u64(r) * bound >> 64);
}

bool sim_random_chance(struct sim_random *r, uint64_t chance)
{
	return chance && sim_random_below(r, SIM_CERTAIN) < chance;
}
