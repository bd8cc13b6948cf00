/* SPDX-License-Identifier: ISC */
/*
 * QubesDB with a daemon in dom0 that is played here, by the published protocol:
 * what a friendly one does, each message that it must not send, and every
 * failure of memory, hypercalls and xenstore. dom0 is a task of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/qubesdb.h>
#include <fata/task.h>

#include "lib/qubes.h"
#include "lib/sim_lifecycle.h"
#include "lib/sim_vchan.h"

static struct sim_vchan v;
static struct qubesdb *db;
static char big[4000];

static uint64_t soon(void)
{
	return clock_deadline(20 * FATA_NS_PER_S);
}

static bool say(uint8_t type, const char *path, const void *data, uint32_t n)
{
	struct db_message m = {.type = type, .size = n};

	snprintf(m.path, sizeof(m.path), "%s", path);
	return sim_vchan_put(&v, &m, sizeof(m)) && sim_vchan_put(&v, data, n);
}

/* The guest's next message, its data in big. */
static struct db_message hear(void)
{
	struct db_message m = {.type = 255};

	if (sim_vchan_get(&v, &m, sizeof(m)) && m.size < sizeof(big))
		sim_vchan_get(&v, big, m.size);
	return m;
}

static void expect(uint8_t type, const char *path)
{
	struct db_message m = hear();

	CHECK(m.type == type && !strcmp(m.path, path));
}

/* A pair of strings each, ended by NULL: the answer to MULTIREAD. */
static bool copy(const char *const *pairs)
{
	bool ok = sim_vchan_met(&v) && hear().type == MULTIREAD;

	for (; ok && *pairs; pairs += 2)
		ok = say(ENTRY, pairs[0], pairs[1], (uint32_t)strlen(pairs[1]));
	return ok && say(ENTRY, "", NULL, 0);
}

static const char *const first[] = {"/qubes-ip",
				    "10.137.0.5",
				    "/name",
				    "work",
				    "/qubes-firewall/10.137.0.9/policy",
				    "drop",
				    "/qubes-firewall/10.137.0.9",
				    "",
				    NULL};

static int begin(void *arg)
{
	return copy(arg);
}

static void start(const char *const *pairs)
{
	struct task *t;
	int ok = 0;

	sim_vchan_serve(&v, 111);
	CHECK(!fata_task_spawn(&t, NULL, begin, (void *)pairs));
	CHECK(qubesdb_open(&db, soon()) == 0);
	CHECK(!fata_task_join(t, &ok, soon()) && ok);
}

static void stop(void)
{
	qubesdb_close(db);
	sim_vchan_close(&v);
}

static void has(const char *path, const char *value)
{
	char *got;
	size_t n;

	if (!value) {
		CHECK(qubesdb_read(db, path, &got, &n) == -ENOENT);
		return;
	}
	CHECK(qubesdb_read(db, path, &got, &n) == 0);
	CHECK(n == strlen(value) && !strcmp(got, value));
	heap_free(got);
}

static void test_copy(void **state)
{
	struct qubesdb_entry *list;
	unsigned n;

	(void)state;
	start(first);
	has("/qubes-ip", "10.137.0.5");
	has("/name", "work");
	has("/nam", NULL);
	CHECK(!qubesdb_list(db, "/qubes-firewall/", &list, &n) && n == 2);
	CHECK(!strcmp(list[0].path, "/qubes-firewall/10.137.0.9"));
	CHECK(list[0].size == 0 && !strcmp(list[1].value, "drop"));
	heap_free(list);
	CHECK(!qubesdb_list(db, "/z", &list, &n) && n == 0);
	heap_free(list);
	stop();
}

/* --- changes ------------------------------------------------------------ */

static char commits[256];

/* The rules are all there, and nothing of the next ones. */
static void note(void *arg, const char *path)
{
	struct qubesdb_entry *list;
	unsigned n;

	CHECK(arg == &v);
	CHECK(!qubesdb_list(db, "/qubes-firewall/", &list, &n));
	snprintf(commits + strlen(commits), sizeof(commits) - strlen(commits),
		 "[%s %u]", path, n);
	heap_free(list);
	fata_sleep(FATA_NS_PER_S);
}

static void test_updates(void **state)
{
	uint64_t seen;

	(void)state;
	start(first);
	commits[0] = '\0';
	qubesdb_on_commit(db, note, &v);
	seen = event_count(qubesdb_changed(db));
	CHECK(say(WRITE, "/name", "play", 4));
	expect(OK, "/name");
	CHECK(!event_wait(qubesdb_changed(db), &seen, 0));
	has("/name", "play");
	/* at once: what follows a commit waits for its function */
	CHECK(say(RM, "/qubes-firewall/10.137.0.9/", NULL, 0) &&
	      say(WRITE, "/qubes-firewall/10.137.0.9/0000", "a", 1) &&
	      say(WRITE, "/qubes-firewall/10.137.0.9", NULL, 0) &&
	      say(WRITE, "/qubes-firewall/10.137.0.9/0001", "b", 1) &&
	      say(RM, "/not-there", NULL, 0));
	expect(OK, "/qubes-firewall/10.137.0.9/");
	expect(OK, "/qubes-firewall/10.137.0.9/0000");
	expect(OK, "/qubes-firewall/10.137.0.9");
	expect(OK, "/qubes-firewall/10.137.0.9/0001");
	expect(OK, "/not-there");
	assert_string_equal(commits, "[/qubes-firewall/10.137.0.9 2]");
	has("/qubes-firewall/10.137.0.9/policy", NULL);
	has("/qubes-firewall/10.137.0.9/0001", "b");
	stop();
}

