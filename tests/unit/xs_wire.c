/* SPDX-License-Identifier: ISC */
/*
 * The xenstore wire against a xenstored that is this file: framing at every
 * place of the rings, and everything illegal that can stand in the page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fata/xen/xs.h>
#include "xen/xs_wire.h"

static struct xenstore_domain_interface page;
/* Nobody else runs here (xen/shared.h). */
void sim_step(void) {}

static struct xs_ring ring;

/* Rings whose indices all stand at `start`. */
static void rings_at(uint32_t start)
{
	memset(&page, 0, sizeof(page));
	page.req_prod = page.req_cons = start;
	page.rsp_prod = page.rsp_cons = start;
	xs_ring_init(&ring, &page);
}

static void answer_bytes(const void *data, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		page.rsp[MASK_XENSTORE_IDX(page.rsp_prod + i)] =
			((const char *)data)[i];
	page.rsp_prod += n;
}

static void class_35_every_place_of_the_ring(void **state)
{
	static struct xs_incoming in;
	struct xsd_sockmsg h = {XS_READ, 7, 0, 5};
	uint32_t start;

	(void)state;
	for (start = 0xfffffb00; start != 0x500; start++) {
		rings_at(start);
		memset(&in, 0, sizeof(in));
		answer_bytes(&h, sizeof(h));
		assert_int_equal(xs_incoming_pull(&in, &ring), 0);
		answer_bytes("hel", 3);
		assert_int_equal(xs_incoming_pull(&in, &ring), 0);
		answer_bytes("lo", 2);
		assert_int_equal(xs_incoming_pull(&in, &ring), 1);
		assert_int_equal(in.header.req_id, 7);
		assert_string_equal(in.payload, "hello");
		assert_int_equal(page.rsp_cons, page.rsp_prod);
	}
}

static void class_35_every_split(void **state)
{
	static struct xs_incoming in;
	struct {
		struct xsd_sockmsg h;
		char text[40];
	} m = {{XS_READ, 1, 0, 40}, "0123456789012345678901234567890123456789"};
	size_t cut;

	(void)state;
	for (cut = 1; cut < sizeof(m); cut++) {
		rings_at(0xffffffe0);
		in.have = 0;
		answer_bytes(&m, cut);
		assert_int_equal(xs_incoming_pull(&in, &ring), 0);
		answer_bytes((char *)&m + cut, sizeof(m) - cut);
		assert_int_equal(xs_incoming_pull(&in, &ring), 1);
		assert_memory_equal(in.payload, m.text, 40);
		assert_int_equal(in.payload[40], 0);
	}
}

static void class_35_longest_message_and_one_more(void **state)
{
	static struct xs_incoming in;
	struct xsd_sockmsg h = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX};
	char part[512] = {0};
	int i;

	(void)state;
	rings_at(0xffffff00);
	in.have = 0;
	answer_bytes(&h, sizeof(h));
	for (i = 0; i < 7; i++) {
		answer_bytes(part, sizeof(part));
		assert_int_equal(xs_incoming_pull(&in, &ring), 0);
	}
	answer_bytes(part, sizeof(part));
	assert_int_equal(xs_incoming_pull(&in, &ring), 1);

	in.have = 0;
	h.len++;
	answer_bytes(&h, sizeof(h));
	assert_int_equal(xs_incoming_pull(&in, &ring), -EPROTO);
	/* and it stays so, whatever comes */
	assert_int_equal(xs_incoming_pull(&in, &ring), -EPROTO);
}

static void class_35_illegal_indices(void **state)
{
	char byte;

	(void)state;
	rings_at(0xfffffff0);
	page.rsp_prod = ring.in.index + XENSTORE_RING_SIZE;
	assert_int_equal(byte_ring_read(&ring.in, &byte, 1), 1);
	page.rsp_prod = ring.in.index + XENSTORE_RING_SIZE + 1;
	assert_int_equal(byte_ring_read(&ring.in, &byte, 1), -EPROTO);
	page.rsp_prod = ring.in.index - 1; /* backwards */
	assert_int_equal(byte_ring_read(&ring.in, &byte, 1), -EPROTO);
	page.req_cons = ring.out.index + 1; /* took what we never sent */
	assert_int_equal(byte_ring_write(&ring.out, "x", 1), -EPROTO);
	page.req_cons = ring.out.index - XENSTORE_RING_SIZE - 1;
	assert_int_equal(byte_ring_write(&ring.out, "x", 1), -EPROTO);
}

static void class_5_own_indices_are_not_read_back(void **state)
{
	(void)state;
	rings_at(0xffffffff);
	assert_int_equal(byte_ring_write(&ring.out, "ab", 2), 2);
	page.req_prod = 77; /* xenstored scribbles over what is ours */
	assert_int_equal(byte_ring_write(&ring.out, "c", 1), 1);
	assert_int_equal(page.req_prod, 2);
	assert_int_equal(page.req[1023], 'a');
	assert_int_equal(page.req[0], 'b');
	assert_int_equal(page.req[1], 'c');
}

