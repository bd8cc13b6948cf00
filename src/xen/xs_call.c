/* SPDX-License-Identifier: ISC */
/* Requests that a task waits for, and transactions; see xs_call.h. */
#include "xen/xs_call.h"

#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/task.h>

#define SMALL        32
#define ATTEMPTS     50
#define PAUSE_NS     (100 * FATA_NS_PER_US)
#define PAUSE_MAX_NS (50 * FATA_NS_PER_MS)

struct xs_call {
	struct xs_request request;
	struct event done;
	bool left;           /* nobody waits for it any more */
	uint32_t connection; /* the one that answered */
	char *text; /* SMALL bytes, so that short answers always find room */
	size_t size;
	char payload[];
};

static void call_free(struct xs_call *call)
{
	heap_free(call->text);
	heap_free(call);
}

/* Asking again for these changes nothing. */
static bool repeatable(uint32_t type, uint32_t transaction)
{
	if (transaction)
		return false;
	switch (type) {
	case XS_READ:
	case XS_DIRECTORY:
	case XS_DIRECTORY_PART:
	case XS_GET_PERMS:
	case XS_GET_DOMAIN_PATH:
	case XS_IS_DOMAIN_INTRODUCED:
	case XS_TRANSACTION_START:
	case XS_RESET_WATCHES:
		return true;
	default:
		return false;
	}
}

/* A transaction was begun for a task that is gone: end it, in this memory. */
static bool end_orphan(struct xs_call *call)
{
	struct xs_request *r = &call->request;
	uint64_t id;

	if (r->header.type != XS_TRANSACTION_START || r->result ||
	    xs_parse_u64(r->reply, UINT32_MAX, &id))
		return false;
	r->header.type = XS_TRANSACTION_END;
	r->header.tx_id = id;
	r->header.len = 2;
	memcpy(call->payload, "F", 2);
	r->repeat = false;
	return xs_submit(r) == 0;
}

static void call_done(struct xs_request *r)
{
	struct xs_call *call = list_entry(r, struct xs_call, request);
	char *text;

	if (call->left) {
		if (!end_orphan(call))
			call_free(call);
		return;
	}
	call->connection = xs_connection();
	if (r->result == 0) {
		call->size = r->reply_size;
		text = call->size < SMALL
			       ? call->text
			       : heap_realloc(call->text, call->size + 1);
		if (text) {
			call->text = text;
			memcpy(text, r->reply, call->size + 1);
		} else {
			r->result = -ENOMEM;
		}
	}
	event_signal(&call->done);
}

static struct xs_call *call_new(uint32_t type, uint32_t transaction,
				const struct xs_part *parts, unsigned int n)
{
	struct xs_call *call;
	size_t size = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		size += parts[i].size;
	/* Room for end_orphan's payload. */
	call = heap_calloc(1, sizeof(*call) + (size < 2 ? 2 : size));
	if (!call)
		return NULL;
	call->text = heap_alloc(SMALL);
	if (!call->text) {
		heap_free(call);
		return NULL;
	}
	call->request.payload = call->payload;
	call->request.done = call_done;
	call->request.header.type = type;
	call->request.header.tx_id = transaction;
	call->request.repeat = repeatable(type, transaction);
	for (i = 0; i < n; i++) {
		memcpy(call->payload + call->request.header.len, parts[i].data,
		       parts[i].size);
		call->request.header.len += parts[i].size;
	}
	return call;
}

/* Submit and wait; the call is gone afterwards, or will be. */
static int call_run(struct xs_call *call, struct xs_reply *reply,
		    uint64_t deadline)
{
	/* An end must arrive even when nobody waits for it. */
	bool keep = call->request.header.type == XS_TRANSACTION_END;
	uint64_t seen = event_count(&call->done);
	int err = xs_submit(&call->request);

	if (err) {
		call_free(call);
		return err;
	}
	while (call->request.busy) {
		err = event_wait(&call->done, &seen, deadline);
		if (err && call->request.busy) {
			call->left = true;
			call->request.repeat = false;
			if (!keep && xs_withdraw(&call->request))
				call_free(call);
			return err;
		}
	}
	if (err == -ECANCELED)
		fata_task_cancel(fata_task_self()); /* for the next call */
	err = call->request.result;
	if (err == 0 && reply) {
		reply->text = call->text;
		reply->size = call->size;
		reply->connection = call->connection;
		call->text = NULL;
	}
	call_free(call);
	return err;
}

