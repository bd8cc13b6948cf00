/* SPDX-License-Identifier: ISC */
/*
 * Watches. Each is one registration in xenstored under its own token, a number
 * that is never used twice, so that a late event finds nobody, not a stranger.
 *
 *               WATCH sent        answered
 *     xs_watch ----------> ASKING --------> ON ---+ xs_unwatch: UNWATCH sent
 *                 ^           |                   |
 *                 |           | error             v
 *                 |           v                LEAVING -------> freed
 *      reset: ----+          OFF (first time: freed, the caller has the error)
 *
 * WATCH and UNWATCH have the same payload, which lies in the watch with the
 * request itself: so leaving needs no memory, cannot fail and need not wait.
 * xs_unwatch while a request is under way only marks the watch; step() goes on
 * when the answer is there.
 */
#include <errno.h>
#include <string.h>

#include <fata/heap.h>
#include <fata/log.h>
#include "core/fmt.h"
#include "xen/xs_conn.h"

FATA_LOG_SOURCE("xenstore");

#define QUEUE_MAX 64
#define BUCKETS   64

struct xs_watch {
	struct list link; /* in its bucket, by number */
	struct xs_request request;
	uint32_t number, reset;
	bool registered; /* xenstored knows it */
	bool leaving;    /* the owner is gone */
	bool waited;     /* the owner is in xs_watch */
	int result;      /* of the last registration */
	struct event settled;
	void (*fn)(void *arg, const char *path);
	void *arg;
	struct event event;
	char *queue[QUEUE_MAX];
	unsigned int first, used;
	bool overflow;
	char payload[]; /* path NUL token NUL */
};

uint64_t xs_watch_lost;

static struct list buckets[BUCKETS];
static uint32_t last_number;
static unsigned int count;

static struct xs_watch *watch(struct list *entry)
{
	return list_entry(entry, struct xs_watch, link);
}

static void drop_queue(struct xs_watch *w)
{
	for (; w->used; w->used--) {
		heap_free(w->queue[w->first]);
		w->first = (w->first + 1) % QUEUE_MAX;
	}
}

static void destroy(struct xs_watch *w)
{
	list_remove(&w->link);
	count--;
	drop_queue(w);
	heap_free(w);
}

/* --- events --------------------------------------------------------------- */

static void overflow(struct xs_watch *w)
{
	drop_queue(w);
	w->overflow = true;
	xs_watch_lost++;
}

static void enqueue(struct xs_watch *w, const char *path)
{
	unsigned int last = (w->first + w->used + QUEUE_MAX - 1) % QUEUE_MAX;
	size_t n = strlen(path) + 1;
	char *copy;

	if (w->overflow || (w->used && strcmp(w->queue[last], path) == 0))
		return;
	copy = w->used < QUEUE_MAX ? heap_alloc(n) : NULL;
	if (!copy) {
		overflow(w);
		return;
	}
	memcpy(copy, path, n);
	w->queue[(w->first + w->used++) % QUEUE_MAX] = copy;
}

/* path NULL: events may have been lost. The watch may be gone afterwards. */
static void notify(struct xs_watch *w, const char *path)
{
	if (!w->fn && path)
		enqueue(w, path);
	else if (!w->fn)
		overflow(w);
	event_signal(&w->event);
	if (w->fn)
		w->fn(w->arg, path);
}

static struct xs_watch *find(const char *token)
{
	uint64_t number;

	if (!last_number || xs_parse_u64(token, UINT32_MAX, &number))
		return NULL;
	list_for_each(
		entry,
		&buckets[number % BUCKETS]) if (watch(entry)->number ==
						number) return watch(entry);
	return NULL;
}

void xs_watch_deliver(const char *path, const char *token)
{
	struct xs_watch *w = find(token);

	if (w && !w->leaving)
		notify(w, path);
}

/* --- registering ---------------------------------------------------------- */

/* Bring w nearer to what its owner wants; frees it when all is done. */
static void step(struct xs_watch *w)
{
	int err;

	if (w->request.busy)
		return;
	if (w->leaving && !w->registered) {
		destroy(w);
		return;
	}
	if (w->leaving == w->registered) {
		w->request.header.type = w->leaving ? XS_UNWATCH : XS_WATCH;
		w->result = 0;
		/* The answer may come, and w may go, before this returns. */
		err = xs_submit(&w->request);
		if (err == 0)
			return;
		w->result = err;
		w->registered = false;
	}
	if (w->leaving)
		destroy(w);
	else
		event_signal(&w->settled);
}

static void request_done(struct xs_request *r)
{
	struct xs_watch *w = list_entry(r, struct xs_watch, request);

	w->result = r->result;
	w->registered = r->header.type == XS_WATCH && r->result == 0;
	if (r->header.type == XS_WATCH && r->result == -EEXIST)
		w->registered = true; /* left from before, the same token */
	if (r->result == -ECONNRESET || w->leaving) {
		step(w);
		return;
	}
	if (!w->registered && !w->waited) {
		/* A renewed one: its owner shall not wait for ever. */
		log_error("watch %s is lost: error %d", w->payload, r->result);
		notify(w, NULL);
		return;
	}
	event_signal(&w->settled);
}