struct job {
	bool rm;
	const char *path, *value;
};

static int do_job(void *arg)
{
	struct job *j = arg;

	return j->rm ? qubesdb_rm(db, j->path, soon())
		     : qubesdb_write(db, j->path, j->value, strlen(j->value),
				     soon());
}

/* The guest asks; dom0 gives this answer. */
static int asks(bool rm, const char *path, const char *value, uint8_t answer)
{
	struct job j = {rm, path, value};
	struct db_message m;
	struct task *t;
	int rc;

	CHECK(!fata_task_spawn(&t, NULL, do_job, &j));
	m = hear();
	CHECK(m.type == (rm ? RM : WRITE) && !strcmp(m.path, path));
	CHECK(m.size == strlen(value) && !memcmp(big, value, m.size));
	CHECK(say(OK, "/another", NULL, 0) && say(answer, path, NULL, 0));
	CHECK(!fata_task_join(t, &rc, soon()));
	return rc;
}

static void test_requests(void **state)
{
	char *wide = big + 100;

	(void)state;
	start(first);
	CHECK(asks(false, "/mine", "yes", OK) == 0);
	has("/mine", "yes");
	CHECK(asks(false, "/mine", "no", ERROR) == -EACCES);
	has("/mine", "yes");
	CHECK(asks(true, "/mine", "", NOENT) == -ENOENT);
	CHECK(asks(true, "/mine", "", OK) == 0);
	has("/mine", NULL);
	CHECK(asks(true, "/qubes-firewall/", "", OK) == 0);
	has("/qubes-firewall/10.137.0.9/policy", NULL);
	/* what would end dom0's daemon is never sent */
	CHECK(qubesdb_rm(db, "/mine", soon()) == -ENOENT);
	CHECK(qubesdb_rm(db, "/mine/", soon()) == -ENOENT);
	CHECK(qubesdb_write(db, "/a b", "", 0, soon()) == -EINVAL);
	CHECK(qubesdb_write(db, "-a", "", 0, soon()) == -EINVAL);
	CHECK(qubesdb_write(db, "/a/", "", 0, soon()) == -EINVAL);
	CHECK(qubesdb_write(db, "", "", 0, soon()) == -EINVAL);
	CHECK(qubesdb_write(db, "/a", "x\0y", 3, soon()) == -EINVAL);
	memset(wide, 'a', 3072);
	CHECK(qubesdb_write(db, "/a", wide, 3072, soon()) == -EINVAL);
	wide[64] = '\0';
	CHECK(qubesdb_write(db, wide, "", 0, soon()) == -EINVAL);
	CHECK(qubesdb_write(db, "/slow", "", 0,
			    clock_deadline(FATA_NS_PER_S)) == -ETIMEDOUT);
	expect(WRITE, "/slow");
	CHECK(say(OK, "/slow", NULL, 0)); /* too late: nobody minds */
	CHECK(say(WRITE, "/name", "still here", 10));
	expect(OK, "/name");
	stop();
}

static void test_restart(void **state)
{
	static const char *const then[] = {"/name", "other", "/new", "1", NULL};
	struct job j = {false, "/late", "x"};
	struct task *t;
	int rc;

	(void)state;
	start(first);
	commits[0] = '\0';
	qubesdb_on_commit(db, note, &v);
	sim_vchan_close(&v);
	CHECK(!fata_task_spawn(&t, NULL, do_job, &j));
	sim_sleep(2 * FATA_NS_PER_S);
	has("/qubes-ip",
	    "10.137.0.5"); /* the old copy until there is another */
	sim_vchan_serve(&v, 111);
	CHECK(copy(then));
	expect(WRITE, "/late");
	CHECK(say(OK, "/late", NULL, 0));
	CHECK(!fata_task_join(t, &rc, soon()) && rc == 0);
	has("/qubes-ip", NULL);
	has("/name", "other");
	has("/new", "1");
	assert_string_equal(commits, "[ 0]");
	stop();
}

/* The connection did not come along; nothing of it is touched. */
static void test_resume(void **state)
{
	(void)state;
	start(first);
	sim_guest->suspend = sim_into_new_domain;
	sim_suspend();
	sim_guest->suspend = NULL;
	has("/name", "work");
	sim_vchan_close(&v);
	sim_vchan_serve(&v, 111);
	CHECK(copy((const char *const[]){"/name", "moved", NULL}));
	sim_sleep(FATA_NS_PER_S);
	has("/name", "moved");
	stop();
}

