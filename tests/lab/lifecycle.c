/* SPDX-License-Identifier: ISC */
/*
 * The guest of lifecycle.sh: it counts, follows a watch and checks its clocks
 * while the toolstack saves, migrates, shrinks and grows it, and says at the
 * end whether anything was lost.
 */
#include <fata/fata.h>
#include <fata/xen/balloon.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned ticks, answers, suspends;
static uint64_t last_mono;

/*
 * An emulated lab may be slow, but not for that long. A checkpoint is: while
 * it is written time goes on, so a suspend starts the comparison anew.
 */
#define GAP (30 * FATA_NS_PER_S)

static int die(const char *what, long value)
{
	printf("WRONG: %s: %ld\n", what, value);
	exit(1);
}

static int tick(void *arg)
{
	uint64_t mono, wall;

	(void)arg;
	for (;;) {
		fata_sleep(50 * FATA_NS_PER_MS);
		mono = clock_mono_ns();
		wall = clock_wall_ns();
		if (last_mono && (mono < last_mono || mono - last_mono > GAP))
			die("step of the clock", (long)(mono - last_mono));
		if (wall < 1600000000 * FATA_NS_PER_S)
			die("wall clock", (long)wall);
		last_mono = mono;
		ticks++;
	}
	return 0;
}

/* Whatever is written to data/ask comes back in data/answer. */
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
		err = xs_watch_next(w, &path, FATA_FOREVER);
		if (err == 0)
			free(path);
		err = xs_read(NULL, "data/ask", &value, NULL, FATA_FOREVER);
		if (err)
			continue;
		do
			err = xs_write(NULL, "data/answer", value,
				       strlen(value), FATA_FOREVER);
		while (err == -104); /* reset in the middle: once more */
		if (err)
			die("answer", err);
		free(value);
		answers++;
	}
	return 0;
}

static void resumed(void *arg, enum lifecycle_resume how)
{
	(void)arg;
	suspends++;
	if (clock_mono_ns() < last_mono)
		die("clock went back over a suspend", how);
	if (how == LIFECYCLE_RENEWED && clock_mono_ns() - last_mono > GAP)
		die("the suspend was counted", how);
	last_mono = 0;
	printf("%s %u generation %u\n",
	       how == LIFECYCLE_SAME ? "same" : "resumed", suspends,
	       lifecycle_generation());
	fflush(stdout);
}

static struct lifecycle_client client = {
	.name = "test",
	.order = LIFECYCLE_PROGRAM,
	.after = resumed,
};

static int balloon(void *arg)
{
	struct event *e = balloon_changed();
	uint64_t seen = event_count(e);
	struct balloon_stat s;

	(void)arg;
	for (;;) {
		event_wait(e, &seen, FATA_FOREVER);
		balloon_stat(&s);
		if (s.held == s.wanted)
			xs_printf(NULL, "data/balloon", FATA_FOREVER, "%llu",
				  (unsigned long long)s.held);
	}
	return 0;
}

int main(void)
{
	enum lifecycle_request r;
	struct balloon_stat s;

	lifecycle_register(&client);
	if (fata_task_spawn(NULL, NULL, tick, NULL) ||
	    fata_task_spawn(NULL, NULL, answer, NULL) ||
	    fata_task_spawn(NULL, NULL, balloon, NULL))
		die("spawn", 0);
	balloon_stat(&s);
	printf("ready, balloon %llu\n", (unsigned long long)s.held);
	fflush(stdout);
	if (lifecycle_await(&r, FATA_FOREVER))
		die("await", 0);
	printf("ticks %u answers %u suspends %u, all well\n", ticks, answers,
	       suspends);
	if (r == LIFECYCLE_REBOOT)
		fata_end(END_REBOOT, 0);
	return 0;
}
