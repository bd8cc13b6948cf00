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
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/vchan.h>
#include <fata/xen/xs.h>
#include <string.h>
#include <xen/io/libxenvchan.h>

#define SMALL_ORDER 10
#define LARGE_ORDER 11
#define ORDER_MAX   20
#define PAGES_MAX   (2u << (ORDER_MAX - PAGE_SHIFT))

enum live { GONE = 0, HERE = 1, NOT_YET = 2 };

struct ring {
	struct ring_shared *shared;
	unsigned char *data;
	uint32_t size;
	uint32_t index; /* ours: cons of what we read, prod of what we write */
};

struct vchan {
	struct vchan_interface *page;
	struct evtchn evtchn;
	struct event event;
	struct ring read, write;
	bool server, broken, met; /* met: the peer has been here */
	char *path;		  /* the server's, to be removed */
	/* the server's pages, first the interface, then the rings' */
	void *block[3];
	unsigned order[3];
	unsigned blocks;
	uint32_t refs[1 + PAGES_MAX];
	unsigned n_refs;
	/* the client's mappings */
	struct gnttab_page *map;
	unsigned mapped;
};

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
static void ask(struct vchan *v, uint8_t bit)
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
	ask(v, VCHAN_NOTIFY_WRITE | VCHAN_NOTIFY_READ);
	return &v->event;
}

static void signalled(void *arg)
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

		ask(v, VCHAN_NOTIFY_WRITE);
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

		ask(v, VCHAN_NOTIFY_READ);
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

