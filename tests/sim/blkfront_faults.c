/* SPDX-License-Identifier: ISC */
/*
 * Error injection on every request: the same small load again and again, with
 * something going wrong at its first, second, third ... answer, until there is
 * none left. The error meets the request that it belongs to, and no other;
 * what ended well was done, and all of it ends.
 */
#include <errno.h>
#include <string.h>

#include <fata/block.h>
#include <fata/clock.h>

#include "drivers/blkfront.h"
#include "lib/sim.h"
#include "lib/sim_disk.h"

#define REQUESTS 60
#define ROOM	 (40 * 512)

enum fault {
	FAULT_ERROR,	  /* the backend could not, or says so */
	FAULT_NOT_SUPP,	  /* does not know how, or says so */
	FAULT_STATUS,	  /* answers with a status that is none */
	FAULT_NO_EVENT,	  /* answers without a signal */
	FAULT_UNANSWERED, /* restarts when it has done it, without an answer */
	FAULT_UNPLUGGED,
	FAULTS,
};

static enum fault fault;
static unsigned answers, fault_at;

static bool inject(struct sim_blkback *b, struct blkif_response *rsp)
{
	b->silent = false;
	if (++answers != fault_at)
		return true;
	switch (fault) {
	case FAULT_ERROR:
		rsp->status = BLKIF_RSP_ERROR;
		return true;
	case FAULT_NOT_SUPP:
		rsp->status = BLKIF_RSP_EOPNOTSUPP;
		return true;
	case FAULT_STATUS:
		rsp->status = 77;
		return true;
	case FAULT_NO_EVENT:
		b->silent = true;
		return true;
	case FAULT_UNANSWERED:
		sim_blkback_restart(b);
		return false;
	default:
		sim_blkback_unplug(b);
		return false;
	}
}

static struct block_request request[REQUESTS];
static struct iovec piece[REQUESTS];
static unsigned char memory[REQUESTS][ROOM];

/* Every third next to its neighbour, so that some are joined. */
static void prepare(unsigned i)
{
	static uint64_t at;
	struct block_request *r = &request[i];
	size_t n = (1 + i % 40) * 512;

	at = i % 3 ? at : (i * 45 * 512ull);
	memset(r, 0, sizeof(*r));
	piece[i] = (struct iovec){memory[i], n};
	r->op = i % 7 == 6    ? BLOCK_FLUSH
		: i % 11 == 10 ? BLOCK_DISCARD
		: i / 6 % 2    ? BLOCK_WRITE
			       : BLOCK_READ;
	r->offset = at;
	r->size = n;
	r->vec = &piece[i];
	r->count = 1;
	if (r->op != BLOCK_FLUSH)
		at += n;
	if (r->op == BLOCK_WRITE)
		fill(memory[i], n);
}

static void check_one(unsigned i)
{
	struct block_request *r = &request[i];

	if (r->status || r->op == BLOCK_FLUSH)
		return;
	if (r->op == BLOCK_READ)
		CHECK(memcmp(memory[i], model + r->offset, r->size) == 0);
	else if (r->op == BLOCK_WRITE)
		CHECK(memcmp(memory[i], disk + r->offset, r->size) == 0);
}

/* The errors that this fault may cause, and how many requests have one. */
static void check_errors(unsigned failed)
{
	static const int errors[FAULTS] = {
		-EIO, -EOPNOTSUPP, -EIO, 0, 0, -ENODEV};

	for (unsigned i = 0; i < REQUESTS; i++)
		CHECK(!request[i].status ||
		      request[i].status == errors[fault] ||
		      /* it does not ask again */
		      (fault == FAULT_NOT_SUPP &&
		       request[i].op >= BLOCK_FLUSH));
	if (fault == FAULT_ERROR || fault == FAULT_STATUS)
		CHECK(failed <= 1);
	if (fault == FAULT_NO_EVENT || fault == FAULT_UNANSWERED)
		CHECK(failed == 0);
}

static void run_one(void)
{
	unsigned failed = 0;
	int rc;

	offer();
	blk_queues = 1 + fault_at % 2;
	open_disk();
	back.twist = inject;
	answers = 0;
	for (unsigned i = 0; i < REQUESTS; i++) {
		prepare(i);
		rc = block_submit(block, &request[i]);
		if (rc)
			request[i].status = rc;
		if (i % 20 == 19)
			sim_sleep(10 * MS);
	}
	for (unsigned i = 0; i < REQUESTS; i++) {
		if (request[i].status == -EINPROGRESS)
			block_wait(&request[i],
				   clock_deadline(60 * FATA_NS_PER_S));
		CHECK(request[i].status != -EINPROGRESS);
		failed += request[i].status != 0;
		check_one(i);
	}
	check_errors(failed);
	if (fault != FAULT_UNPLUGGED || answers < fault_at)
		close_disk();
	else
		sim_sleep(100 * MS);
}

static void test_fault_at_each_answer(void **state)
{
	(void)state;
	for (fault = 0; fault < FAULTS; fault++) {
		fault_at = 0;
		do {
			fault_at++;
			run_one();
		} while (answers >= fault_at);
		CHECK(fault_at > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_at_each_answer),
	};

	return cmocka_run_group_tests(tests, sim_setup, NULL);
}
