/* SPDX-License-Identifier: ISC */
/*
 * Fault class 48 for vchan and the balloon: the first, second, third ...
 * allocation or hypercall, for vchan also answer of xenstore, fails, until
 * none is left to fail. Each time the error comes back as an error, nothing
 * stays behind, and what was asked for is reached afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/xen/balloon.h>
#include <fata/xen/vchan.h>
#include <xen/io/libxenvchan.h>

#include "core/boot.h"
#include "drivers/balloon.h"
#include "lib/sim.h"

#define HOME    "/local/domain/5"
#define PATH    "data/vchan/0/n"
#define MISSING 512

static uint64_t soon(void)
{
	return clock_deadline(5 * FATA_NS_PER_S);
}

/* --- vchan ---------------------------------------------------------------- */

/* Large rings: pages of their own, more references than one. */
static void serve(void)
{
	struct vchan_interface *page;
	struct vchan *v = NULL;
	uint32_t ref;
	int status, rc;

	rc = vchan_listen(PATH, 0, 3 * PAGE_SIZE, 1000, &v, soon());
	CHECK(rc == 0 || sim.failed);
	if (rc)
		return;
	ref = (uint32_t)atoi(sim_xs_read(HOME "/" PATH "/ring-ref"));
	page = sim_grant_map(SIM_DOM0, sim_guest, ref, false, &status);
	CHECK(page);
	page->cli_live = 1;
	CHECK(vchan_write(v, "some", 4, soon()) == 4);
	CHECK(page->right.prod == 4);
	sim_grant_unmap(sim_guest, ref, false);
	vchan_close(v);
}

static void number(const char *path, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	sim_xs_write(path, text);
}

/* dom0 serves: one ring in the first page, one of a page of its own. */
static void connect(void)
{
	struct vchan_interface *page = sim_pages(SIM_DOM0, 1);
	void *ring = sim_pages(SIM_DOM0, 1);
	uint16_t us = sim_guest->id;
	uint32_t refs[] = {sim_grant_offer(SIM_DOM0, us, page, false),
			   sim_grant_offer(SIM_DOM0, us, ring, false)};
	int port = sim_evtchn_unbound(SIM_DOM0, us), rc;
	struct vchan *v = NULL;

	page->left_order = 10;
	page->right_order = 12;
	page->srv_live = 1;
	page->cli_live = 2;
	page->grants[0] = refs[1];
	number(HOME "/" PATH "/event-channel", (uint32_t)port);
	number(HOME "/" PATH "/ring-ref", refs[0]);
	rc = vchan_connect(PATH, 0, &v, soon());
	CHECK(rc == 0 || sim.failed);
	if (rc == 0) {
		CHECK(page->cli_live == 1);
		CHECK(vchan_write(v, "some", 4, soon()) == 4);
		CHECK(memcmp((char *)page + 1024, "some", 4) == 0);
		vchan_close(v);
	}
	CHECK(page->cli_live == (rc ? 2 : 0));
	for (int i = 0; i < 2; i++)
		CHECK(sim_grant_withdraw(SIM_DOM0, refs[i]) == 0);
	sim_xs_rm(HOME "/" PATH);
}

static void class_48_vchan(void **state)
{
	(void)state;
	for (int what = 0; what < SIM_FAILS; what++) {
		sim_nth_fresh((enum sim_fail)what, serve);
		sim_nth_fresh((enum sim_fail)what, connect);
	}
}

/* --- the balloon ---------------------------------------------------------- */

static void target(unsigned int kib)
{
	number(HOME "/memory/target", kib);
	sim_sleep(2 * FATA_NS_PER_S);
}

/* Pages that are given back; by both books, ours and Xen's. */
static uint64_t held(void)
{
	struct balloon_stat s;

	balloon_stat(&s);
	CHECK(s.held == sim_guest->ballooned);
	CHECK(s.taken - s.returned == s.held);
	return s.held;
}

/* What failed once is tried again by itself, within its longest pause. */
static void reaches(unsigned int kib, uint64_t pages, uint64_t slack)
{
	target(kib);
	if (held() < pages || held() > pages + slack)
		CHECK(sim.failed);
	sim_sleep(40 * FATA_NS_PER_S);
	CHECK(held() >= pages && held() <= pages + slack);
}

/* The boot of a guest that is populated on demand, down, and up again. */
static void inflate_and_deflate(void)
{
	uint64_t ram = SIM_RAM_PAGES + MISSING;

	boot_info.ram.n = 1;
	boot_info.ram.r[0].start = 1 << 20;
	boot_info.ram.r[0].end = (1 << 20) + ram * PAGE_SIZE;
	if (balloon_start()) {
		CHECK(sim.failed);
		return;
	}
	CHECK(held() >= MISSING || sim.failed);
	reaches(32768, 8192, 128);
	reaches(65536, 0, 128);
}

static void class_48_balloon(void **state)
{
	(void)state;
	/* what xenstore says of a key is believed until the key changes */
	sim_nth_fresh(SIM_FAIL_ALLOC, inflate_and_deflate);
	sim_nth_fresh(SIM_FAIL_HYPERCALL, inflate_and_deflate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_48_vchan),
		cmocka_unit_test(class_48_balloon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
