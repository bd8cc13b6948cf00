/* SPDX-License-Identifier: ISC */
/*
 * The options of a link, `key=value` (sim_topo.h). Chances are read digit by
 * digit, not as floating point: the same text is the same number everywhere.
 */
#include "sim_topo.h"

#include "core/parse.h"
#include <stddef.h>
#include <string.h>

#define MTU_LEAST 68
#define MTU_MOST  65521 /* NET_FRAME_MAX without the Ethernet header */

void sim_options_default(struct sim_options *o)
{
	*o = (struct sim_options){
		.delay = 1000000,
		.late = 10000000,
		.queue = 1000,
		.mtu = 1500,
		.pcap = true,
	};
}

/* "0.25%", "0.0025", "1": out of SIM_CERTAIN; -1 for anything else. */
static int read_chance(const char *text, uint64_t *chance)
{
	size_t n = strlen(text);
	bool percent = n && text[n - 1] == '%';
	uint64_t unit = percent ? SIM_CERTAIN / 100 : SIM_CERTAIN, whole;
	const char *p = parse_digits(text, &whole);

	if (!p || whole > 100)
		return -1;
	*chance = whole * unit;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			*chance += (uint64_t)(*p - '0') * (unit /= 10);
	p += percent && *p == '%';
	return *p || *chance > SIM_CERTAIN ? -1 : 0;
}

/* "10M", "1G", "64k": bits a second, in thousands as lines are sold. */
static int read_rate(const char *text, uint64_t *rate)
{
	static const char units[] = "kMG";
	const char *p = parse_digits(text, rate), *unit;
	uint64_t factor = 1;

	if (!p)
		return -1;
	if (*p && (unit = strchr(units, *p == 'K' ? 'k' : *p))) {
		for (; unit >= units; unit--)
			factor *= 1000;
		p++;
	}
	if (!strcmp(p, "bit"))
		p += 3;
	if (*p || !*rate || *rate > 1000000000000ull / factor)
		return -1;
	*rate *= factor;
	return 0;
}

enum kind { RATE, TIME, CHANCE, COUNT, YES_NO };

static const struct {
	const char *key;
	enum kind kind;
	size_t at; /* in struct sim_options */
} keys[] = {
	{"rate", RATE, offsetof(struct sim_options, rate)},
	{"delay", TIME, offsetof(struct sim_options, delay)},
	{"jitter", TIME, offsetof(struct sim_options, jitter)},
	{"late", TIME, offsetof(struct sim_options, late)},
	{"queue", COUNT, offsetof(struct sim_options, queue)},
	{"mtu", COUNT, offsetof(struct sim_options, mtu)},
	{"loss", CHANCE, offsetof(struct sim_options, loss)},
	{"reorder", CHANCE, offsetof(struct sim_options, reorder)},
	{"duplicate", CHANCE, offsetof(struct sim_options, duplicate)},
	{"corrupt", CHANCE, offsetof(struct sim_options, corrupt)},
	{"pcap", YES_NO, offsetof(struct sim_options, pcap)},
};

static int bad(const struct topo_place *at, const char *word, const char *want)
{
	return topo_fail(at, "'%s': expected %s", word, want);
}

static int unknown(const struct topo_place *at, const char *word, size_t n)
{
	const char *names[ARRAY_SIZE(keys) + 3] = {"up", "down"}, *guess;
	char key[32] = "";

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		names[i + 2] = keys[i].key;
	strncpy(key, word, n < sizeof(key) ? n : sizeof(key) - 1);
	guess = did_you_mean(key, names);
	if (guess)
		return topo_fail(at,
				 "'%s': no such option of a link; did you "
				 "mean '%s'?",
				 word, guess);
	return topo_fail(at, "'%s': no such option of a link (docs/sim.md)",
			 word);
}

static int read_value(const struct topo_place *at, const char *word,
		      const char *text, enum kind kind, void *to)
{
	uint64_t v = 0;

	switch (kind) {
	case RATE:
		return read_rate(text, to)
			       ? bad(at, word, "bits a second such as 10M")
			       : 0;
	case CHANCE:
		return read_chance(text, to)
			       ? bad(at, word, "a chance such as 0.1%")
			       : 0;
	case TIME:
		if (parse_time(text, &v) || v > INT64_MAX / 4)
			return bad(at, word, "a time such as 10ms");
		break;
	case COUNT:
		if (parse_uint(text, &v) || v > UINT32_MAX)
			return bad(at, word, "a number");
		break;
	case YES_NO:
		if (strcmp(text, "yes") && strcmp(text, "no"))
			return bad(at, word, "yes or no");
		*(bool *)to = *text == 'y';
		return 0;
	}
	*(uint64_t *)to = v;
	return 0;
}

int topo_option(const struct topo_place *at, const char *word,
		struct sim_options *o)
{
	size_t n = strcspn(word, "=");
	int err;

	if (!strcmp(word, "up") || !strcmp(word, "down")) {
		o->down = *word == 'd';
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].key) != n || memcmp(keys[i].key, word, n) ||
		    !word[n])
			continue;
		err = read_value(at, word, word + n + 1, keys[i].kind,
				 (char *)o + keys[i].at);
		if (!err && (o->mtu < MTU_LEAST || o->mtu > MTU_MOST))
			err = bad(at, word, "68 to 65521");
		return err;
	}
	return unknown(at, word, n);
}