static void remove_path(struct vchan *v)
{
	if (v->path)
		xs_rm(NULL, v->path, clock_deadline(FATA_NS_PER_S));
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
	if (v->page && v->evtchn.port) {
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

/* --- both sides --------------------------------------------------------- */

/* left and right are where those rings' bytes are. */
static void set_rings(struct vchan *v, unsigned left_order,
		      unsigned char *left, unsigned right_order,
		      unsigned char *right)
{
	struct ring l = {.shared = &v->page->left,
			 .data = left,
			 .size = 1u << left_order};
	struct ring r = {.shared = &v->page->right,
			 .data = right,
			 .size = 1u << right_order};

	v->read = v->server ? l : r;
	v->write = v->server ? r : l;
	/* a client may come back to rings that were used */
	v->read.index = v->read.shared->cons;
	v->write.index = v->write.shared->prod;
}

static unsigned char *in_page(struct vchan *v, unsigned order)
{
	return (unsigned char *)v->page + (1u << order);
}

static unsigned pages_of(unsigned order)
{
	return order < PAGE_SHIFT ? 0 : 1u << (order - PAGE_SHIFT);
}

/* --- the server --------------------------------------------------------- */

static unsigned order_of(size_t size)
{
	unsigned order = PAGE_SHIFT;

	while (((size_t)1 << order) < size)
		order++;
	return order;
}

/* Small rings go into the first page: one of each size. */
static void choose_orders(size_t left, size_t right, unsigned *l, unsigned *r)
{
	const size_t small = 1u << SMALL_ORDER, large = 1u << LARGE_ORDER;

	*l = order_of(left);
	*r = order_of(right);
	if (left <= small && right <= large) {
		*l = SMALL_ORDER;
		*r = LARGE_ORDER;
	} else if (left <= large && right <= small) {
		*l = LARGE_ORDER;
		*r = SMALL_ORDER;
	} else if (left <= large) {
		*l = LARGE_ORDER;
	} else if (right <= large) {
		*r = LARGE_ORDER;
	}
}

/* A block of pages, shared page by page; NULL and *rc. */
static unsigned char *share(struct vchan *v, uint16_t peer, unsigned order,
			    uint64_t deadline, int *rc)
{
	unsigned char *p = page_alloc(order);

	*rc = p ? 0 : -ENOMEM;
	if (!p)
		return NULL;
	v->block[v->blocks] = p;
	v->order[v->blocks++] = order;
	for (unsigned i = 0; !*rc && i < 1u << order; i++) {
		*rc = gnttab_share(&v->refs[v->n_refs], peer,
				   p + (size_t)i * PAGE_SIZE, true, deadline);
		v->n_refs += !*rc;
	}
	return *rc ? NULL : p;
}

static int make_rings(struct vchan *v, uint16_t peer, unsigned left,
		      unsigned right, uint64_t deadline)
{
	unsigned char *l, *r;
	int rc;

	v->page = (void *)share(v, peer, 0, deadline, &rc);
	if (rc)
		return rc;
	l = left < PAGE_SHIFT ? in_page(v, left)
			      : share(v, peer, left - PAGE_SHIFT, deadline,
				      &rc);
	if (rc)
		return rc;
	r = right < PAGE_SHIFT ? in_page(v, right)
			       : share(v, peer, right - PAGE_SHIFT, deadline,
				       &rc);
	if (rc)
		return rc;
	v->page->left_order = (uint16_t)left;
	v->page->right_order = (uint16_t)right;
	v->page->cli_live = NOT_YET;
	v->page->srv_live = HERE;
	v->page->cli_notify = VCHAN_NOTIFY_WRITE;
	memcpy(v->page->grants, v->refs + 1,
	       (v->n_refs - 1) * sizeof(v->refs[0]));
	set_rings(v, left, l, right, r);
	return 0;
}

/* One key of the server's, which the peer may read. */
static int publish_key(const char *path, const char *name, uint32_t value,
		       uint16_t peer, uint64_t deadline)
{
	struct xs_permission *now, perms[2];
	char key[XS_PATH_SIZE];
	unsigned n;
	int rc = xs_path(key, "%s/%s", path, name);

	if (!rc)
		rc = xs_printf(NULL, key, deadline, "%u", value);
	if (!rc)
		rc = xs_get_permissions(NULL, key, &now, &n, deadline);
	if (rc)
		return rc;
	perms[0] = (struct xs_permission){now[0].domid, XS_PERM_NONE};
	perms[1] = (struct xs_permission){peer, XS_PERM_READ};
	heap_free(now);
	return xs_set_permissions(NULL, key, perms, 2, deadline);
}

static int publish(struct vchan *v, const char *path, uint16_t peer,
		   uint64_t deadline)
{
	size_t n = strlen(path) + 1;
	int rc;

	v->path = heap_alloc(n);
	if (!v->path)
		return -ENOMEM;
	memcpy(v->path, path, n);
	/* the client waits for the second of them */
	rc = publish_key(path, "event-channel",
			 (uint32_t)evtchn_port(&v->evtchn), peer, deadline);
	if (!rc)
		rc = publish_key(path, "ring-ref", v->refs[0], peer, deadline);
	return rc;
}

static int begin_events(struct vchan *v)
{
	evtchn_handle(&v->evtchn, signalled, v);
	return evtchn_unmask(&v->evtchn);
}

int vchan_listen(const char *path, uint16_t peer, size_t read_size,
		 size_t write_size, struct vchan **out, uint64_t deadline)
{
	unsigned left, right;
	struct vchan *v;
	int rc;

	if (read_size > VCHAN_RING_MAX || write_size > VCHAN_RING_MAX)
		return -EINVAL;
	v = heap_calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->server = true;
	choose_orders(read_size, write_size, &left, &right);
	rc = make_rings(v, peer, left, right, deadline);
	if (!rc)
		rc = evtchn_bind_unbound(&v->evtchn, peer);
	if (!rc)
		rc = begin_events(v);
	if (!rc)
		rc = publish(v, path, peer, deadline);
	if (rc)
		vchan_close(v);
	else
		*out = v;
	return rc;
}

/* --- the client --------------------------------------------------------- */

struct found {
	char ring[XS_PATH_SIZE], port[XS_PATH_SIZE];
	uint64_t ref, number, deadline;
};

/* Not there, or not ours to read yet: once more after the next event. */
static int look(void *arg)
{
	struct found *f = arg;
	int rc = xs_read_u64(NULL, f->ring, UINT32_MAX, &f->ref, f->deadline);

	if (!rc)
		rc = xs_read_u64(NULL, f->port, UINT32_MAX, &f->number,
				 f->deadline);
	if (rc == -ENOENT || rc == -EACCES)
		return -EAGAIN;
	return rc == -EINVAL || rc == -ERANGE ? -EPROTO : rc;
}

static int find_server(const char *path, struct found *f)
{
	const char *paths[2] = {f->ring, f->port};
	int rc = xs_path(f->ring, "%s/ring-ref", path);

	if (!rc)
		rc = xs_path(f->port, "%s/event-channel", path);
	return rc ? rc : xs_wait(paths, 2, look, f, f->deadline);
}

static bool good_orders(unsigned left, unsigned right)
{
	return left >= SMALL_ORDER && left <= ORDER_MAX &&
	       right >= SMALL_ORDER && right <= ORDER_MAX &&
	       !(left == right && left < PAGE_SHIFT);
}

/* The interface is mapped; now the pages of the rings. */
static int map_rings(struct vchan *v, uint16_t peer, uint64_t deadline)
{
	unsigned left = *(volatile uint16_t *)&v->page->left_order;
	unsigned right = *(volatile uint16_t *)&v->page->right_order;
	struct gnttab_page *more;
	unsigned char *l, *r;
	unsigned n_left, n;
	int rc;

	if (!good_orders(left, right))
		return -EPROTO;
	n_left = pages_of(left);
	n = n_left + pages_of(right);
	more = heap_realloc(v->map, (1 + n) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->map = more;
	for (unsigned i = 0; i < n; i++)
		v->map[1 + i] = (struct gnttab_page){
			.ref = *(volatile uint32_t *)&v->page->grants[i],
			.domid = peer};
	rc = n ? gnttab_map(&v->map[1], n, deadline) : 0;
	if (rc)
		return rc;
	v->mapped += n;
	l = n_left ? v->map[1].address : in_page(v, left);
	r = n > n_left ? v->map[1 + n_left].address : in_page(v, right);
	set_rings(v, left, l, right, r);
	return 0;
}

static int attach(struct vchan *v, uint16_t peer, const struct found *f)
{
	int rc;

	v->map = heap_calloc(1, sizeof(*v->map));
	if (!v->map)
		return -ENOMEM;
	v->map[0] = (struct gnttab_page){.ref = (uint32_t)f->ref,
					 .domid = peer};
	rc = gnttab_map(v->map, 1, f->deadline);
	if (rc)
		return rc;
	v->mapped = 1;
	v->page = v->map[0].address;
	rc = map_rings(v, peer, f->deadline);
	if (!rc)
		rc = evtchn_bind_interdomain(&v->evtchn, peer,
					     (uint32_t)f->number);
	return rc ? rc : begin_events(v);
}

int vchan_connect(const char *path, uint16_t peer, struct vchan **out,
		  uint64_t deadline)
{
	struct found *f = heap_calloc(1, sizeof(*f));
	struct vchan *v = heap_calloc(1, sizeof(*v));
	int rc = f && v ? 0 : -ENOMEM;

	if (!rc) {
		f->deadline = deadline;
		rc = find_server(path, f);
	}
	if (!rc)
		rc = attach(v, peer, f);
	heap_free(f);
	if (rc) {
		if (v)
			v->page = NULL; /* the server never saw us */
		vchan_close(v);
		return rc;
	}
	__atomic_store_n(&v->page->cli_live, HERE, __ATOMIC_RELEASE);
	ask(v, VCHAN_NOTIFY_WRITE);
	evtchn_notify(&v->evtchn);
	*out = v;
	return 0;
}