int xs_talk(uint32_t type, const struct xs_transaction *t,
	    const struct xs_part *parts, unsigned int n, struct xs_reply *reply,
	    uint64_t deadline)
{
	struct xs_call *call;
	size_t size = 0;
	unsigned int i;
	int err = xs_usable();

	if (err)
		return err;
	if (t && t->connection != xs_connection())
		return -EAGAIN;
	for (i = 0; i < n; i++) {
		if (parts[i].size > XENSTORE_PAYLOAD_MAX - size)
			return -E2BIG;
		size += parts[i].size;
	}
	call = call_new(type, t ? t->id : 0, parts, n);
	return call ? call_run(call, reply, deadline) : -ENOMEM;
}

int xs_talk_text(uint32_t type, const struct xs_transaction *t,
		 const char *text, struct xs_reply *reply, uint64_t deadline)
{
	const struct xs_part part = XS_TEXT(text);

	return xs_talk(type, t, &part, 1, reply, deadline);
}

int xs_talk_path(uint32_t type, const struct xs_transaction *t,
		 const char *path, struct xs_reply *reply, uint64_t deadline)
{
	int err = xs_wire_path(path, false);

	return err ? err : xs_talk_text(type, t, path, reply, deadline);
}

/* --- transactions --------------------------------------------------------- */

int xs_transaction_start(struct xs_transaction *t, uint64_t deadline)
{
	/* Made now, so that the end cannot fail for want of memory. */
	const struct xs_part end = {"F", 2};
	struct xs_reply reply;
	uint64_t id;
	int err;

	t->end = call_new(XS_TRANSACTION_END, 0, &end, 1);
	if (!t->end)
		return -ENOMEM;
	err = xs_talk_text(XS_TRANSACTION_START, NULL, "", &reply, deadline);
	if (err == 0) {
		err = xs_parse_u64(reply.text, UINT32_MAX, &id);
		if (err || id == 0)
			err = -EPROTO;
		heap_free(reply.text);
	}
	if (err) {
		call_free(t->end);
		t->end = NULL;
		return err;
	}
	t->id = id;
	t->connection = reply.connection;
	return 0;
}

/*
 * -ENOENT, to an end of either kind: the daemon has lost the transaction, as a
 * forced update in place makes it do (xenstore-control live-update -F), and it
 * has answered all requests in it with -ENOENT too.
 */
int xs_transaction_end(struct xs_transaction *t, bool commit, uint64_t deadline)
{
	struct xs_call *call = t->end;
	int err;

	t->end = NULL;
	if (t->connection != xs_connection()) {
		call_free(call);
		return commit ? -EAGAIN : 0;
	}
	call->payload[0] = commit ? 'T' : 'F';
	call->request.header.tx_id = t->id;
	err = call_run(call, NULL, deadline);
	return err == -ENOENT ? -EAGAIN : err;
}

static int attempt(int (*fn)(struct xs_transaction *t, void *arg), void *arg,
		   uint64_t deadline)
{
	struct xs_transaction t;
	int end, err = xs_transaction_start(&t, deadline);

	if (err)
		return err;
	err = fn(&t, arg);
	end = xs_transaction_end(&t, err == 0, deadline);
	/* in a lost one fn has seen what was never there */
	return err && end != -EAGAIN ? err : end;
}

int xs_transaction(int (*fn)(struct xs_transaction *t, void *arg), void *arg,
		   uint64_t deadline)
{
	uint64_t pause = PAUSE_NS;
	unsigned int i;
	int err, slept;

	for (i = 0;; i++) {
		err = attempt(fn, arg, deadline);
		if (err != -EAGAIN || i + 1 == ATTEMPTS)
			return err;
		if (clock_mono_ns() >= deadline)
			return -ETIMEDOUT;
		slept = fata_sleep(pause);
		if (slept)
			return slept;
		pause = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
	}
}
