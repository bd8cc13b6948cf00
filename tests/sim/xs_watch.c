/* SPDX-License-Identifier: ISC */
/*
 * Xenstore's client against a scripted xenstored (lib/xs_daemon.h): watches,
 * and connections that break or move to another domain.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/task.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"
#include "lib/xs_daemon.h"
#include "xen/xenstore.h"

/* --- watches ------------------------------------------------------ */

static void test_watch(void **state)
{
	struct xs_watch *w;
	char *path;

	(void)state;
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	CHECK(strcmp(path, "a") == 0);
	heap_free(path);
	CHECK(xs_watch_next(w, &path, SOON) == -ETIMEDOUT);
	xsd_put("a/b", "1", 1);
	xsd_put("c", "1", 1);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	CHECK(strcmp(path, "a/b") == 0);
	heap_free(path);
	CHECK(xs_watch_next(w, &path, SOON) == -ETIMEDOUT);
	xs_unwatch(w);
	xsd_put("a", "2", 1);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
}

static void class_34_watch_storm(void **state)
{
	struct xs_watch *w;
	struct xs_stat s;
	char path[32], *got;
	unsigned int i, n = 0;
	int err;

	(void)state;
	CHECK(xs_watch(&w, "s", NULL, NULL, SOON) == 0);
	for (i = 0; i < 1000; i++) {
		sprintf(path, "s/%u", i);
		xsd_fire(path);
	}
	sim_sleep(FATA_NS_PER_S);
	err = xs_watch_next(w, &got, SOON);
	CHECK(err == -EOVERFLOW);
	xsd_fire("s/same");
	for (i = 0; i < 1000; i++)
		xsd_fire("s/same"); /* count once */
	sim_sleep(FATA_NS_PER_S);
	while (xs_watch_next(w, &got, SOON) == 0) {
		heap_free(got);
		n++;
	}
	CHECK(n == 1);
	xs_stat(&s);
	CHECK(s.lost > 0);
	xs_unwatch(w);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
}

static struct xs_watch *both[2];
static unsigned int called;

static void drop_both(void *arg, const char *path)
{
	(void)arg;
	called++;
	if (!path || strcmp(path, "a/now"))
		return;
	xs_unwatch(both[0]);
	xs_unwatch(both[1]);
}

static void test_unwatch_in_callback(void **state)
{
	(void)state;
	CHECK(xs_watch(&both[0], "a", drop_both, NULL, SOON) == 0);
	CHECK(xs_watch(&both[1], "a", drop_both, NULL, SOON) == 0);
	sim_sleep(FATA_NS_PER_MS);
	called = 0;
	xsd_fire("a/now");
	xsd_fire("a/now");
	sim_sleep(FATA_NS_PER_MS);
	CHECK(called == 1);
	CHECK(xsd.n_watches == 0);
}

static void class_36_watch_refused_or_late(void **state)
{
	struct xs_watch *w;
	struct xs_stat s;

	(void)state;
	xsd.hook = xsd_error_word;
	xsd_word = "E2BIG";
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == -E2BIG);
	xsd.hook = NULL;
	xsd.silent = true;
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == -ETIMEDOUT);
	xsd.silent = false;
	/* The late answer registers it; it is removed at once. */
	xsd_handle(&xsd.in);
	sim_sleep(10 * FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
	xs_stat(&s);
	CHECK(s.watches == 0);
}

static unsigned int looks;

static int enough(void *arg)
{
	char *value;

	(void)arg;
	looks++;
	if (xs_read(NULL, "go", &value, NULL, SOON))
		return -EAGAIN;
	heap_free(value);
	return 0;
}

static void set_go(void *arg)
{
	xsd_put("go", arg, 1);
}

