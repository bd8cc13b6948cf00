/* SPDX-License-Identifier: ISC */
/*
 * Xenstore's client against a scripted xenstored (lib/xs_daemon.h): requests
 * and answers, one and many, and nonsense.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/task.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"
#include "lib/xs_daemon.h"
#include "xen/xenstore.h"

/* --- asking ------------------------------------------------------- */

static void class_50_no_xenstore(void **state)
{
	struct xs_watch *w;
	char *value;

	(void)state;
	CHECK(xs_read(NULL, "a", &value, NULL, FATA_FOREVER) == -ENODEV);
	CHECK(xs_write(NULL, "a", "b", 1, FATA_FOREVER) == -ENODEV);
	CHECK(xs_watch(&w, "a", NULL, NULL, FATA_FOREVER) == -ENODEV);
}

static void test_values(void **state)
{
	char *value;
	size_t size;
	uint64_t n;

	(void)state;
	CHECK(xs_read(NULL, "absent", &value, NULL, SOON) == -ENOENT);
	CHECK(xs_write(NULL, "data/x", "a\0b", 3, SOON) == 0);
	CHECK(xs_read(NULL, "data/x", &value, &size, SOON) == 0);
	CHECK(size == 3 && memcmp(value, "a\0b", 4) == 0);
	heap_free(value);
	CHECK(xs_read_u64(NULL, "data/x", 9, &n, SOON) == -EINVAL);
	CHECK(xs_printf(NULL, "data/n", SOON, "%d", 123) == 0);
	CHECK(xs_read_u64(NULL, "data/n", 200, &n, SOON) == 0 && n == 123);
	CHECK(xs_read_u64(NULL, "data/n", 122, &n, SOON) == -ERANGE);
	CHECK(xs_printf(NULL, "data/n", SOON, "%01000d", 1) == 0);
	CHECK(xs_read(NULL, "data/n", &value, &size, SOON) == 0);
	CHECK(size == 1000 && value[999] == '1');
	heap_free(value);
	CHECK(xs_rm(NULL, "data/n", SOON) == 0);
	CHECK(xs_read(NULL, "data/n", &value, NULL, SOON) == -ENOENT);
}

static void test_permissions_and_domains(void **state)
{
	struct xs_permission *list, set[2] = {{5, XS_PERM_NONE}, {65535, 3}};
	unsigned int n;
	char *path;
	bool yes;

	(void)state;
	CHECK(xs_get_permissions(NULL, "a", &list, &n, SOON) == 0);
	CHECK(n == 3 && list[0].domid == 5 && list[0].access == XS_PERM_NONE);
	CHECK(list[2].domid == 7 &&
	      list[2].access == (XS_PERM_READ | XS_PERM_WRITE));
	heap_free(list);
	CHECK(xs_set_permissions(NULL, "a", set, 2, SOON) == 0);
	CHECK(memcmp(xsd.store[xsd_slot("perms")].value, "a\0n5\0b65535", 12) ==
	      0);
	CHECK(xs_set_permissions(NULL, "a", set, 0, SOON) == -EINVAL);
	CHECK(xs_get_domain_path(9, &path, SOON) == 0);
	CHECK(strcmp(path, "/local/domain/9") == 0);
	heap_free(path);
	CHECK(xs_is_domain_introduced(9, &yes, SOON) == 0 && yes);
}

static void test_too_long_is_not_sent(void **state)
{
	static char big[XENSTORE_PAYLOAD_MAX + 1];
	unsigned int before = xsd.requests;
	char *value;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	CHECK(xs_read(NULL, big, &value, NULL, SOON) == -E2BIG);
	CHECK(xs_write(NULL, "x", big, 4095, SOON) == -E2BIG);
	CHECK(xs_printf(NULL, "x", SOON, "%s", big) == -E2BIG);
	CHECK(xs_read(NULL, "a b", &value, NULL, SOON) == -EINVAL);
	CHECK(xsd.requests == before);
	CHECK(xs_write(NULL, "x", big, 4094, SOON) == 0);
	CHECK(xsd.requests == before + 1);
}

/* --- many at once ------------------------------------------------- */

static unsigned int done_tasks;

static int reader(void *arg)
{
	char path[16], *value;

	sprintf(path, "n%u", (unsigned int)(uintptr_t)arg);
	CHECK(xs_read(NULL, path, &value, NULL, FATA_FOREVER) == 0);
	CHECK(strcmp(value, path) == 0);
	heap_free(value);
	done_tasks++;
	return 0;
}

/* Hold answers back; when 16 are there give them in the wrong order. */
static bool reversing(struct xsd_message *m)
{
	xsd.held[xsd.n_held++] = *m;
	if (xsd.n_held < 16)
		return true;
	while (xsd.n_held) {
		struct xsd_message *one = &xsd.held[--xsd.n_held];

		xsd_answer(one->h.type, one->h.req_id, one->payload,
			   strlen(one->payload));
	}
	return true;
}

static void test_answers_in_any_order(void **state)
{
	uintptr_t i;

	(void)state;
	xsd.hook = reversing;
	done_tasks = 0;
	for (i = 0; i < 64; i++)
		CHECK(fata_task_spawn(NULL, NULL, reader, (void *)i) == 0);
	sim_sleep(FATA_NS_PER_S);
	CHECK(done_tasks == 64);
	CHECK(xsd.most == 16); /* xenstored's quota is 20 */
}

