/* SPDX-License-Identifier: ISC */
/*
 * The xenstore client against the simulated daemon: values, permissions,
 * watches and transactions over the real ring.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/xen/xs.h>

#include "lib/sim.h"
#include "xen/xenstore.h"

static uint64_t soon(void)
{
	return clock_deadline(FATA_NS_PER_S);
}

static void test_read_write(void **state)
{
	char *value;
	size_t n;

	(void)state;
	CHECK(xs_read(NULL, "name", &value, &n, soon()) == 0);
	CHECK(n == 5 && !strcmp(value, "guest"));
	heap_free(value);
	CHECK(xs_write(NULL, "data/a/b", "hello", 5, soon()) == 0);
	CHECK(!strcmp(sim_xs_read("/local/domain/5/data/a/b"), "hello"));
	CHECK(xs_read(NULL, "data/none", &value, &n, soon()) == -ENOENT);
	CHECK(xs_write(NULL, "name", "x", 1, soon()) == -EACCES);
	CHECK(xs_read(NULL, "/local/domain/0", &value, &n, soon()) == -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_write),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