static void full_ring_takes_a_part(void **state)
{
	char data[1500] = {0};

	(void)state;
	rings_at(0xffffff00);
	assert_int_equal(byte_ring_write(&ring.out, data, sizeof(data)), 1024);
	assert_int_equal(byte_ring_write(&ring.out, data, 476), 0);
	page.req_cons += 10;
	assert_int_equal(byte_ring_write(&ring.out, data, 476), 10);
}

static void class_31_numbers(void **state)
{
	uint64_t v = 42;

	(void)state;
	assert_int_equal(xs_parse_u64("0", 0, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(xs_parse_u64("18446744073709551615", UINT64_MAX, &v),
			 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(xs_parse_u64("", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64("-1", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64("+1", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64(" 1", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64("1 ", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64("0x1", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64("1e3", 9, &v), -EINVAL);
	assert_int_equal(xs_parse_u64("10", 9, &v), -ERANGE);
	assert_int_equal(xs_parse_u64("18446744073709551616", UINT64_MAX, &v),
			 -ERANGE);
	assert_int_equal(xs_parse_u64("99999999999999999999999999999999",
				      UINT64_MAX, &v),
			 -ERANGE);
	/* junk is junk even behind a number that is too large */
	assert_int_equal(
		xs_parse_u64("99999999999999999999999x", UINT64_MAX, &v),
		-EINVAL);
	assert_true(v == UINT64_MAX);
}

static void paths(void **state)
{
	char path[XENSTORE_ABS_PATH_MAX + 2];

	(void)state;
	assert_int_equal(xs_wire_path("/", false), 0);
	assert_int_equal(xs_wire_path("device/vif/0", false), 0);
	assert_int_equal(xs_wire_path("@releaseDomain", true), 0);
	assert_int_equal(xs_wire_path("@releaseDomain", false), -EINVAL);
	assert_int_equal(xs_wire_path("", false), -EINVAL);
	assert_int_equal(xs_wire_path("a//b", false), -EINVAL);
	assert_int_equal(xs_wire_path("a/", false), -EINVAL);
	assert_int_equal(xs_wire_path("a b", false), -EINVAL);
	assert_int_equal(xs_wire_path("a\xff", false), -EINVAL);
	memset(path, 'a', sizeof(path));
	path[XENSTORE_REL_PATH_MAX - 1] = 0;
	assert_int_equal(xs_wire_path(path, false), 0);
	path[XENSTORE_REL_PATH_MAX - 1] = 'a';
	path[XENSTORE_REL_PATH_MAX] = 0;
	assert_int_equal(xs_wire_path(path, false), -E2BIG);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[XENSTORE_ABS_PATH_MAX - 1] = 0;
	assert_int_equal(xs_wire_path(path, false), 0);
	path[XENSTORE_ABS_PATH_MAX - 1] = 'a';
	path[XENSTORE_ABS_PATH_MAX] = 0;
	assert_int_equal(xs_wire_path(path, false), -E2BIG);
}

static void class_34_watch_events(void **state)
{
	const char *path, *token;

	(void)state;
	assert_int_equal(xs_wire_event("a/b\0tok", 8, &path, &token), 0);
	assert_string_equal(path, "a/b");
	assert_string_equal(token, "tok");
	assert_int_equal(xs_wire_event("", 0, &path, &token), -EPROTO);
	assert_int_equal(xs_wire_event("a/b", 3, &path, &token), -EPROTO);
	assert_int_equal(xs_wire_event("a/b", 4, &path, &token), -EPROTO);
	assert_int_equal(xs_wire_event("\0t", 3, &path, &token), -EPROTO);
}

static void words_and_lists(void **state)
{
	(void)state;
	assert_int_equal(xs_wire_errno("ENOENT"), ENOENT);
	assert_int_equal(xs_wire_errno("EQUOTA"), EDQUOT);
	assert_int_equal(xs_wire_errno("E2BIG"), E2BIG);
	assert_int_equal(xs_wire_errno(""), EPROTO);
	assert_int_equal(xs_wire_errno("NONSENSE"), EPROTO);
	assert_int_equal(xs_wire_count("", 0), 0);
	assert_int_equal(xs_wire_count("a\0bc\0", 5), 2);
	assert_int_equal(xs_wire_count("a\0bc", 4), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_35_every_place_of_the_ring),
		cmocka_unit_test(class_35_every_split),
		cmocka_unit_test(class_35_longest_message_and_one_more),
		cmocka_unit_test(class_35_illegal_indices),
		cmocka_unit_test(class_5_own_indices_are_not_read_back),
		cmocka_unit_test(full_ring_takes_a_part),
		cmocka_unit_test(class_31_numbers),
		cmocka_unit_test(paths),
		cmocka_unit_test(class_34_watch_events),
		cmocka_unit_test(words_and_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