/* xenstored has forgotten w, or is gone itself. */
static void reset_one(struct xs_watch *w)
{
	w->registered = false;
	if (w->leaving || w->waited || xs_usable() == 0)
		step(w);
	else
		notify(w, NULL);
}

/*
 * The connection was reset or is lost. Requests under way have come back with
 * an error, or will be sent; all others register anew, and the event that this
 * brings makes the owner look again. What a callback does may remove any
 * watch, so each bucket is searched from its start for one not treated yet.
 */
void xs_watch_reset(void)
{
	static uint32_t resets;
	uint32_t now = ++resets, before = last_number;
	unsigned int i;

	if (!last_number)
		return;
	for (i = 0; i < BUCKETS; i++) {
		struct list *entry = buckets[i].next;

		while (entry != &buckets[i]) {
			struct xs_watch *w = watch(entry);

			entry = entry->next;
			if (w->reset >= now || w->number > before)
				continue;
			w->reset = now;
			reset_one(w);
			entry = buckets[i].next;
		}
	}
}

unsigned int xs_watch_count(void)
{
	return count;
}

/* --- what programs call --------------------------------------------------- */

static struct xs_watch *watch_new(const char *path)
{
	size_t n = strlen(path) + 1;
	struct xs_watch *w = heap_calloc(1, sizeof(*w) + n + 12);
	unsigned int i;

	if (!w)
		return NULL;
	if (!last_number)
		for (i = 0; i < BUCKETS; i++)
			list_init(&buckets[i]);
	/* 2^32 of them last for longer than any guest; 0 means none yet. */
	w->number = ++last_number;
	memcpy(w->payload, path, n);
	n += fmt(w->payload + n, 12, "%u", w->number) + 1;
	w->request.payload = w->payload;
	w->request.header.len = n;
	w->request.done = request_done;
	list_add_last(&buckets[w->number % BUCKETS], &w->link);
	count++;
	return w;
}

int xs_watch(struct xs_watch **out, const char *path,
	     void (*fn)(void *arg, const char *path), void *arg,
	     uint64_t deadline)
{
	struct xs_watch *w;
	uint64_t seen = 0;
	int err = xs_wire_path(path, true);

	if (err == 0)
		err = xs_usable();
	if (err)
		return err;
	w = watch_new(path);
	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->waited = true;
	step(w);
	while (err == 0 && !w->registered && w->result == 0)
		err = event_wait(&w->settled, &seen, deadline);
	w->waited = false;
	if (w->registered) {
		*out = w;
		return 0;
	}
	err = err ? err : w->result;
	xs_unwatch(w);
	return err;
}

void xs_unwatch(struct xs_watch *w)
{
	w->leaving = true;
	if (!w->registered)
		xs_withdraw(&w->request);
	step(w);
}

int xs_watch_next(struct xs_watch *w, char **path, uint64_t deadline)
{
	uint64_t seen = event_count(&w->event);
	int err;

	while (!w->used && !w->overflow) {
		err = event_wait(&w->event, &seen, deadline);
		if (err)
			return err;
	}
	if (w->overflow) {
		w->overflow = false;
		return -EOVERFLOW;
	}
	*path = w->queue[w->first];
	w->first = (w->first + 1) % QUEUE_MAX;
	w->used--;
	return 0;
}

struct event *xs_watch_event(struct xs_watch *w)
{
	return &w->event;
}

/* --- waiting for a condition ---------------------------------------------- */

/* Whoever only wants to be woken needs no queue. */
static void ignore(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

int xs_wait(const char *const *paths, unsigned int n, int (*fn)(void *arg),
	    void *arg, uint64_t deadline)
{
	struct event_wait *waits = heap_calloc(n ? n : 1, sizeof(*waits));
	struct xs_watch **watches = heap_calloc(n ? n : 1, sizeof(*watches));
	unsigned int i = 0;
	int err = waits && watches && n ? 0 : n ? -ENOMEM : -EINVAL;

	for (; err == 0 && i < n; i++) {
		err = xs_watch(&watches[i], paths[i], ignore, NULL, deadline);
		if (err)
			break;
		waits[i].event = &watches[i]->event;
	}
	while (err == 0) {
		unsigned int j;

		for (j = 0; j < n; j++)
			waits[j].seen = event_count(waits[j].event);
		err = fn(arg);
		if (err != -EAGAIN)
			break;
		err = event_wait_any(waits, n, deadline);
		if (err > 0)
			err = 0;
	}
	while (i > 0)
		xs_unwatch(watches[--i]);
	heap_free(waits);
	heap_free(watches);
	return err;
}
