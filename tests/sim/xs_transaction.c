/* SPDX-License-Identifier: ISC */
/*
 * Xenstore's client against a scripted xenstored (lib/xs_daemon.h): directories
 * in parts, transactions, and all of it while memory runs out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"
#include "lib/xs_daemon.h"
#include "xen/xenstore.h"

/* --- directories -------------------------------------------------- */

static void fill_directory(unsigned int n)
{
	unsigned int i;

	xsd.directory_size = 0;
	for (i = 0; i < n; i++)
		xsd.directory_size +=
			sprintf(xsd.directory + xsd.directory_size, "name%u",
				i) +
			1;
}

static void test_directory(void **state)
{
	char **names;
	unsigned int n;

	(void)state;
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 0);
	heap_free(names);
	fill_directory(3);
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 3);
	CHECK(strcmp(names[2], "name2") == 0);
	heap_free(names);
	fill_directory(1000);
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 1000);
	CHECK(strcmp(names[999], "name999") == 0);
	heap_free(names);
	xsd.moving = 7; /* changes under us, then rests */
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 1000);
	heap_free(names);
	xsd.moving = UINT32_MAX;
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EAGAIN);
}

static bool bad_part(struct xsd_message *m)
{
	if (m->h.type == XS_DIRECTORY)
		xsd_answer_error(m, "E2BIG");
	else
		xsd_answer(m->h.type, m->h.req_id, xsd_word,
			   strlen(xsd_word) + 1);
	return true;
}

static void class_35_directory_nonsense(void **state)
{
	char **names;
	unsigned int n;

	(void)state;
	xsd.hook = bad_part;
	xsd_word = "";
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EPROTO);
	xsd_word = "17";
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EPROTO);
	xsd_word = "x";
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EPROTO);
	xsd.hook = xsd_error_word;
	xsd_word = "E2BIG"; /* also for parts: no such thing there */
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -E2BIG);
}

/* --- transactions ------------------------------------------------- */

static unsigned int attempts;

static int body(struct xs_transaction *t, void *arg)
{
	int err = xs_write(t, "t", "1", 1, FATA_FOREVER);

	attempts++;
	CHECK(err == 0 || sim.failed);
	return err ? err : *(int *)arg;
}

static void test_transactions(void **state)
{
	int result = 0;

	(void)state;
	attempts = 0;
	xsd.eagain = 5;
	CHECK(xs_transaction(body, &result, FATA_FOREVER) == 0);
	CHECK(attempts == 6 && xsd.transactions == 0);
	result = -EPERM;
	CHECK(xs_transaction(body, &result, FATA_FOREVER) == -EPERM);
	CHECK(attempts == 7 && xsd.transactions == 0);
}

static void class_36_eagain_storm_ends(void **state)
{
	int result = 0;

	(void)state;
	attempts = 0;
	xsd.eagain = UINT32_MAX;
	CHECK(xs_transaction(body, &result, FATA_FOREVER) == -EAGAIN);
	CHECK(attempts == 50 && xsd.transactions == 0);
	CHECK(xs_transaction(body, &result, SOON) == -ETIMEDOUT);
	CHECK(xsd.transactions == 0);
}

/* The answer to a start comes when nobody waits: it is ended all the same. */
static void test_orphaned_transaction(void **state)
{
	struct xs_transaction t;

	(void)state;
	xsd.silent = true;
	CHECK(xs_transaction_start(&t, SOON) == -ETIMEDOUT);
	xsd.silent = false;
	xsd.transactions = 1;
	xsd_answer(XS_TRANSACTION_START, xsd.in.h.req_id, "77", 3);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xsd.transactions == 0 && xsd.ends == 1);
}

/* --- failures of ours --------------------------------------------- */

static int at_once(void *arg)
{
	(void)arg;
	return 0;
}

static void everything(void)
{
	const char *const paths[] = {"go"};
	struct xs_permission *list;
	struct xs_watch *w;
	char **names, *value;
	unsigned int n;
	int result = 0;

	xs_write(NULL, "go", "1", 1, SOON);
	if (xs_read(NULL, "go", &value, NULL, SOON) == 0)
		heap_free(value);
	if (xs_directory(NULL, "a", &names, &n, SOON) == 0)
		heap_free(names);
	if (xs_get_permissions(NULL, "a", &list, &n, SOON) == 0)
		heap_free(list);
	xs_transaction(body, &result, SOON);
	if (xs_watch(&w, "a", NULL, NULL, SOON) == 0)
		xs_unwatch(w);
	xs_wait(paths, 1, at_once, NULL, SOON);
	sim_sleep(10 * FATA_NS_PER_MS);
	CHECK(xsd.n_watches == 0);
	CHECK(xsd.transactions == 0);
}

static void class_48_no_memory(void **state)
{
	(void)state;
	fill_directory(1000);
	everything();
	sim_nth(SIM_FAIL_ALLOC, everything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_directory, xsd_set_up),
		cmocka_unit_test_setup(class_35_directory_nonsense, xsd_set_up),
		cmocka_unit_test_setup(test_transactions, xsd_set_up),
		cmocka_unit_test_setup(class_36_eagain_storm_ends, xsd_set_up),
		cmocka_unit_test_setup(test_orphaned_transaction, xsd_set_up),
		cmocka_unit_test_setup(class_48_no_memory, xsd_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
