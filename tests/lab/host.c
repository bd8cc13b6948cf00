/* SPDX-License-Identifier: ISC */
/*
 * The guest of host.sh and hostclock.sh: what a host does to a guest besides
 * its own requests. Argument:
 *
 *     update      talks to xenstore all the time (see below), while xenstored
 *                 is updated; says how often VIRQ_DEBUG came
 *     grants      a grant table of 4 frames, to its end and back
 *     clock       data/ask = N: both clocks in data/clock-N
 *     soft-reset  ends so
 */
#include <errno.h>
#include <fata/fata.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/xs.h>
#include <lib/guest.h>
#include <string.h>

#define VIRQ_DEBUG 1 /* xen/xen.h */

static uint64_t soon(void)
{
	return clock_deadline(120 * FATA_NS_PER_S);
}

/* --- xenstore ------------------------------------------------------------- */

/*
 *     8 writers     a number of one's own is written and read back, for ever
 *     2 counters    add 1 to data/sum, each in a transaction that lasts 20 ms
 *     1 dawdler     one of 3 s, which an update does not wait for if forced
 *     50 followers  see each value of data/go
 */
#define WRITERS   8
#define COUNTERS  2
#define FOLLOWERS 50

static unsigned long written, added, dawdled;
static unsigned at_value[FOLLOWERS];
static bool over;

static int writer(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	char key[32];
	uint64_t got;

	sprintf(key, "data/w/%u", me);
	for (uint64_t n = 1; !over; n++) {
		check_equal(xs_printf(NULL, key, soon(), "%llu",
				      (unsigned long long)n),
			    0);
		check_equal(xs_read_u64(NULL, key, UINT64_MAX, &got, soon()),
			    0);
		check_equal(got, n);
		written++;
		fata_sleep(5 * FATA_NS_PER_MS);
	}
	return 0;
}

static int add_one(struct xs_transaction *t, void *arg)
{
	uint64_t n = 0, *pause = arg;
	int err = xs_read_u64(t, "data/sum", UINT64_MAX, &n, soon());

	if (err && err != -ENOENT)
		return err;
	fata_sleep(*pause);
	return xs_printf(t, "data/sum", soon(), "%llu",
			 (unsigned long long)n + 1);
}

static int counter(void *arg)
{
	uint64_t pause = 20 * FATA_NS_PER_MS;

	(void)arg;
	while (!over) {
		check_equal(xs_transaction(add_one, &pause, soon()), 0);
		added++;
		fata_sleep(100 * FATA_NS_PER_MS);
	}
	return 0;
}

static int dawdle(struct xs_transaction *t, void *arg)
{
	int err = xs_printf(t, "data/slow", soon(), "%lu", dawdled);

	(void)arg;
	fata_sleep(3 * FATA_NS_PER_S);
	return err ? err
		   : xs_printf(t, "data/slower", soon(), "%lu", dawdled);
}

static int dawdler(void *arg)
{
	(void)arg;
	while (!over) {
		check_equal(xs_transaction(dawdle, NULL, soon()), 0);
		dawdled++;
	}
	return 0;
}

static int follower(void *arg)
{
	unsigned *at = arg;
	struct xs_watch *w;
	uint64_t value;
	char *path;

	check_equal(xs_watch(&w, "data/go", NULL, NULL, soon()), 0);
	for (;;) {
		if (xs_watch_next(w, &path, FATA_FOREVER) == 0)
			free(path);
		if (!xs_read_u64(NULL, "data/go", 1000, &value, soon()))
			*at = (unsigned)value;
	}
	return 0;
}

/* data/seen = N when all followers have seen N. */
static void follow_all(void)
{
	unsigned told = 0, least = 0;

	while (least < 1000) {
		fata_sleep(20 * FATA_NS_PER_MS);
		least = 1000;
		for (unsigned i = 0; i < FOLLOWERS; i++)
			if (at_value[i] < least)
				least = at_value[i];
		if (least == told)
			continue;
		told = least;
		check_equal(xs_printf(NULL, "data/seen", soon(), "%u", told),
			    0);
	}
}

/* VIRQ_DEBUG, which Xen raises when its key q is pressed. */
static int debugged(void *arg)
{
	static struct evtchn e;
	uint64_t seen = 0;

	(void)arg;
	check_equal(evtchn_bind_virq(&e, VIRQ_DEBUG), 0);
	check_equal(evtchn_bind_virq(&(struct evtchn){0}, VIRQ_DEBUG), -EEXIST);
	check_equal(evtchn_unmask(&e), 0);
	for (unsigned n = 1;; n++) {
		check_equal(evtchn_wait(&e, &seen, FATA_FOREVER), 0);
		printf("debug %u\n", n);
		fflush(stdout);
	}
	return 0;
}

static void spawn(int (*fn)(void *), void *arg)
{
	check_equal(fata_task_spawn(NULL, NULL, fn, arg), 0);
}

