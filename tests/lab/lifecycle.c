/* SPDX-License-Identifier: ISC */
/*
 * The guest of lifecycle.sh: it counts, talks, follows a watch and checks its
 * clocks while the toolstack saves, copies and migrates it, and says at the
 * end whether anything was lost.
 *
 *     ticker     sleeps 50 ms, over and over: its clock never steps
 *     passers    hand a number to and fro over channels
 *     metronome  a timer every 10 ms: never early, and as many as are due
 *     talker     "line N" on the console, ten a second: the script misses none
 *     hearer     "word N" from the console, answered by "heard N"; N in order
 *     answerer   data/ask is watched, and answered in data/answer
 *     twenty     watches that all see each change of data/ask
 */
#include <fata/fata.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * An emulated lab may be slow, but not for that long. A checkpoint is: while
 * it is written time goes on.
 */
#define GAP   (30 * FATA_NS_PER_S)
#define STEP  (10 * FATA_NS_PER_MS)
#define EXTRA 20

static unsigned ticks, passed, answers, suspends, heard;
static uint64_t stopped_mono, stopped_wall;

static int die(const char *what, long value)
{
	printf("WRONG: %s: %ld\n", what, value);
	exit(1);
}

static int tick(void *arg)
{
	uint64_t last = clock_mono_ns(), now, wall;
	unsigned renewed = lifecycle_generation();

	(void)arg;
	for (;;) {
		fata_sleep(50 * FATA_NS_PER_MS);
		now = clock_mono_ns();
		wall = clock_wall_ns();
		if (now - last < 50 * FATA_NS_PER_MS)
			die("a sleep was short", (long)(now - last));
		if (renewed != lifecycle_generation() && now - last > GAP)
			die("step of the clock", (long)(now - last));
		if (wall < 1600000000 * FATA_NS_PER_S)
			die("wall clock", (long)wall);
		renewed = lifecycle_generation();
		last = now;
		ticks++;
	}
	return 0;
}

/* --- a number, to and fro ----------------------------------------------- */

static struct chan there, back;

static int pass(void *arg)
{
	unsigned n;

	(void)arg;
	for (;;) {
		if (chan_recv(&there, &n, FATA_FOREVER) ||
		    chan_send(&back, &n, FATA_FOREVER))
			die("channel", n);
	}
	return 0;
}

static int serve(void *arg)
{
	unsigned n, got;

	(void)arg;
	for (n = 0;; n++) {
		if (chan_send(&there, &n, FATA_FOREVER) ||
		    chan_recv(&back, &got, FATA_FOREVER) || got != n)
			die("passing", n);
		passed++;
		fata_sleep(20 * FATA_NS_PER_MS);
	}
	return 0;
}

/* --- a timer ------------------------------------------------------------ */

static struct timer metronome;
static uint64_t begun, due, beats;

static void beat(void *arg)
{
	(void)arg;
	if (clock_mono_ns() < due)
		die("a timer fired early", (long)due);
	beats++;
	due += STEP;
	timer_set(&metronome, due, beat, NULL);
}

/* As many as the clock says, but for what is due at this moment. */
static void check_beats(void)
{
	uint64_t want = (clock_mono_ns() - begun) / STEP;

	if (beats > want || want - beats > GAP / STEP)
		die("beats of the timer", (long)(want - beats));
}

/* --- the console -------------------------------------------------------- */

/* Whole lines in one piece, however many tasks speak. */
static void say(const char *what, unsigned n)
{
	char line[40];
	int size = snprintf(line, sizeof(line), "%s %u\n", what, n);

	console_write(console_main(), line, (size_t)size);
}

static int talk(void *arg)
{
	(void)arg;
	for (unsigned n = 1;; n++) {
		say("line", n);
		fata_sleep(100 * FATA_NS_PER_MS);
	}
	return 0;
}

/* Without an echo, which would fall between the other lines. */
static int hear(void *arg)
{
	char line[32];
	size_t n = 0;

	(void)arg;
	for (;;) {
		char c;
		ssize_t got = console_read(console_main(), &c, 1, FATA_FOREVER);

		if (got != 1 || n == sizeof(line) - 1)
			die("console", (long)got);
		if (c != '\n' && c != '\r') {
			line[n++] = c;
			continue;
		}
		line[n] = 0;
		if (n && (strncmp(line, "word ", 5) ||
			  strtoul(line + 5, NULL, 10) != heard + 1))
			die(line, heard);
		if (n)
			say("heard", ++heard);
		n = 0;
	}
	return 0;
}

