/* SPDX-License-Identifier: ISC */
/*
 * The guest of block_power.sh: writes numbered records, flushes, tells dom0
 * (data/told in xenstore), and is destroyed at any moment. In its next life it
 * is given what was told and looks whether all of it is there.
 *
 *     record n    BURST slots of 4 KiB, chosen by n, each word of which is n
 *     told n      records 1 .. n have been written and flushed
 *
 * Interface: power TOLD
 */
#include <errno.h>
#include <fata/block.h>
#include <fata/clock.h>
#include <fata/manifest.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NAME("block-power", "writes until it is destroyed");
FATA_BLOCK("data");

#define SLOT  4096u
#define SLOTS 256u
#define BURST 8u
#define WORDS (SLOT / 8)
#define SOON  clock_deadline(60 * FATA_NS_PER_S)

static struct block *disk;
static uint64_t *memory;

static void die(const char *what, int rc)
{
	printf("FAIL: %s: %s\n", what, strerror(-rc));
	exit(1);
}

/* Distinct for one n: a stride that is odd. */
static unsigned slot_of(uint64_t n, unsigned i)
{
	uint64_t x = n * 0x9e3779b97f4a7c15ull;

	return (unsigned)((x >> 32) + i * (x >> 7 | 1)) % SLOTS;
}

/*
 * A slot holds the last record that was told to be there, or a later one (some
 * may have been told after dom0 had asked); one that was cut short may have
 * left any of its sectors.
 */
static void judge(unsigned slot, uint64_t least)
{
	for (unsigned w = 0; w < WORDS; w++) {
		uint64_t n = memory[slot * WORDS + w];

		if (n >= least)
			continue;
		printf("FAIL: slot %u word %u: %llu, not %llu or later\n",
		       slot, w, (unsigned long long)n,
		       (unsigned long long)least);
		exit(1);
	}
}

static void check(uint64_t told)
{
	uint64_t least[SLOTS] = {0}, from = told > 5000 ? told - 5000 : 1;
	int rc = block_read(disk, 0, memory, SLOTS * SLOT, SOON);

	if (rc)
		die("block_read", rc);
	for (uint64_t n = from; n <= told; n++)
		for (unsigned i = 0; i < BURST; i++)
			least[slot_of(n, i)] = n;
	for (unsigned s = 0; s < SLOTS; s++)
		judge(s, least[s]);
	printf("power: all of %llu is there\n", (unsigned long long)told);
	fflush(stdout);
}

static void store(uint64_t n)
{
	static struct block_request r[BURST];
	struct iovec v[BURST];
	int rc;

	memset(r, 0, sizeof(r));
	for (unsigned i = 0; i < BURST; i++) {
		unsigned slot = slot_of(n, i);

		for (unsigned w = 0; w < WORDS; w++)
			memory[slot * WORDS + w] = n;
		v[i] = (struct iovec){memory + slot * WORDS, SLOT};
		r[i].op = BLOCK_WRITE;
		r[i].offset = (uint64_t)slot * SLOT;
		r[i].vec = &v[i];
		r[i].count = 1;
		rc = block_submit(disk, &r[i]);
		if (rc)
			die("block_submit", rc);
	}
	for (unsigned i = 0; i < BURST; i++)
		if ((rc = block_wait(&r[i], SOON)))
			die("a write", rc);
	rc = block_flush(disk, SOON);
	if (rc)
		die("block_flush", rc);
}

static void tell(uint64_t n)
{
	char text[24];
	int rc;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	rc = xs_write(NULL, "data/told", text, strlen(text), SOON);
	if (rc)
		die("xs_write", rc);
}

int main(int argc, char **argv)
{
	uint64_t told = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	int rc = block_open("data", &disk, SOON);

	if (rc)
		die("block_open", rc);
	memory = block_buffer_alloc(disk, SLOTS * SLOT);
	if (!memory)
		die("memory", -ENOMEM);
	check(told);
	for (;;) {
		store(told + 1);
		tell(++told);
	}
}