static void update(void)
{
	uint64_t sum;
	struct xs_stat s;

	spawn(debugged, NULL);
	for (uintptr_t i = 0; i < WRITERS; i++)
		spawn(writer, (void *)i);
	for (unsigned i = 0; i < COUNTERS; i++)
		spawn(counter, NULL);
	spawn(dawdler, NULL);
	for (unsigned i = 0; i < FOLLOWERS; i++)
		spawn(follower, &at_value[i]);
	puts("ready");
	fflush(stdout);
	follow_all();
	over = true;
	fata_sleep(5 * FATA_NS_PER_S);
	check_equal(xs_read_u64(NULL, "data/sum", UINT64_MAX, &sum, soon()), 0);
	check_equal(sum, added); /* each counted exactly once */
	xs_stat(&s);
	printf("%lu written, %lu added, %lu dawdled, %llu resets, %llu "
	       "unknown\n",
	       written, added, dawdled, (unsigned long long)s.resets,
	       (unsigned long long)s.unknown);
	check(written > 100 && added > 10);
	check_equal(s.unknown, 0);
}

/* --- a small grant table -------------------------------------------------- */

struct waiter {
	unsigned n, order;
	int rc;
	uint32_t refs[8];
	struct task *task;
};

static unsigned served;

static int wait_refs(void *arg)
{
	struct waiter *w = arg;

	w->rc = gnttab_alloc(w->refs, w->n, soon());
	w->order = served++;
	return 0;
}

static void give(const uint32_t *refs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		gnttab_free(refs[i]);
}

static void queue_of_waiters(uint32_t *all)
{
	struct waiter w[3] = {{.n = 8}, {.n = 1}, {.n = 5}};

	for (unsigned i = 0; i < 3; i++) {
		check_equal(fata_task_spawn(&w[i].task, NULL, wait_refs, &w[i]),
			    0);
		fata_yield();
	}
	give(all, 7);
	fata_sleep(FATA_NS_PER_MS);
	check_equal(served, 0); /* the small ones do not overtake */
	give(all + 7, 7);
	for (unsigned i = 0; i < 3; i++) {
		check_equal(fata_task_join(w[i].task, NULL, soon()), 0);
		check_equal(w[i].rc, 0);
		check_equal(w[i].order, i);
		give(w[i].refs, w[i].n);
	}
}

static void grants(void)
{
	static uint32_t all[4 * 512];
	void *page = page_alloc(0);
	struct gnttab_stat s;
	uint32_t ref;

	check(page);
	check_equal(gnttab_share(&ref, 0, page, false, 0), 0);
	gnttab_stat(&s);
	printf("version %u, %u references\n", s.version, s.max);
	check_equal(s.max, 4 * 512 - 8);
	check_equal(gnttab_alloc(all, s.max, 0), -ENOSPC);
	check_equal(gnttab_alloc(all, s.max - 1, 0), 0);
	for (unsigned i = 0; i < s.max - 1; i++)
		check(all[i] >= 8 && all[i] < 4 * 512);
	check_equal(gnttab_alloc(all + s.max, 1, 0), -ENOSPC);
	check_equal(gnttab_alloc(all + s.max, 1, clock_deadline(1000)),
		    -ETIMEDOUT);
	queue_of_waiters(all);
	give(all + 14, s.max - 1 - 14);
	gnttab_stat(&s);
	check_equal(s.free, s.max - 1);
	check_equal(s.waiting, 0);
	/* the whole of it once more, page by page */
	for (unsigned i = 0; i < s.max - 1; i++)
		check_equal(gnttab_share(&all[i], 0, page, false, 0), 0);
	check_equal(gnttab_share(&all[s.max], 0, page, false, 0), -ENOSPC);
	check_equal(gnttab_end_pages(all, s.max - 1, NULL, 0), 0);
	check_equal(gnttab_end_pages(&ref, 1, page, 0), 0);
}

/* --- clocks --------------------------------------------------------------- */

static void clocks(void)
{
	struct xs_watch *w;
	char key[32], *path;
	uint64_t n;

	check_equal(xs_watch(&w, "data/ask", NULL, NULL, soon()), 0);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (xs_watch_next(w, &path, FATA_FOREVER) == 0)
			free(path);
		if (xs_read_u64(NULL, "data/ask", 1000, &n, soon()))
			continue;
		sprintf(key, "data/clock-%u", (unsigned)n);
		check_equal(xs_printf(NULL, key, soon(), "%llu %llu",
				      (unsigned long long)clock_mono_ns() /
					      1000,
				      (unsigned long long)clock_wall_ns() /
					      1000),
			    0);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "update") == 0)
		update();
	else if (strcmp(what, "grants") == 0)
		grants();
	else if (strcmp(what, "clock") == 0)
		clocks();
	else if (strcmp(what, "soft-reset") == 0)
		fata_end(END_SOFT_RESET, 0);
	else
		check(!"what to do");
	printf("host: ok\n");
	return 0;
}