/* --- misbehaviour -------------------------------------------------------- */

static const struct bad {
	uint8_t type;
	const char *path;
	uint32_t size;
	char data;
} bad[] = {
	{0, "/x", 0, 0},
	{3, "/x", 0, 0},
	{5, "/x", 0, 0},
	{6, "/x", 0, 0},
	{10, "/x", 1, 'x'},
	{12, "/x", 0, 0},
	{13, "/x", 0, 0},
	{14, "/x", 0, 0},
	{255, "/x", 0, 0},
	{MULTIREAD, "", 0, 0},
	{ENTRY, "/x", 1, 'x'},
	{ENTRY, "", 0, 0},
	{WRITE, "", 1, 'x'},
	{WRITE, "/x/", 1, 'x'},
	{WRITE, "/x y", 1, 'x'},
	{WRITE, "-x", 1, 'x'},
	{WRITE, "/x", 3, 0},
	{WRITE, "/x", 3072, 'x'},
	{WRITE, "/x", 1u << 31, 'x'},
	{RM, "/x", 1, 'x'},
	{RM, "", 0, 0},
	{OK, "/x", 1, 'x'},
	{ERROR, "/x", 4, 'x'},
	{NOENT, "/x", 1, 'x'},
};

/* The guest closes; what it had stays; the next daemon is believed again. */
static void ends_connection(void)
{
	CHECK(sim_vchan_left(&v));
	has("/name", "work");
	has("/x", NULL);
	sim_vchan_close(&v);
	sim_vchan_serve(&v, 111);
	CHECK(copy(first));
	sim_sleep(FATA_NS_PER_S);
	has("/name", "work");
}

static void test_malformed(void **state)
{
	struct db_message m;

	(void)state;
	start(first);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t n = bad[i].size < 4000 ? bad[i].size : 0;

		memset(big, bad[i].data, sizeof(big));
		m = (struct db_message){.type = bad[i].type,
					.size = bad[i].size};
		strcpy(m.path, bad[i].path);
		/* it may be gone before all of it is written */
		sim_vchan_put(&v, &m, sizeof(m));
		sim_vchan_put(&v, big, n);
		ends_connection();
	}
	/* a path without an end */
	m = (struct db_message){.type = WRITE};
	memset(m.path, 'x', sizeof(m.path));
	CHECK(sim_vchan_put(&v, &m, sizeof(m)));
	ends_connection();
	/* half a message, then silence */
	CHECK(sim_vchan_put(&v, &m, 30));
	sim_sleep(25 * FATA_NS_PER_S);
	ends_connection();
	stop();
}

/* More than the guest keeps: never taken in part, the old copy stays. */
static void test_too_much(void **state)
{
	char path[64];

	(void)state;
	start(first);
	sim_vchan_close(&v);
	sim_vchan_serve(&v, 111);
	CHECK(sim_vchan_met(&v) && hear().type == MULTIREAD);
	memset(big, 'v', sizeof(big));
	for (int i = 0; i < 400; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		if (!say(ENTRY, path, big, 3000))
			break;
	}
	ends_connection();
	has("/0", NULL);
	stop();
}

/* --- failures ------------------------------------------------------------ */

static bool over;

/* Serves whoever comes, and agrees with all. */
static int agree(void *arg)
{
	(void)arg;
	while (!over) {
		struct db_message m;

		sim_vchan_serve(&v, 111);
		while (!over && v.shared && copy(first))
			while ((m = hear()).type == WRITE)
				say(OK, m.path, NULL, 0);
		sim_vchan_close(&v);
	}
	return 0;
}

static void each_failure(void)
{
	struct task *t;
	char *value;
	int rc;

	over = false;
	db = NULL;
	if (fata_task_spawn(&t, NULL, agree, NULL)) {
		CHECK(sim.failed);
		return;
	}
	rc = qubesdb_open(&db, clock_deadline(60 * FATA_NS_PER_S));
	CHECK(rc == 0 || sim.failed);
	if (!rc) {
		rc = qubesdb_write(db, "/mine", "1", 1, soon());
		CHECK(rc == 0 || sim.failed);
		rc = qubesdb_read(db, "/name", &value, NULL);
		CHECK(rc == 0 || sim.failed);
		if (!rc)
			heap_free(value);
		qubesdb_close(db);
	}
	over = true;
	CHECK(!fata_task_join(t, NULL, clock_deadline(60 * FATA_NS_PER_S)));
}

static void test_failures(void **state)
{
	(void)state;
	for (int what = 0; what < SIM_FAILS; what++)
		sim_nth(what, each_failure);
}

static void test_not_there(void **state)
{
	(void)state;
	CHECK(qubesdb_open(&db, clock_deadline(FATA_NS_PER_S)) == -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests_name("qubesdb", tests,
					   sim_lifecycle_setup, NULL);
}
