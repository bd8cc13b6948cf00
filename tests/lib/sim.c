/* SPDX-License-Identifier: ISC */
/*
 * The simulated machine: time, chance, actions, failures, and many runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fata/sync.h>
#include <fata/task.h>

#include "core/task.h"
#include "lib/sim.h"
#include "lib/sim_xenstore.h"
#include "xen/xenstore.h"

struct sim sim;

/* --- the end of a test -------------------------------------------------------
 */

void sim_die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "sim: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (replay with SEED=%llu)\n",
		(unsigned long long)sim.seed);
	abort();
}

void sim_check_failed(const char *file, int line, const char *what)
{
	sim_die("%s:%d: not so: %s", file, line, what);
}

/* --- chance --------------------------------------------------------------- */

/* splitmix64: one word of state, all seeds are good */
uint64_t sim_random(void)
{
	uint64_t x = sim.rng += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t sim_below(uint64_t n)
{
	return sim_random() % n;
}

bool sim_chance(unsigned int n)
{
	return n && sim_below(n) == 0;
}

bool sim_fails(enum sim_fail what)
{
	sim.calls[what]++;
	if (sim.fail_at[what] != sim.calls[what] &&
	    !sim_chance(sim.fail_chance[what]))
		return false;
	sim.failed = true;
	return true;
}

/* --- actions: a binary heap by (time, order) ------------------------------ */

static bool before(const struct sim_action *a, const struct sim_action *b)
{
	return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static void swap(unsigned int i, unsigned int j)
{
	struct sim_action a = sim.actions[i];

	sim.actions[i] = sim.actions[j];
	sim.actions[j] = a;
}

static void sift_up(unsigned int i)
{
	while (i && before(&sim.actions[i], &sim.actions[(i - 1) / 2])) {
		swap(i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static void sift_down(unsigned int i)
{
	for (;;) {
		unsigned int least = i, child = 2 * i + 1;

		for (unsigned int k = child; k < child + 2; k++)
			if (k < sim.n_actions &&
			    before(&sim.actions[k], &sim.actions[least]))
				least = k;
		if (least == i)
			return;
		swap(i, least);
		i = least;
	}
}

void sim_after(uint64_t ns, void (*fn)(void *arg), void *arg)
{
	if (sim.n_actions == sim.room) {
		sim.room = sim.room ? 2 * sim.room : 64;
		sim.actions =
			realloc(sim.actions, sim.room * sizeof(*sim.actions));
		if (!sim.actions)
			sim_die("no memory for actions");
	}
	sim.actions[sim.n_actions++] = (struct sim_action){
		.time = sim.now + ns,
		.order = sim.order++,
		.fn = fn,
		.arg = arg,
	};
	sift_up(sim.n_actions - 1);
}

void sim_forget(void *arg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sim.n_actions; i++)
		if (sim.actions[i].arg != arg)
			sim.actions[n++] = sim.actions[i];
	sim.n_actions = n;
	for (unsigned int i = n; i-- > 0;)
		sift_down(i);
}

/* Take the first action out and run it. */
static void run_first(void)
{
	struct sim_action a = sim.actions[0];
	bool stepping = sim.stepping;

	sim.actions[0] = sim.actions[--sim.n_actions];
	sift_down(0);
	if (a.time > sim.now)
		sim.now = a.time;
	sim.stepping = true;
	a.fn(a.arg);
	sim.stepping = stepping;
}

void sim_run_due(void)
{
	while (sim.n_actions && sim.actions[0].time <= sim.now)
		run_first();
}

void sim_pass(uint64_t ns)
{
	uint64_t end = sim.now + ns;

	while (sim.n_actions && sim.actions[0].time <= end)
		run_first();
	sim.now = end;
}

/*
 * Between two steps of the code under test others may run: what is due, what
 * will be due (as if it were late already), and the test's own evil.
 */
void sim_step(void)
{
	if (!sim.step_chance || sim.stepping || !sim_chance(sim.step_chance))
		return;
	sim.stepping = true;
	if (sim.hostile && sim_chance(2))
		sim.hostile(sim.hostile_arg);
	else if (sim.n_actions)
		run_first();
	sim.stepping = false;
}

/* --- start ---------------------------------------------------------------- */

void sim_start(uint64_t seed)
{
	memset(&sim, 0, sizeof(sim));
	sim.seed = sim.rng = seed;
	sim.now = 1000 * FATA_NS_PER_S;
	sim_domain_new(0, false);
	sim_xs_start();
}

/* --- many runs ------------------------------------------------------------ */

static uint64_t environment(const char *name, uint64_t fallback)
{
	const char *s = getenv(name);
	char *end;
	uint64_t n;

	if (!s)
		return fallback;
	n = strtoull(s, &end, 0);
	if (!*s || *end)
		sim_die("%s=%s: expected a number", name, s);
	return n;
}

struct mark {
	unsigned int ports, grants, maps;
	size_t heap, pages;
};

static struct mark mark_now(void)
{
	return (struct mark){
		.ports = sim_evtchn_open(sim_guest),
		.grants = sim_grants_active(sim_guest),
		.maps = sim_maps(sim_guest),
		.heap = sim_guest->heap_live,
		.pages = sim_guest->pages_live,
	};
}

/*
 * Things that the code under test keeps on purpose (table frames, cached
 * stacks) come with the first run, so the mark is what the run before left;
 * a leak grows from run to run.
 */
static void check_mark(const struct mark *m, bool memory)
{
	struct mark now = mark_now();

	if (now.ports != m->ports)
		sim_die("ports open: %u, before: %u", now.ports, m->ports);
	if (now.grants != m->grants)
		sim_die("grants: %u, before: %u", now.grants, m->grants);
	if (now.maps != m->maps)
		sim_die("mappings: %u, before: %u", now.maps, m->maps);
	if (memory && now.heap != m->heap)
		sim_die("heap blocks: %zu, before: %zu", now.heap, m->heap);
	if (memory && now.pages != m->pages)
		sim_die("pages: %zu, before: %zu", now.pages, m->pages);
}

static void one_run(void (*fn)(void), uint64_t seed)
{
	sim.seed = sim.rng = seed;
	sim.failed = false;
	fn();
	sim.step_chance = 0;
	sim.hostile = NULL;
	memset(sim.fail_at, 0, sizeof(sim.fail_at));
	memset(sim.fail_chance, 0, sizeof(sim.fail_chance));
	/* what the run has left to happen happens now */
	sim_sleep(10 * FATA_NS_PER_S);
	sim.runs++;
}

/* Runs in which tables and caches grow to what they need. */
#define WARM_UP 64

void sim_runs(uint64_t runs, void (*fn)(void))
{
	uint64_t seed = environment("SEED", 0), i = 0;
	uint64_t memory_leaks = 0;
	struct mark m;

	runs = environment("RUNS", runs * environment("TIMES", 1));
	if (seed && !getenv("RUNS") && !getenv("TIMES"))
		runs = 1;
	seed = seed ? seed : 1;
	for (; i < runs; i++) {
		m = mark_now();
		one_run(fn, seed + i);
		check_mark(&m, false);
		if (i > WARM_UP && (sim_guest->heap_live > m.heap ||
				    sim_guest->pages_live > m.pages))
			memory_leaks++;
		else
			memory_leaks = 0;
		if (memory_leaks > WARM_UP)
			sim_die("memory grows with each run");
	}
	printf("# %llu runs from seed %llu\n", (unsigned long long)runs,
	       (unsigned long long)seed);
}

void sim_nth(enum sim_fail what, void (*fn)(void))
{
	uint64_t n = 0;
	struct mark m;

	do {
		n++;
		m = mark_now();
		sim.calls[what] = 0;
		sim.fail_at[what] = n;
		one_run(fn, 1);
		check_mark(&m, n > 8);
	} while (sim.failed && n < 100000);
	printf("# each of %llu calls failed once\n", (unsigned long long)n - 1);
}

#define NOT_REACHED 7

static void fresh_run(enum sim_fail what, void (*fn)(void), uint64_t n)
{
	struct mark m;

	sim_setup(NULL);
	m = mark_now();
	sim.calls[what] = 0;
	sim.fail_at[what] = n;
	one_run(fn, 1);
	check_mark(&m, false);
	exit(sim.failed ? 0 : NOT_REACHED);
}

void sim_nth_fresh(enum sim_fail what, void (*fn)(void))
{
	uint64_t n = 0;
	int status;

	fflush(stdout);
	do {
		pid_t child = fork();

		n++;
		if (child == 0)
			fresh_run(what, fn, n);
		if (child < 0 || waitpid(child, &status, 0) < 0)
			sim_die("fork: %s", strerror(errno));
		if (!WIFEXITED(status))
			sim_die("with call %llu failing",
				(unsigned long long)n);
	} while (WEXITSTATUS(status) == 0);
	if (WEXITSTATUS(status) != NOT_REACHED)
		sim_die("with call %llu failing", (unsigned long long)n);
	printf("# each of %llu calls failed once\n", (unsigned long long)n - 1);
}

int sim_setup(void **state)
{
	(void)state;
	sim_start(1);
	sim_boot(5);
	if (xs_init(sim_xs_page(sim_guest), sim_xs_port(sim_guest)))
		sim_die("xenstore does not start");
	return 0;
}