static void class_27_silence_ends_at_the_deadline(void **state)
{
	struct xs_stat s;
	char *value;
	int i;

	(void)state;
	xsd.silent = true;
	for (i = 0; i < 20; i++)
		CHECK(xs_read(NULL, "a", &value, NULL, SOON) == -ETIMEDOUT);
	CHECK(xsd.requests == 16); /* four never left */
	xsd.silent = false;
	for (i = 1; i <= 16; i++)
		xsd_answer(XS_READ, xsd.in.h.req_id - 16 + i, "late", 4);
	sim_sleep(10 * FATA_NS_PER_MS);
	xs_stat(&s);
	CHECK(s.underway == 0 && s.unknown == 0);
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == 0);
}

static struct task *victim;
static int victim_result;

static int cancelled(void *arg)
{
	char *value;

	(void)arg;
	victim_result = xs_read(NULL, "a", &value, NULL, FATA_FOREVER);
	return 0;
}

static void test_cancel(void **state)
{
	(void)state;
	xsd.silent = true;
	CHECK(fata_task_spawn(&victim, NULL, cancelled, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	fata_task_cancel(victim);
	CHECK(fata_task_join(victim, NULL, SOON) == 0);
	CHECK(victim_result == -ECANCELED);
	xsd_answer(XS_READ, xsd.in.h.req_id, "late", 4);
	sim_sleep(FATA_NS_PER_MS);
}

/* --- nonsense ----------------------------------------------------- */

static bool nonsense(struct xsd_message *m)
{
	xsd_answer(XS_READ, m->h.req_id + 1000, "stranger", 8);
	xsd_answer(XS_WATCH_EVENT, 0, "no token", 8);
	xsd_answer(XS_WATCH_EVENT, 0, "a\0004294967295", 13);
	xsd_answer(XS_WATCH_EVENT, 0, "a\0junk", 7);
	xsd.unanswered += 1;
	xsd_answer(XS_WRITE, m->h.req_id, "OK", 3); /* it was a read */
	xsd_answer(XS_READ, m->h.req_id, "again", 5);
	xsd.hook = NULL;
	return true;
}

static void class_35_nonsense_harms_nobody(void **state)
{
	struct xs_stat before, after;
	char *value;

	(void)state;
	xs_stat(&before);
	xsd.hook = nonsense;
	CHECK(xs_read(NULL, "a", &value, NULL, SOON) == -EPROTO);
	sim_sleep(FATA_NS_PER_MS);
	xs_stat(&after);
	CHECK(after.unknown == before.unknown + 3);
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == 0);
}

static void class_36_error_words(void **state)
{
	char *value;

	(void)state;
	xsd.hook = xsd_error_word;
	xsd_word = "EACCES";
	CHECK(xs_read(NULL, "a", &value, NULL, SOON) == -EACCES);
	xsd_word = "ENOSPC";
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == -ENOSPC);
	xsd_word = "EQUOTA";
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == -EDQUOT);
	xsd_word = "gibberish";
	CHECK(xs_rm(NULL, "a", SOON) == -EPROTO);
	xsd_word = "EEXIST";
	CHECK(xs_mkdir(NULL, "a", SOON) == 0);
	CHECK(xs_rm(NULL, "a", SOON) == -EEXIST);
}

/* What a toolstack, or somebody else, may have written for a number. */
static void class_31_numbers(void **state)
{
	static const char *const junk[] = {"",    "-1",  " 1",   "1 ",  "0x1",
					   "1e3", "1.0", "0xff", "one", "+1",
					   "18446744073709551616"};
	static char huge[2000];
	uint64_t n = 4711;

	(void)state;
	CHECK(xs_read_u64(NULL, "absent", 9, &n, SOON) == -ENOENT);
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		int err;

		xsd_put("data/j", junk[i], strlen(junk[i]));
		err = xs_read_u64(NULL, "data/j", UINT64_MAX, &n, SOON);
		CHECK(err == -EINVAL || err == -ERANGE);
	}
	memset(huge, '9', sizeof(huge));
	xsd_put("data/j", huge, sizeof(huge));
	CHECK(xs_read_u64(NULL, "data/j", UINT64_MAX, &n, SOON) == -ERANGE);
	xsd_put("data/j", "1\0002", 3);
	CHECK(xs_read_u64(NULL, "data/j", UINT64_MAX, &n, SOON) == -EINVAL);
	CHECK(n == 4711);
	xsd_put("data/j", "18446744073709551615", 20);
	CHECK(xs_read_u64(NULL, "data/j", UINT64_MAX, &n, SOON) == 0);
	CHECK(n == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_50_no_xenstore),
		cmocka_unit_test_setup(test_values, xsd_set_up),
		cmocka_unit_test_setup(test_permissions_and_domains,
				       xsd_set_up),
		cmocka_unit_test_setup(test_too_long_is_not_sent, xsd_set_up),
		cmocka_unit_test_setup(test_answers_in_any_order, xsd_set_up),
		cmocka_unit_test_setup(class_27_silence_ends_at_the_deadline,
				       xsd_set_up),
		cmocka_unit_test_setup(test_cancel, xsd_set_up),
		cmocka_unit_test_setup(class_35_nonsense_harms_nobody,
				       xsd_set_up),
		cmocka_unit_test_setup(class_36_error_words, xsd_set_up),
		cmocka_unit_test_setup(class_31_numbers, xsd_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
