/* SPDX-License-Identifier: ISC */
/*
 * Making a vchan: the server's pages and the keys that tell of them, the
 * client's mappings. What lies where is drawn in vchan.c.
 */
#include <drivers/vchan.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/lifecycle.h>
#include <fata/xen/xs.h>
#include <string.h>

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
	evtchn_handle(&v->evtchn, vchan_signalled, v);
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
	v->generation = lifecycle_generation();
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
		v->generation = lifecycle_generation();
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
	vchan_ask(v, VCHAN_NOTIFY_WRITE);
	evtchn_notify(&v->evtchn);
	*out = v;
	return 0;
}
