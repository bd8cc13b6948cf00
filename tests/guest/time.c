/* SPDX-License-Identifier: ISC */
/*
 * The clocks and sleeping. Nothing is ever early; late is what this machine is
 * at times, so that only what is late each time is wrong.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/event.h>
#include <fata/task.h>
#include <lib/guest.h>
#include <time.h>

#define YEAR_2026 1767225600ull /* a machine's clock is later */
#define YEAR_2200 7258118400ull
#define MS        FATA_NS_PER_MS

static void monotonic(void)
{
	uint64_t last = clock_mono_ns(), start = last;
	unsigned moved = 0;

	/* reading it can be slow: 20 s are enough */
	for (int i = 0; i < 200000 && last - start < 20000 * MS; i++) {
		uint64_t now = clock_mono_ns();

		check(now >= last && now - last < 60 * FATA_NS_PER_S);
		moved += now != last;
		last = now;
	}
	check(moved > 1000);
}

/* The wall clock between two looks at the other one. */
struct both {
	uint64_t before, wall, after;
};

static struct both look(void)
{
	struct both b = {.before = clock_mono_ns()};

	b.wall = clock_wall_ns();
	b.after = clock_mono_ns();
	return b;
}

static void wall(void)
{
	struct both a = look(), b;
	uint64_t took;
	struct timespec t;
	time_t now;

	check(a.wall / FATA_NS_PER_S > YEAR_2026 - 366 * 86400ull);
	check(a.wall / FATA_NS_PER_S < YEAR_2200);
	check_equal(fata_sleep(50 * MS), 0);
	b = look();
	took = b.wall - a.wall;
	check(took + 1000 * MS > b.before - a.after);
	check(took < b.after - a.before + 1000 * MS);
	check_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
	now = time(NULL);
	check((uint64_t)t.tv_sec >= b.wall / FATA_NS_PER_S);
	check(now + 1 >= t.tv_sec); /* Linux's is that of the last tick */
	check((uint64_t)now <= clock_wall_ns() / FATA_NS_PER_S);
}

static bool sleeps_well(uint64_t length)
{
	uint64_t start = clock_mono_ns(), took;

	check_equal(fata_sleep(length), 0);
	took = clock_mono_ns() - start;
	check(took >= length);
	return took < length * 10 + 2000 * MS;
}

static void sleeps(void)
{
	static const uint64_t lengths[] = {0,  1,       1000,    100000,
					   MS, 10 * MS, 100 * MS};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		int tries = 5;

		while (!sleeps_well(lengths[i]))
			check(--tries);
	}
	check_equal(fata_sleep_until(0), 0); /* long ago */
}

static void deadlines(void)
{
	struct event e = {0};
	uint64_t seen = 0, deadline = clock_deadline(20 * MS);

	check_equal(event_wait(&e, &seen, deadline), -ETIMEDOUT);
	check(clock_mono_ns() >= deadline);
	check_equal(event_wait(&e, &seen, 0), -ETIMEDOUT);
	event_signal(&e);
	check_equal(event_wait(&e, &seen, 0), 0); /* signalled before */
	check_equal(seen, 1);
	check(clock_deadline(FATA_FOREVER) == FATA_FOREVER);
}

static int sleeper(void *arg)
{
	(void)arg;
	return fata_sleep(3600 * FATA_NS_PER_S);
}

static void cancel(void)
{
	uint64_t start = clock_mono_ns();
	struct task *t;
	int result;

	check_equal(fata_task_spawn(&t, NULL, sleeper, NULL), 0);
	check_equal(fata_task_join(t, NULL, clock_deadline(5 * MS)),
		    -ETIMEDOUT);
	fata_task_cancel(t);
	check_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	check_equal(result, -ECANCELED);
	check(clock_mono_ns() - start < 60 * FATA_NS_PER_S);
}

int main(void)
{
	monotonic();
	wall();
	sleeps();
	deadlines();
	cancel();
	return 0;
}
