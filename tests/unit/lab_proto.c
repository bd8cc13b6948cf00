/* SPDX-License-Identifier: ISC */
/*
 * Frames between the tool and the lab's agent: either end may send anything,
 * in pieces of any size, or go away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lab/proto.c"

struct ends {
	int here, there;
	struct lab_frame in, out;
};

static int setup(void **state)
{
	struct ends *e = calloc(1, sizeof(*e));
	int fd[2];

	if (!e || socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -1;
	e->here = fd[0];
	e->there = fd[1];
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct ends *e = *state;

	close(e->here);
	if (e->there >= 0)
		close(e->there);
	free(e);
	return 0;
}

static void hang_up(struct ends *e)
{
	close(e->there);
	e->there = -1;
}

static void raw(struct ends *e, const void *data, size_t n)
{
	assert_int_equal(write(e->there, data, n), n);
}

static void crosses_in_pieces(void **state)
{
	struct ends *e = *state;
	struct lab_header h = {.len = 5, .type = LAB_DATA};
	char bytes[sizeof(h) + 5];

	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), "hello", 5);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(lab_frame_recv(e->here, &e->in), 0);
		raw(e, bytes + i, 1);
	}
	assert_int_equal(lab_frame_recv(e->here, &e->in), 1);
	assert_int_equal(e->in.head.type, LAB_DATA);
	assert_memory_equal(e->in.data, "hello", 5);
}

static void two_frames_do_not_mix(void **state)
{
	struct ends *e = *state;
	int32_t result = -42;

	assert_int_equal(lab_send(e->there, &e->out, LAB_STDOUT, "ab", 2, 100),
			 0);
	assert_int_equal(lab_send(e->there, &e->out, LAB_RESULT, &result,
				  sizeof(result), 100),
			 0);
	assert_int_equal(lab_frame_recv_wait(e->here, &e->in, 100), 0);
	assert_int_equal(e->in.head.len, 2);
	assert_int_equal(lab_result(&e->in), -EPROTO);
	assert_int_equal(lab_frame_recv_wait(e->here, &e->in, 100), 0);
	assert_int_equal(lab_result(&e->in), -42);
}

static void largest_crosses_a_full_socket(void **state)
{
	struct ends *e = *state;
	int small = 4096, rc;

	setsockopt(e->there, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	memset(e->out.data, 'x', LAB_FRAME_MAX);
	e->out.data[LAB_FRAME_MAX - 1] = 'y';
	lab_frame_set(&e->out, LAB_DATA, e->out.data, LAB_FRAME_MAX);
	rc = lab_frame_send(e->there, &e->out);
	assert_int_equal(rc, 0); /* it cannot fit at once */
	while (rc == 0) {
		assert_true(lab_frame_recv(e->here, &e->in) >= 0);
		rc = lab_frame_send(e->there, &e->out);
	}
	assert_int_equal(rc, 1);
	assert_int_equal(lab_frame_recv(e->here, &e->in), 1);
	assert_int_equal(e->in.head.len, LAB_FRAME_MAX);
	assert_int_equal(e->in.data[LAB_FRAME_MAX - 1], 'y');
}

static void too_long_is_refused(void **state)
{
	struct ends *e = *state;
	struct lab_header h = {.len = LAB_FRAME_MAX + 1, .type = LAB_DATA};

	raw(e, &h, sizeof(h));
	assert_int_equal(lab_frame_recv(e->here, &e->in), -EPROTO);
}

static void noise_is_refused(void **state)
{
	struct ends *e = *state;

	raw(e, "\1\0\0\0GET /", 9);
	assert_int_equal(lab_frame_recv(e->here, &e->in), -EPROTO);
}

static void peer_that_leaves_is_seen(void **state)
{
	struct ends *e = *state;
	struct lab_header h = {.len = 100, .type = LAB_DATA};

	raw(e, &h, sizeof(h));
	hang_up(e);
	assert_int_equal(lab_frame_recv(e->here, &e->in), -EPIPE);
	assert_int_equal(lab_send(e->here, &e->out, LAB_DATA, "x", 1, 100),
			 -EPIPE);
}

static void silence_ends_at_the_deadline(void **state)
{
	struct ends *e = *state;
	int64_t start = now_ms();

	assert_int_equal(lab_frame_recv_wait(e->here, &e->in, 30), -ETIMEDOUT);
	assert_true(now_ms() - start >= 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(crosses_in_pieces),
		T(two_frames_do_not_mix),
		T(largest_crosses_a_full_socket),
		T(too_long_is_refused),
		T(noise_is_refused),
		T(peer_that_leaves_is_seen),
		T(silence_ends_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