/* --- xenstore ----------------------------------------------------------- */

static char seen[EXTRA][32]; /* what each of the others read last */

static void put_seen(char *to, const char *value)
{
	snprintf(to, sizeof(seen[0]), "%s", value);
}

static int follow(void *arg)
{
	char *to = arg, *value, *path;
	struct xs_watch *w;
	int err = xs_watch(&w, "data/ask", NULL, NULL, FATA_FOREVER);

	if (err)
		die("watch", err);
	for (;;) {
		if (xs_watch_next(w, &path, FATA_FOREVER) == 0)
			free(path);
		if (xs_read(NULL, "data/ask", &value, NULL, FATA_FOREVER))
			continue;
		put_seen(to, value);
		free(value);
	}
	return 0;
}

/* Until each of the others has been told of this value. */
static void all_watches(const char *value)
{
	uint64_t end = clock_deadline(20 * FATA_NS_PER_S);

	for (unsigned i = 0; i < EXTRA; i++) {
		while (strcmp(seen[i], value)) {
			if (clock_mono_ns() > end)
				die("a watch sees nothing", i);
			fata_sleep(10 * FATA_NS_PER_MS);
		}
	}
}

/* What was under way when the guest woke elsewhere is done once more. */
static void put(const char *key, const char *value)
{
	int err;

	do
		err = xs_write(NULL, key, value, strlen(value), FATA_FOREVER);
	while (err == -104);
	if (err)
		die(key, err);
}

/* "TEXT": data/clock tells both clocks in ms, then TEXT is the answer. */
static int answer(void *arg)
{
	struct xs_watch *w;
	char *value, *path, now[48];
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
		all_watches(value);
		check_beats();
		snprintf(now, sizeof(now), "%llu %llu",
			 (unsigned long long)(clock_wall_ns() / 1000000),
			 (unsigned long long)(clock_mono_ns() / 1000000));
		put("data/clock", now);
		put("data/answer", value);
		free(value);
		answers++;
	}
	return 0;
}

/* --- suspends ----------------------------------------------------------- */

static int suspending(void *arg, uint64_t deadline)
{
	(void)arg;
	(void)deadline;
	stopped_mono = clock_mono_ns();
	stopped_wall = clock_wall_ns();
	return 0;
}

static void resumed(void *arg, enum lifecycle_resume how)
{
	uint64_t mono = clock_mono_ns() - stopped_mono;
	char line[96];
	int size;

	(void)arg;
	suspends++;
	if (how == LIFECYCLE_RENEWED && mono > GAP)
		die("the suspend was counted", (long)mono);
	size = snprintf(
		line, sizeof(line), "%s %u generation %u mono %llu wall %llu\n",
		how == LIFECYCLE_SAME ? "same" : "resumed", suspends,
		lifecycle_generation(), (unsigned long long)mono / 1000000,
		(unsigned long long)(clock_wall_ns() - stopped_wall) / 1000000);
	console_write(console_main(), line, (size_t)size);
}

static struct lifecycle_client client = {
	.name = "test",
	.order = LIFECYCLE_PROGRAM,
	.before = suspending,
	.after = resumed,
};

int main(void)
{
	static int (*const tasks[])(void *) = {tick, pass,   serve,
					       talk, answer, hear};
	enum lifecycle_request r;

	if (chan_init(&there, sizeof(unsigned), 0) ||
	    chan_init(&back, sizeof(unsigned), 1))
		die("channels", 0);
	lifecycle_register(&client);
	begun = clock_mono_ns();
	due = begun + STEP;
	timer_set(&metronome, due, beat, NULL);
	printf("ready\n");
	fflush(stdout);
	for (unsigned i = 0; i < sizeof(tasks) / sizeof(*tasks); i++)
		if (fata_task_spawn(NULL, NULL, tasks[i], NULL))
			die("spawn", i);
	for (unsigned i = 0; i < EXTRA; i++)
		if (fata_task_spawn(NULL, NULL, follow, seen[i]))
			die("spawn", i);
	if (lifecycle_await(&r, FATA_FOREVER))
		die("await", 0);
	check_beats();
	printf("ticks %u passed %u beats %llu answers %u heard %u suspends %u, "
	       "all well\n",
	       ticks, passed, (unsigned long long)beats, answers, heard,
	       suspends);
	return 0;
}
