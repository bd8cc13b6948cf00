/* SPDX-License-Identifier: ISC */
/*
 * The guest of control.sh: it tells what the toolstack asked for, follows its
 * balloon, and keeps a pattern in memory that nobody may touch.
 *
 *     data/ask      a word: "hang" never returns to the loop; any other comes
 *                   back in data/answer
 *     data/balloon  pages that were asked for and are given back to Xen
 *     data/short    the same, when there is no more to give
 */
#include <fata/fata.h>
#include <fata/xen/balloon.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT ((size_t)8 << 20)
#define NEAR 128 /* the toolstack's own pages, which it does not count */

static int die(const char *what, long value)
{
	printf("WRONG: %s: %ld\n", what, value);
	exit(1);
}

static void put(const char *key, unsigned long long n)
{
	if (xs_printf(NULL, key, FATA_FOREVER, "%llu", n))
		die(key, (long)n);
}

static int balloon(void *arg)
{
	struct event *e = balloon_changed();
	uint64_t seen = event_count(e), refused = 0;
	struct balloon_stat s;

	(void)arg;
	for (;;) {
		event_wait(e, &seen, clock_deadline(FATA_NS_PER_S));
		balloon_stat(&s);
		if (s.held >= s.wanted && s.held - s.wanted <= NEAR)
			put("data/balloon", s.wanted);
		else if (s.short_of != refused)
			put("data/short", s.held);
		refused = s.short_of;
	}
	return 0;
}

/* Neither a page that is given away nor one that comes back may be ours. */
static int keep(void *arg)
{
	uint64_t *kept = malloc(KEPT);
	size_t n = KEPT / sizeof(*kept);

	(void)arg;
	if (!kept)
		die("no memory to keep", KEPT);
	for (uint64_t round = 1;; round++) {
		for (size_t i = 0; i < n; i++)
			kept[i] = i * round;
		fata_sleep(500 * FATA_NS_PER_MS);
		for (size_t i = 0; i < n; i++)
			if (kept[i] != i * round)
				die("memory that changed", (long)i);
	}
	return 0;
}

static int answer(void *arg)
{
	struct xs_watch *w;
	char *value, *path;
	int err;

	(void)arg;
	err = xs_watch(&w, "data/ask", NULL, NULL, FATA_FOREVER);
	if (err)
		die("watch", err);
	for (;;) {
		if (xs_watch_next(w, &path, FATA_FOREVER) == 0)
			free(path);
		if (xs_read(NULL, "data/ask", &value, NULL, FATA_FOREVER))
			continue;
		if (strcmp(value, "hang") == 0)
			for (;;)
				__asm__ volatile("pause");
		xs_write(NULL, "data/answer", value, strlen(value),
			 FATA_FOREVER);
		free(value);
	}
	return 0;
}

static void resumed(void *arg, enum lifecycle_resume how)
{
	(void)arg;
	printf("%s\n", how == LIFECYCLE_SAME ? "same" : "resumed");
	fflush(stdout);
}

static struct lifecycle_client client = {
	.name = "test",
	.order = LIFECYCLE_PROGRAM,
	.after = resumed,
};

int main(void)
{
	enum lifecycle_request r;
	struct balloon_stat s;

	lifecycle_register(&client);
	if (fata_task_spawn(NULL, NULL, keep, NULL) ||
	    fata_task_spawn(NULL, NULL, answer, NULL) ||
	    fata_task_spawn(NULL, NULL, balloon, NULL))
		die("spawn", 0);
	balloon_stat(&s);
	printf("ready, balloon %llu\n", (unsigned long long)s.held);
	fflush(stdout);
	if (lifecycle_await(&r, FATA_FOREVER))
		die("await", 0);
	printf("%s, all well\n", r == LIFECYCLE_REBOOT ? "reboot" : "poweroff");
	if (r == LIFECYCLE_REBOOT)
		fata_end(END_REBOOT, 0);
	return 0;
}
