/* SPDX-License-Identifier: ISC */
/*
 * own.c - rows of bench/xen that need no partner: waking up from a sleep, and
 * reading from xenstore, one after the other and sixteen at once. linux.c does
 * the same in a Linux guest. Prints `figure NAME NUMBER` lines.
 *
 * First argument: rounds.
 */
#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 16

static unsigned rounds = 20;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	printf("own: %s\n", what);
	exit(1);
}

/* How much later than asked for a sleep of 1 ms ends. */
static void wake_up(void)
{
	uint64_t late = 0;

	fata_sleep(3 * FATA_NS_PER_S); /* xl has still work to do in dom0 */
	for (unsigned i = 0; i < rounds * 10; i++) {
		uint64_t due = clock_deadline(FATA_NS_PER_MS);

		fata_sleep_until(due);
		late += clock_mono_ns() - due;
	}
	printf("figure wake-up-latency %llu\n",
	       (unsigned long long)(late / (rounds * 10)));
}

static int read_often(void *arg)
{
	char *value;

	(void)arg;
	for (unsigned i = 0; i < rounds; i++) {
		must(!xs_read(NULL, "name", &value, NULL, FATA_FOREVER),
		     "read");
		free(value);
	}
	return 0;
}

static void report(const char *what, uint64_t ns, unsigned reads)
{
	printf("figure xenstore-read-latency-%s %llu\n", what,
	       (unsigned long long)(ns / rounds));
	printf("figure xenstore-reads-%s/s %llu\n", what,
	       (unsigned long long)(reads * FATA_NS_PER_S / ns));
}

static void read_store(void)
{
	struct task *t[AT_ONCE];
	uint64_t start;

	read_often(NULL);
	start = clock_mono_ns();
	read_often(NULL);
	report("1", clock_mono_ns() - start, rounds);
	start = clock_mono_ns();
	for (unsigned i = 0; i < AT_ONCE; i++)
		must(!fata_task_spawn(&t[i], NULL, read_often, NULL), "spawn");
	for (unsigned i = 0; i < AT_ONCE; i++)
		must(!fata_task_join(t[i], NULL, FATA_FOREVER), "join");
	report("16", clock_mono_ns() - start, AT_ONCE * rounds);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rounds = atoi(argv[1]);
	wake_up();
	read_store();
	printf("figure done 0\n");
	return 0;
}