static void test_wait(void **state)
{
	const char *const paths[] = {"go", "stop"};

	(void)state;
	looks = 0;
	CHECK(xs_wait(paths, 2, enough, NULL, SOON) == -ETIMEDOUT);
	CHECK(looks > 0);
	sim_after(20 * FATA_NS_PER_MS, set_go, "1");
	CHECK(xs_wait(paths, 2, enough, NULL, SOON) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
	CHECK(xs_wait(paths, 0, enough, NULL, SOON) == -EINVAL);
}

/* --- the connection breaks ---------------------------------------- */

static int reading, writing, in_transaction;

static int read_a(void *arg)
{
	char *value;

	(void)arg;
	reading = xs_read(NULL, "a", &value, NULL, FATA_FOREVER);
	if (reading == 0)
		heap_free(value);
	return 0;
}

static int write_a(void *arg)
{
	(void)arg;
	writing = xs_write(NULL, "a", "2", 1, FATA_FOREVER);
	return 0;
}

static int commit_a(void *arg)
{
	struct xs_transaction *t = arg;

	in_transaction = xs_write(t, "a", "2", 1, FATA_FOREVER);
	return 0;
}

/* One of each kind under way, unanswered. */
static void start_three(struct xs_transaction *t)
{
	reading = writing = in_transaction = 1;
	xsd_put("a", "1", 1);
	CHECK(xs_transaction_start(t, SOON) == 0);
	xsd.silent = true;
	CHECK(fata_task_spawn(NULL, NULL, read_a, NULL) == 0);
	CHECK(fata_task_spawn(NULL, NULL, write_a, NULL) == 0);
	CHECK(fata_task_spawn(NULL, NULL, commit_a, t) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(reading == 1 && writing == 1 && in_transaction == 1);
}

static void class_35_illegal_indices(void **state)
{
	struct xs_transaction t;
	struct xs_watch *w;
	struct xs_stat s;
	char *path;

	(void)state;
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	start_three(&t);
	xsd.page->rsp_prod += 5000;
	sim_evtchn_send(SIM_DOM0, xsd.port);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(reading == -EIO && writing == -EIO && in_transaction == -EIO);
	CHECK(xs_watch_next(w, &path, FATA_FOREVER) == -EOVERFLOW);
	xs_unwatch(w);
	xs_stat(&s);
	CHECK(s.present && !s.connected && s.watches == 0);
	CHECK(xs_rm(NULL, "a", FATA_FOREVER) == -EIO);
	CHECK(xs_transaction_end(&t, false, FATA_FOREVER) == -EIO);
}

static void break_and_check(void)
{
	struct xs_transaction t;
	struct xs_watch *w;
	struct xs_stat s;
	char *path;

	xsd.page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION |
				    XENSTORE_SERVER_FEATURE_ERROR;
	CHECK(xs_watch(&w, "w", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	start_three(&t);
	if (sim_chance(2))
		xsd.page->rsp_prod -= 1;
	else
		xsd.page->error = XENSTORE_ERROR_PROTO;
	sim_evtchn_send(SIM_DOM0, xsd.port);
	sim_sleep(FATA_NS_PER_MS);
	xs_stat(&s);
	CHECK(!s.connected && reading == 1); /* the daemon is silent */
	xsd.silent = false;
	sim_sleep(3 * FATA_NS_PER_S);
	CHECK(reading == 0);
	CHECK(writing == -ECONNRESET);
	CHECK(in_transaction == -EAGAIN);
	CHECK(xs_transaction_end(&t, true, SOON) == -EAGAIN);
	CHECK(xsd.n_watches == 1);
	CHECK(xs_watch_next(w, &path, SOON) == 0); /* look again */
	heap_free(path);
	xs_unwatch(w);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
}

static void class_36_reconnection(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		break_and_check();
}

static bool always_too_long(struct xsd_message *m)
{
	struct xsd_sockmsg h = {XS_READ, m->h.req_id, 0, 4097};

	memcpy(xsd.out + xsd.out_last, &h, sizeof(h));
	xsd.out_last += sizeof(h);
	xsd_flush();
	return true;
}

/* A daemon that breaks each new connection is given up in the end. */
static void class_35_36_always_too_long(void **state)
{
	char *value;

	(void)state;
	xsd.page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION;
	xsd.hook = always_too_long;
	CHECK(xs_read(NULL, "a", &value, NULL, FATA_FOREVER) == -EIO);
}

/* --- suspend ------------------------------------------------------ */

static void class_49_suspend_waits_for_answers(void **state)
{
	(void)state;
	xsd_put("a", "1", 1);
	xsd.silent = true;
	reading = 1;
	CHECK(fata_task_spawn(NULL, NULL, read_a, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xs_suspend(SOON) == -ETIMEDOUT);
	xsd.silent = false;
	xsd_handle(&xsd.in);
	CHECK(xs_suspend(SOON) == 0);
	CHECK(reading == 0);
	/* Nothing is sent now; it is later. */
	writing = 1;
	CHECK(fata_task_spawn(NULL, NULL, write_a, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(writing == 1);
	xs_resume_same();
	sim_sleep(FATA_NS_PER_MS);
	CHECK(writing == 0);
}

static void class_49_resume_elsewhere(void **state)
{
	struct xs_transaction t;
	struct xs_watch *w;
	char *path;

	CHECK(xs_watch(&w, "w", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	CHECK(xs_transaction_start(&t, SOON) == 0);
	CHECK(xs_suspend(SOON) == 0);
	writing = 1;
	CHECK(fata_task_spawn(NULL, NULL, write_a, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	xsd_set_up(state); /* a new page, port and daemon */
	CHECK(writing == 0);
	CHECK(xsd.n_watches == 1);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	CHECK(xs_write(&t, "a", "x", 1, SOON) == -EAGAIN);
	CHECK(xs_transaction_end(&t, true, SOON) == -EAGAIN);
	xs_unwatch(w);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_watch, xsd_set_up),
		cmocka_unit_test_setup(class_34_watch_storm, xsd_set_up),
		cmocka_unit_test_setup(test_unwatch_in_callback, xsd_set_up),
		cmocka_unit_test_setup(class_36_watch_refused_or_late,
				       xsd_set_up),
		cmocka_unit_test_setup(test_wait, xsd_set_up),
		cmocka_unit_test_setup(
			class_35_illegal_indices, xsd_set_up),
		cmocka_unit_test_setup(class_36_reconnection, xsd_set_up),
		cmocka_unit_test_setup(class_35_36_always_too_long,
				       xsd_set_up),
		cmocka_unit_test_setup(class_49_suspend_waits_for_answers,
				       xsd_set_up),
		cmocka_unit_test_setup(class_49_resume_elsewhere, xsd_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
