/* SPDX-License-Identifier: ISC */
/*
 * vchan with a peer that breaks the rules: dom0 is played by hand, on the
 * shared page. (That the two ends of a proper stream agree, and libxenvchan
 * with them, is shown in the lab.)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/xen/vchan.h>
#include <xen/io/libxenvchan.h>

#include "lib/sim.h"

#define PATH "data/vchan/0/t"

static uint64_t soon(void)
{
	return clock_deadline(5 * FATA_NS_PER_S);
}

static const char *key(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "/local/domain/%u/" PATH "/%s",
		 sim_guest->id, name);
	return path;
}

/* --- the guest serves --------------------------------------------------- */

struct served {
	struct vchan *v;
	struct vchan_interface *page;
	uint32_t ref;
};

static struct served serve(size_t size)
{
	struct served s;
	int status;

	CHECK(vchan_listen(PATH, 0, size, size, &s.v, soon()) == 0);
	s.ref = (uint32_t)atoi(sim_xs_read(key("ring-ref")));
	s.page = sim_grant_map(SIM_DOM0, sim_guest, s.ref, false, &status);
	CHECK(s.page);
	CHECK(s.page->srv_live == 1 && s.page->cli_live == 2);
	return s;
}

static void end(struct served *s)
{
	sim_grant_unmap(sim_guest, s->ref, false);
	vchan_close(s->v);
	CHECK(!sim_xs_read(key("ring-ref")));
}

static void test_stream(void **state)
{
	struct served s = serve(1000);
	unsigned char *left = (unsigned char *)s.page + 1024, got[8];

	(void)state;
	CHECK(s.page->left_order == 10 && s.page->right_order == 11);
	CHECK(vchan_wait(s.v, 0) == -ETIMEDOUT);
	CHECK(vchan_read(s.v, got, 1, 0) == -ETIMEDOUT);
	s.page->cli_live = 1;
	CHECK(vchan_wait(s.v, 0) == 0);
	memcpy(left, "hello", 5);
	s.page->left.prod = 5;
	CHECK(vchan_data(s.v) == 5);
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == 5);
	CHECK(!memcmp(got, "hello", 5) && s.page->left.cons == 5);
	CHECK(vchan_write(s.v, "back", 4, 0) == 4);
	CHECK(s.page->right.prod == 4);
	CHECK(!memcmp((char *)s.page + 2048, "back", 4));
	CHECK(vchan_space(s.v) == 2044);
	/* no more than the ring has, and what was taken is told */
	static unsigned char much[4096];
	CHECK(vchan_write(s.v, much, sizeof(much), 0) == 2044);
	CHECK(vchan_write(s.v, much, 1, 0) == -ETIMEDOUT);
	/* what it wrote before it went is read first */
	s.page->left.prod = 7;
	s.page->cli_live = 0;
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == 2);
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == 0);
	CHECK(vchan_write(s.v, much, 1, 0) == -EPIPE);
	end(&s);
}

static void test_bad_indices(void **state)
{
	unsigned char got[4096];
	struct served s = serve(1000);

	(void)state;
	s.page->cli_live = 1;
	s.page->left.prod = s.page->left.cons + 1025;
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == -EIO);
	s.page->left.prod = s.page->left.cons; /* too late */
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == -EIO);
	end(&s);
	s = serve(1000);
	s.page->cli_live = 1;
	s.page->right.cons = 1; /* took what was never there */
	CHECK(vchan_write(s.v, got, 1, 0) == -EIO);
	CHECK(vchan_space(s.v) == 0);
	end(&s);
}

/* What stands in the page is not believed once the rings are made. */
static void test_moved_goalposts(void **state)
{
	struct served s = serve(1000);
	unsigned char got[4096];

	(void)state;
	s.page->cli_live = 1;
	s.page->left_order = 31;
	s.page->left.cons = 77; /* ours; we keep our own */
	s.page->left.prod = 1024;
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == 1024);
	s.page->cli_live = 9; /* no state at all: it is not here */
	CHECK(vchan_read(s.v, got, sizeof(got), 0) == 0);
	end(&s);
}

static void test_wrap(void **state)
{
	struct served s = serve(1000);
	unsigned char *left = (unsigned char *)s.page + 1024, got[1024];
	uint32_t sent = 0;

	(void)state;
	s.page->cli_live = 1;
	for (unsigned i = 0; i < 2000; i++) {
		unsigned n = 1 + i * 37 % 1024;

		for (unsigned k = 0; k < n; k++)
			left[(sent + k) % 1024] = (unsigned char)(sent + k);
		sent += n;
		s.page->left.prod = sent;
		CHECK(vchan_read(s.v, got, sizeof(got), 0) == (ssize_t)n);
		for (unsigned k = 0; k < n; k++)
			CHECK(got[k] == (unsigned char)(sent - n + k));
	}
	end(&s);
}

/* --- dom0 serves -------------------------------------------------------- */

static void offer(unsigned left, unsigned right, uint32_t first, int expected)
{
	struct vchan_interface *page = sim_pages(SIM_DOM0, 1);
	uint32_t ref = sim_grant_offer(SIM_DOM0, sim_guest->id, page, false);
	int port = sim_evtchn_unbound(SIM_DOM0, sim_guest->id);
	struct vchan *v;
	char text[16];

	page->left_order = (uint16_t)left;
	page->right_order = (uint16_t)right;
	page->srv_live = 1;
	page->cli_live = 2;
	page->grants[0] = first;
	snprintf(text, sizeof(text), "%d", port);
	sim_xs_write(key("event-channel"), text);
	snprintf(text, sizeof(text), "%u", ref);
	sim_xs_write(key("ring-ref"), text);
	CHECK(vchan_connect(PATH, 0, &v, soon()) == expected);
	if (!expected) {
		CHECK(page->cli_live == 1);
		vchan_close(v);
		CHECK(page->cli_live == 0);
	}
	CHECK(sim_maps(sim_guest) == 0);
	CHECK(sim_grant_withdraw(SIM_DOM0, ref) == 0);
	sim_xs_rm(key("ring-ref"));
	sim_xs_rm(key("event-channel"));
}

static void test_bad_server(void **state)
{
	struct vchan *v;

	(void)state;
	offer(10, 11, 0, 0);
	offer(10, 10, 0, -EPROTO);
	offer(9, 11, 0, -EPROTO);
	offer(11, 21, 0, -EPROTO);
	offer(65535, 0, 0, -EPROTO);
	offer(12, 11, 1 << 20, -EINVAL);
	CHECK(vchan_connect(PATH, 0, &v, clock_deadline(1)) == -ETIMEDOUT);
	sim_xs_write(key("event-channel"), "1");
	sim_xs_write(key("ring-ref"), "8 or so");
	CHECK(vchan_connect(PATH, 0, &v, soon()) == -EPROTO);
	CHECK(vchan_listen(PATH, 0, VCHAN_RING_MAX + 1, 1, &v, soon()) ==
	      -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_bad_indices),
		cmocka_unit_test(test_moved_goalposts),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_bad_server),
	};

	return cmocka_run_group_tests_name("vchan", tests, sim_setup, NULL);
}
