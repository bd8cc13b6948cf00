/* SPDX-License-Identifier: ISC */
/*
 * Links; see qubes/link.h. Paths are those of Qubes' libvchan
 * (QubesOS/qubes-core-vchan-xen, vchan/init.c): the server writes
 * data/vchan/CLIENT/PORT below its own folder.
 *
 * After a resume in a new domain a vchan's pages are not there any more, so
 * nothing of it may be touched but by vchan_close: each link is cut then.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/lifecycle.h>
#include <fata/xen/vchan.h>
#include <fata/xen/xs.h>
#include <qubes/link.h>
#include <string.h>

#define DOMAINS 0x7ff0 /* DOMID_FIRST_RESERVED of xen.h */

static struct list links = LIST_INIT(links);

static void resumed(void *arg, enum lifecycle_resume how)
{
	(void)arg;
	if (how != LIFECYCLE_RENEWED)
		return;
	list_for_each(e, &links) link_cut(list_entry(e, struct link, entry));
}

static struct lifecycle_client client = {
	.name = "qubes", .order = LIFECYCLE_PROGRAM, .after = resumed};

void link_cut(struct link *l)
{
	l->cut |= l->v != NULL;
	event_signal(&l->event);
}

/* A resume while it was being made: cut at once. */
static void opened(struct link *l, uint32_t generation)
{
	list_add_last(&links, &l->entry);
	if (generation != lifecycle_generation())
		link_cut(l);
}

int link_listen(struct link *l, uint32_t domain, uint32_t port, size_t size,
		uint64_t deadline)
{
	uint32_t generation = lifecycle_generation();
	char path[XS_PATH_SIZE];
	int rc;

	if (domain >= DOMAINS || port > INT32_MAX)
		return -EPROTO;
	lifecycle_register(&client);
	rc = xs_path(path, "data/vchan/%u/%u", domain, port);
	if (!rc)
		rc = vchan_listen(path, (uint16_t)domain, size, size, &l->v,
				  deadline);
	if (!rc)
		opened(l, generation);
	return rc;
}

int link_connect(struct link *l, uint32_t domain, uint32_t port,
		 uint64_t deadline)
{
	uint32_t generation = lifecycle_generation();
	char path[XS_PATH_SIZE];
	uint64_t own;
	int rc;

	if (domain >= DOMAINS || port > INT32_MAX)
		return -EPROTO;
	lifecycle_register(&client);
	rc = xs_read_u64(NULL, "domid", DOMAINS - 1, &own, deadline);
	if (!rc)
		rc = xs_path(path, "/local/domain/%u/data/vchan/%u/%u", domain,
			     (unsigned)own, port);
	if (!rc)
		rc = vchan_connect(path, (uint16_t)domain, &l->v, deadline);
	if (!rc)
		opened(l, generation);
	return rc;
}

void link_close(struct link *l)
{
	if (!l->v)
		return;
	list_remove(&l->entry);
	vchan_close(l->v);
	l->v = NULL;
	l->cut = false;
}

/* --- waiting ------------------------------------------------------------ */

/* What a waiter watches; looked at before the condition is. */
struct watch {
	struct event_wait w[2];
};

static int watch(struct link *l, struct watch *w)
{
	if (!l->v || l->cut)
		return -ECONNRESET;
	w->w[0].event = vchan_event(l->v);
	w->w[1].event = &l->event;
	for (int i = 0; i < 2; i++)
		w->w[i].seen = event_count(w->w[i].event);
	return 0;
}

static int sleep_on(struct watch *w, uint64_t deadline)
{
	int rc = event_wait_any(w->w, 2, deadline);

	return rc < 0 ? rc : 0;
}

int link_wait(struct link *l, uint64_t deadline)
{
	struct watch w;
	int rc;

	do {
		rc = watch(l, &w);
		if (!rc)
			rc = vchan_wait(l->v, 0);
		if (rc != -ETIMEDOUT)
			return rc;
	} while (!(rc = sleep_on(&w, deadline)));
	return rc;
}

size_t link_room(struct link *l)
{
	return l->v && !l->cut ? vchan_space(l->v) : 0;
}

int link_wait_room(struct link *l, size_t n, uint64_t deadline)
{
	struct watch w;
	int rc;

	do {
		rc = watch(l, &w);
		if (!rc)
			rc = vchan_wait(l->v, 0);
		if (rc)
			return rc;
		if (link_room(l) >= n)
			return 0;
	} while (!(rc = sleep_on(&w, deadline)));
	return rc;
}

/* --- moving bytes ------------------------------------------------------- */

ssize_t link_read(struct link *l, void *data, size_t n, uint64_t deadline)
{
	struct watch w;
	ssize_t got;
	int rc;

	do {
		rc = watch(l, &w);
		if (rc)
			return rc;
		got = vchan_read(l->v, data, n, 0);
		if (got != -ETIMEDOUT)
			return got;
	} while (!(rc = sleep_on(&w, deadline)));
	return rc;
}

int link_read_all(struct link *l, void *data, size_t n, uint64_t deadline)
{
	char *to = data;

	while (n) {
		ssize_t got = link_read(l, to, n, deadline);

		if (got <= 0)
			return got ? (int)got : -EPIPE;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

int link_write_all(struct link *l, const void *data, size_t n,
		   uint64_t deadline)
{
	const char *from = data;
	struct watch w;
	ssize_t put;
	int rc = 0;

	while (n && !rc) {
		rc = watch(l, &w);
		if (rc)
			break;
		put = vchan_write(l->v, from, n, 0);
		if (put > 0) {
			from += put;
			n -= (size_t)put;
		} else {
			rc = put == -ETIMEDOUT ? sleep_on(&w, deadline)
					       : (int)put;
		}
	}
	return rc;
}
