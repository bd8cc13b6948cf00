/* SPDX-License-Identifier: ISC */
/*
 * The main console against a daemon that reads, stops reading, or lies: fault
 * classes 39 and 40.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/console.h>
#include <fata/task.h>

#include "lib/sim.h"
#include "lib/sim_hypercall.h"
#include "xen/console.h"
#include "xen/evtchn.h"
#include "xen/lifecycle.h"

static int setup(void **state)
{
	sim_setup(state);
	sim_console_start(sim_guest);
	return console_init();
}

static uint64_t soon(void)
{
	return clock_deadline(FATA_NS_PER_S);
}

static void fresh(void)
{
	sim_sleep(FATA_NS_PER_S);
	sim_console_clear(sim_guest);
}

static void test_output(void **state)
{
	static char text[30000];

	(void)state;
	fresh();
	CHECK(console_write(console_main(), "hello\n", 6) == 6);
	CHECK(console_flush(console_main(), soon()) == 0);
	CHECK(!strcmp(sim_console_text(sim_guest), "hello\r\n"));
	/* many times the ring, and more than the buffer */
	fresh();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 26;
	CHECK(console_write(console_main(), text, sizeof(text)) ==
	      sizeof(text));
	CHECK(console_flush(console_main(), soon()) == 0);
	CHECK(!memcmp(sim_console_text(sim_guest), text, sizeof(text)));
}

static void test_input(void **state)
{
	char line[32];

	(void)state;
	sim_console_type(sim_guest, "one\nsecond line\r");
	CHECK(console_read_line(console_main(), line, sizeof(line), soon()) ==
	      3);
	CHECK(!strcmp(line, "one"));
	CHECK(console_read_line(console_main(), line, sizeof(line), soon()) ==
	      11);
	CHECK(!strcmp(line, "second line"));
	CHECK(console_read(console_main(), line, sizeof(line), soon()) ==
	      -ETIMEDOUT);
}

/* More input than ring and buffer hold, read a little at a time. */
static void run_input(void)
{
	static char typed[6000];
	char part[100];
	size_t got = 0;

	for (size_t i = 0; i < sizeof(typed) - 1; i++)
		typed[i] = 'a' + i % 23;
	sim.step_chance = sim_below(5);
	sim_console_type(sim_guest, typed);
	while (got < sizeof(typed) - 1) {
		ssize_t n = console_read(console_main(), part,
					 1 + sim_below(sizeof(part)), soon());

		CHECK(n > 0 && !memcmp(part, typed + got, n));
		got += n;
		if (sim_chance(20))
			sim_sleep(FATA_NS_PER_MS);
	}
}

static void test_much_input(void **state)
{
	(void)state;
	sim_runs(100, run_input);
}

/* Nobody reads: a writer waits as long as it may and no longer. */
static void class_40_nobody_reads(void **state)
{
	static char text[100000];
	struct console_stat before, after;
	uint64_t start;

	(void)state;
	fresh();
	memset(text, 'x', sizeof(text));
	console_stat(console_main(), &before);
	sim_console_pause(sim_guest, true);
	start = clock_mono_ns();
	CHECK(console_write(console_main(), text, sizeof(text)) ==
	      sizeof(text));
	CHECK(clock_mono_ns() - start < 600 * FATA_NS_PER_MS);
	start = clock_mono_ns();
	for (int i = 0; i < 10; i++)
		console_write(console_main(), text, sizeof(text));
	CHECK(clock_mono_ns() - start < 100 * FATA_NS_PER_MS);
	console_stat(console_main(), &after);
	CHECK(after.dropped - before.dropped > 900000 && !after.broken);
	/* it reads again: all goes on */
	sim_console_pause(sim_guest, false);
	CHECK(console_flush(console_main(), soon()) == 0);
	fresh();
	CHECK(console_write(console_main(), "back\n", 5) == 5);
	CHECK(console_flush(console_main(), soon()) == 0);
	CHECK(!strcmp(sim_console_text(sim_guest), "back\r\n"));
}

/* A flush with nobody there ends in time. */
static void class_40_flush(void **state)
{
	(void)state;
	sim_console_pause(sim_guest, true);
	console_write(console_main(), "text", 4);
	CHECK(console_flush(console_main(), soon()) == -ETIMEDOUT);
	sim_console_pause(sim_guest, false);
	CHECK(console_flush(console_main(), soon()) == 0);
}

/* A resume brings a new ring; the old one's troubles are gone. */
static void renew(void)
{
	sim_new_domain(sim_guest);
	evtchn_resume(sim_shared(sim_guest));
	sim_console_start(sim_guest);
	console_resume();
}

static void run_39(void)
{
	struct xencons_interface *ring = sim_console_ring(sim_guest);
	struct console_stat s;
	bool out = sim_chance(2);
	char c;

	/* beyond what could be there, by one or by anything */
	if (out)
		ring->out_cons = ring->out_prod + 1 +
				 sim_below(UINT32_MAX - 2048 - 16384);
	else
		ring->in_prod =
			ring->in_cons + 1025 + sim_below(UINT32_MAX - 1025);
	sim_console_kick(sim_guest);
	sim_sleep(FATA_NS_PER_MS);
	console_stat(console_main(), &s);
	CHECK(s.broken);
	CHECK(console_write(console_main(), "lost", 4) == 4);
	CHECK(console_flush(console_main(), soon()) == 0);
	CHECK(console_read(console_main(), &c, 1, soon()) == -EIO);
	renew();
	sim_console_clear(sim_guest);
	CHECK(console_write(console_main(), "new\n", 4) == 4);
	CHECK(console_flush(console_main(), soon()) == 0);
	CHECK(!strcmp(sim_console_text(sim_guest), "new\r\n"));
}

static void class_39_impossible_indices(void **state)
{
	(void)state;
	fresh();
	sim_console_pause(sim_guest, false);
	renew(); /* so that each run begins and ends alike */
	sim_runs(500, run_39);
}

/* What a new domain's console ring lacks was taken before the guest left. */
static int into_new_domain(struct sim_domain *d)
{
	sim_new_domain(d);
	sim_console_start(d);
	return 0;
}

static void run_49(void)
{
	static char text[4000], typed[2001], got[2001];
	size_t n = sim_below(sizeof(text)), m = sim_below(sizeof(typed));
	size_t have = 0;

	memset(typed, 0, sizeof(typed));
	for (size_t i = 0; i < m; i++)
		typed[i] = 'a' + i % 26;
	memset(text, 'x', n);
	sim_console_clear(sim_guest);
	sim_console_type(sim_guest, typed);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(console_write(console_main(), text, n) == (ssize_t)n);
	CHECK(suspend_run() == 0);
	while (have < m) {
		ssize_t more = console_read(console_main(), got + have,
					    m - have, soon());

		CHECK(more > 0);
		have += more;
	}
	CHECK(!memcmp(got, typed, m));
	CHECK(console_flush(console_main(), soon()) == 0);
	CHECK(strlen(sim_console_text(sim_guest)) == n);
}

static void class_49_nothing_lost_over_a_suspend(void **state)
{
	(void)state;
	sim_guest->suspend = into_new_domain;
	sim_runs(300, run_49);
	/* nobody reads: it is suspended all the same, and soon */
	sim_console_pause(sim_guest, true);
	console_write(console_main(), "text", 4);
	CHECK(suspend_run() == 0);
	sim_guest->suspend = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_much_input),
		cmocka_unit_test(class_40_nobody_reads),
		cmocka_unit_test(class_40_flush),
		cmocka_unit_test(class_39_impossible_indices),
		cmocka_unit_test(class_49_nothing_lost_over_a_suspend),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
