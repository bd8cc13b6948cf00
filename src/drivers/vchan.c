/* SPDX-License-Identifier: ISC */
/*
 * vchan (fata/xen/vchan.h): two rings in pages that the server shares.
 *
 *     page 0   struct vchan_interface, references of further pages
 *              at 1024: a ring of 1024 bytes; at 2048: one of 2048 bytes
 *     further  larger rings, a power of two of pages each, left first
 *
 *     left     the client writes, the server reads
 *     right    the server writes, the client reads
 *
 * Each side says in the other's notify byte what it wants to be told of, and
 * whoever moves an index clears that bit and notifies if it was set. A side
 * that is about to wait sets the bit first and looks again.
 *
 * Interface: what the peer can write is read once into a local variable and
 * checked; orders are kept privately. It only uses include/fata/xen, so that it
 * serves in the unix twin as well.
 */
#include <drivers/vchan.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/lifecycle.h>
#include <fata/xen/xs.h>
#include <string.h>

/* --- the shared bytes --------------------------------------------------- */

static uint8_t *peer_live(struct vchan *v)
{
	return v->server ? &v->page->cli_live : &v->page->srv_live;
}

static uint8_t *own_live(struct vchan *v)
{
	return v->server ? &v->page->srv_live : &v->page->cli_live;
}

static enum live live(struct vchan *v)
{
	uint8_t state = __atomic_load_n(peer_live(v), __ATOMIC_ACQUIRE);

	if (state == HERE)
		v->met = true;
	if (state == NOT_YET && !v->met)
		return NOT_YET;
	return state == HERE ? HERE : GONE;
}

/* Ask the peer to tell us of its reads or writes. */
void vchan_ask(struct vchan *v, uint8_t bit)
{
	uint8_t *byte = v->server ? &v->page->cli_notify : &v->page->srv_notify;

	__atomic_or_fetch(byte, bit, __ATOMIC_SEQ_CST);
}

/* Tell the peer of ours, if it asked for it. */
static void tell(struct vchan *v, uint8_t bit)
{
	uint8_t *byte = v->server ? &v->page->srv_notify : &v->page->cli_notify;

	if (__atomic_fetch_and(byte, (uint8_t)~bit, __ATOMIC_SEQ_CST) & bit)
		evtchn_notify(&v->evtchn);
}

static size_t data_in(struct vchan *v)
{
	uint32_t n = __atomic_load_n(&v->read.shared->prod, __ATOMIC_ACQUIRE) -
		     v->read.index;

	if (n > v->read.size)
		v->broken = true;
	return v->broken ? 0 : n;
}

static size_t space_in(struct vchan *v)
{
	uint32_t n = v->write.index - __atomic_load_n(&v->write.shared->cons,
						      __ATOMIC_ACQUIRE);

	if (n > v->write.size)
		v->broken = true;
	return v->broken ? 0 : v->write.size - n;
}

size_t vchan_data(struct vchan *v)
{
	return data_in(v);
}

size_t vchan_space(struct vchan *v)
{
	return live(v) == HERE ? space_in(v) : 0;
}

struct event *vchan_event(struct vchan *v)
{
	vchan_ask(v, VCHAN_NOTIFY_WRITE | VCHAN_NOTIFY_READ);
	return &v->event;
}

void vchan_signalled(void *arg)
{
	event_signal(&((struct vchan *)arg)->event);
}

/* --- moving bytes ------------------------------------------------------- */

static void copy_out(struct ring *r, unsigned char *to, size_t n)
{
	size_t at = r->index & (r->size - 1), first = r->size - at;

	first = first < n ? first : n;
	memcpy(to, r->data + at, first);
	memcpy(to + first, r->data, n - first);
}

static void copy_in(struct ring *r, const unsigned char *from, size_t n)
{
	size_t at = r->index & (r->size - 1), first = r->size - at;

	first = first < n ? first : n;
	memcpy(r->data + at, from, first);
	memcpy(r->data, from + first, n - first);
}

ssize_t vchan_read(struct vchan *v, void *data, size_t n, uint64_t deadline)
{
	while (n) {
		uint64_t seen = event_count(&v->event);
		bool over = live(v) == GONE; /* before the last look */
		size_t have;
		int rc;

		vchan_ask(v, VCHAN_NOTIFY_WRITE);
		have = data_in(v);
		if (v->broken)
			return -EIO;
		if (have) {
			have = have < n ? have : n;
			copy_out(&v->read, data, have);
			v->read.index += (uint32_t)have;
			__atomic_store_n(&v->read.shared->cons, v->read.index,
					 __ATOMIC_RELEASE);
			tell(v, VCHAN_NOTIFY_READ);
			return (ssize_t)have;
		}
		if (over)
			return 0;
		rc = event_wait(&v->event, &seen, deadline);
		if (rc)
			return rc;
	}
	return 0;
}

ssize_t vchan_write(struct vchan *v, const void *data, size_t n,
		    uint64_t deadline)
{
	const unsigned char *from = data;
	size_t done = 0;

	while (done < n) {
		uint64_t seen = event_count(&v->event);
		enum live state = live(v);
		size_t room;
		int rc = 0;

		vchan_ask(v, VCHAN_NOTIFY_READ);
		room = state == HERE ? space_in(v) : 0;
		if (v->broken)
			rc = -EIO;
		else if (state == GONE)
			rc = -EPIPE;
		else if (!room)
			rc = event_wait(&v->event, &seen, deadline);
		if (rc)
			return done ? (ssize_t)done : rc;
		room = room < n - done ? room : n - done;
		copy_in(&v->write, from + done, room);
		done += room;
		v->write.index += (uint32_t)room;
		__atomic_store_n(&v->write.shared->prod, v->write.index,
				 __ATOMIC_RELEASE);
		tell(v, VCHAN_NOTIFY_WRITE);
	}
	return (ssize_t)done;
}

int vchan_wait(struct vchan *v, uint64_t deadline)
{
	for (;;) {
		uint64_t seen = event_count(&v->event);
		enum live state = live(v);
		int rc;

		if (state != NOT_YET)
			return state == HERE ? 0 : -EPIPE;
		rc = event_wait(&v->event, &seen, deadline);
		if (rc)
			return rc;
	}
}

/* --- the end ------------------------------------------------------------ */

/* Also when the task is told, in the middle of it, to end. */
static void remove_path(struct vchan *v)
{
	int rc = v->path ? -ECANCELED : 0;

	for (int i = 0; i < 2 && rc == -ECANCELED; i++)
		rc = xs_rm(NULL, v->path, clock_deadline(FATA_NS_PER_S));
	heap_free(v->path);
}

/* Each block of pages with its references. */
static void end_blocks(struct vchan *v)
{
	unsigned at = 0;

	for (unsigned i = 0; i < v->blocks; i++) {
		unsigned all = 1u << v->order[i];
		unsigned n = v->n_refs - at < all ? v->n_refs - at : all;

		gnttab_end_pages(&v->refs[at], n, v->block[i], v->order[i]);
		at += n;
	}
}

void vchan_close(struct vchan *v)
{
	if (!v)
		return;
	/* after a resume in a new domain the peer's pages are not there */
	if (v->page && v->evtchn.port &&
	    v->generation == lifecycle_generation()) {
		__atomic_store_n(own_live(v), GONE, __ATOMIC_RELEASE);
		evtchn_notify(&v->evtchn);
	}
	evtchn_close(&v->evtchn);
	remove_path(v);
	end_blocks(v);
	if (v->mapped)
		gnttab_unmap(v->map, v->mapped);
	heap_free(v->map);
	heap_free(v);
}
