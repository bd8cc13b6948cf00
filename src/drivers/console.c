/* SPDX-License-Identifier: ISC */
/*
 * Further consoles: xl's channel=, found by the name that the toolstack gave
 * (xenstore: device/console/N/name). The ring is ours and shared by a grant;
 * what goes over it is src/xen/console.c's, as for the main console.
 *
 * A console is made when its device is first seen and stays for ever. While
 * its backend is away it counts as broken: output is dropped and counted,
 * reading returns -EIO.
 */
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/xenbus.h>
#include <string.h>
#include <xen/console.h>

struct channel {
	struct console console; /* first: a struct console is a channel */
	char *name;
	uint32_t ref;
	struct xencons_interface *page;
};

static int probe(struct xenbus_device *d)
{
	struct channel *c = heap_calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	rc = xenbus_read_own(d, "name", &c->name);
	if (rc) { /* a console without a name cannot be asked for */
		heap_free(c);
		return rc;
	}
	c->console.stat.broken = true;
	xenbus_get(d);
	d->data = c;
	return 0;
}

static int setup(struct xenbus_device *d)
{
	struct channel *c = d->data;
	int rc;

	c->page = page_alloc(0);
	if (!c->page)
		return -ENOMEM;
	rc = gnttab_share(&c->ref, d->peer, c->page, true, xenbus_deadline());
	if (rc) {
		page_free(c->page, 0);
		return rc;
	}
	rc = evtchn_bind_unbound(&c->console.evtchn, d->peer);
	if (rc)
		gnttab_end_pages(&c->ref, 1, c->page, 0);
	return rc;
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	struct channel *c = d->data;
	int rc = xenbus_printf(d, t, "ring-ref", "%u", c->ref);

	if (!rc)
		rc = xenbus_printf(d, t, "port", "%d",
				   evtchn_port(&c->console.evtchn));
	return rc;
}

static int connect(struct xenbus_device *d)
{
	struct channel *c = d->data;

	return console_start(&c->console, c->page);
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct channel *c = d->data;

	(void)why;
	console_stop(&c->console);
	evtchn_close(&c->console.evtchn);
	gnttab_end_pages(&c->ref, 1, c->page, 0);
	c->page = NULL;
}

/* Perhaps into another domain, whose ring is another one. */
static void suspend(struct xenbus_device *d)
{
	struct channel *c = d->data;

	console_leave(&c->console);
}

static const struct xenbus_driver driver = {
	.class = "console",
	.ready = XENBUS_INITIALISED,
	.probe = probe,
	.setup = setup,
	.publish = publish,
	.connect = connect,
	.disconnect = disconnect,
	.suspend = suspend,
};

static bool has_name(struct xenbus_device *d, void *name)
{
	const struct channel *c = d->data;

	return c && strcmp(c->name, name) == 0;
}

int console_open(const char *name, struct console **c, uint64_t deadline)
{
	struct xenbus_device *d;
	int rc = xenbus_register(&driver, deadline);

	if (!rc)
		rc = xenbus_find(&driver, has_name, (void *)name, &d, deadline);
	if (rc)
		return rc;
	rc = xenbus_wait(d, deadline);
	if (!rc)
		*c = &((struct channel *)d->data)->console;
	xenbus_put(d); /* probe's reference stays */
	return rc;
}
