/* SPDX-License-Identifier: ISC */
/*
 * Shared folders: found by their tag, connected by xenbus, for ever.
 *
 * A struct p9front is made once for each tag and never freed: a file system's
 * pointer stays valid while the backend comes and goes, the guest moves to
 * another host, or the folder is unplugged and plugged in again. What was under
 * way when a connection ends is not sent again: whether the server has done it
 * is not known here. A suspend waits until nothing is.
 */
#include <drivers/9pfront.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <string.h>

FATA_LOG_SOURCE("9pfs");

static struct p9front *folders;

/* --- xenbus --------------------------------------------------------------- */

static struct p9front *find(const char *tag)
{
	struct p9front *f = folders;

	while (f && strcmp(f->tag, tag) != 0)
		f = f->all;
	return f;
}

/* A folder that was unplugged continues in one with the same tag. */
static int probe(struct xenbus_device *d)
{
	struct p9front *f;
	char *tag;
	int rc = xenbus_read_own(d, "tag", &tag);

	if (rc)
		return rc;
	f = find(tag);
	if (f) {
		heap_free(tag);
		if (f->dev)
			return -EEXIST;
	} else {
		f = heap_calloc(1, sizeof(*f));
		if (!f) {
			heap_free(tag);
			return -ENOMEM;
		}
		f->tag = tag;
		f->all = folders;
		folders = f;
	}
	f->dev = d;
	d->data = f;
	return 0;
}

static void removed(struct xenbus_device *d)
{
	struct p9front *f = d->data;

	f->dev = NULL;
	event_signal(&f->channel.changed);
}

/* Does "1" stand in this list, as in "1,2"? */
static bool has_version_1(const char *versions)
{
	for (; versions; versions = strchr(versions, ',')) {
		versions += *versions == ',';
		if (versions[0] == '1' && (!versions[1] || versions[1] == ','))
			return true;
	}
	return false;
}

static int setup(struct xenbus_device *d)
{
	struct p9front *f = d->data;
	char *versions;
	int rc = xenbus_read(d, "versions", &versions);

	f->spoiled = false;
	if (rc)
		return rc;
	if (!has_version_1(versions)) {
		log_error("%s: the backend speaks versions %s, not 1", d->path,
			  versions);
		rc = -EPROTO;
	}
	heap_free(versions);
	return rc ? rc : p9_rings_open(f);
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	return p9_rings_publish(d->data, t);
}

static int connect(struct xenbus_device *d)
{
	struct p9front *f = d->data;

	if (!++f->connections)
		f->connections = 1;
	f->channel.connection = f->connections;
	f->paused = false;
	log_info("%s: %s is up, %u rings of %u KiB", d->path, f->tag, f->rings,
		 4u << f->order);
	for (unsigned i = 0; i < f->rings; i++)
		evtchn_unmask(&f->ring[i].evtchn);
	event_signal(&f->channel.changed);
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct p9front *f = d->data;

	f->channel.connection = 0;
	f->spoiled = why == XENBUS_WHY_BROKEN;
	p9_rings_free(f);
	p9_fail_all(f);
	event_signal(&f->channel.changed);
}

static void suspend(struct xenbus_device *d)
{
	struct p9front *f = d->data;
	uint64_t deadline = clock_deadline(P9_DRAIN_S * FATA_NS_PER_S);
	uint64_t seen = event_count(&f->channel.changed);

	f->paused = true;
	while (f->channel.connection && p9_in_flight(f))
		if (event_wait(&f->channel.changed, &seen, deadline))
			break;
}

static void unsuspend(struct xenbus_device *d)
{
	struct p9front *f = d->data;

	f->paused = false;
	event_signal(&f->channel.changed);
}

static const struct xenbus_driver p9front = {
	.class = "9pfs",
	.ready = XENBUS_INITIALISED,
	.probe = probe,
	.setup = setup,
	.publish = publish,
	.connect = connect,
	.disconnect = disconnect,
	.suspend = suspend,
	.unsuspend = unsuspend,
	.remove = removed,
};

static bool has_tag(struct xenbus_device *d, void *tag)
{
	return d->data && !strcmp(((struct p9front *)d->data)->tag, tag);
}

int p9_channel_open(const char *tag, struct p9_channel **c, uint64_t deadline)
{
	struct xenbus_device *d;
	int rc = xenbus_register(&p9front, deadline);

	if (!rc)
		rc = xenbus_find(&p9front, has_tag, (void *)tag, &d, deadline);
	if (rc)
		return rc;
	rc = xenbus_wait(d, deadline);
	if (!rc)
		*c = &((struct p9front *)d->data)->channel;
	xenbus_put(d);
	return rc;
}
