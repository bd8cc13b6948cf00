/* SPDX-License-Identifier: ISC */
/*
 * The registry of devices: which there are, hot-plug, and what programs and
 * drivers ask for (fata/xen/xenbus.h).
 *
 * One watch on "device/CLASS" serves a whole class: it tells of devices that
 * come and go and of changes of the keys that name the other half. One task
 * lists the directories again when it must; a device's own task notices for
 * itself that its directory is gone.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/lifecycle.h>
#include <fata/log.h>
#include <fata/task.h>
#include "core/fmt.h"
#include "xen/xenbus.h"

FATA_LOG_SOURCE("xenbus");

#define CALL_NS     (10 * FATA_NS_PER_S)
#define RESCAN_NS   FATA_NS_PER_S /* after an error */
#define DEVICES_MAX 1024          /* of one class; beyond it is nonsense */

static struct list classes = LIST_INIT(classes);

const char *xenbus_state_name(enum xenbus_state s)
{
	static const char *const names[] = {
		"Unknown",     "Initialising",  "InitWait",
		"Initialised", "Connected",     "Closing",
		"Closed",      "Reconfiguring", "Reconfigured",
	};

	return (unsigned int)s < sizeof(names) / sizeof(*names) ? names[s]
								: "?";
}

/* --- devices ------------------------------------------------------ */

static void kick(struct xenbus_private *p)
{
	event_signal(&p->kick);
}

void xenbus_get(struct xenbus_device *d)
{
	d->priv->refs++;
}

void xenbus_put(struct xenbus_device *d)
{
	struct xenbus_private *p = d->priv;

	if (--p->refs)
		return;
	if (p->probed && d->driver->remove)
		d->driver->remove(d);
	heap_free(p);
}

void xenbus_forget(struct xenbus_device *d)
{
	list_remove(&d->priv->link);
	event_signal(&d->priv->class->plugged);
	/* The same directory may have been made again meanwhile. */
	event_signal(&d->priv->class->rescan);
	event_signal(&xenbus_frozen);
	xenbus_put(d);
}

static struct xenbus_private *device_find(struct xenbus_class *c,
					  const char *path)
{
	list_for_each(
		entry,
		&c->devices) if (strcmp(xenbus_private(entry)->text, path) ==
				 0) return xenbus_private(entry);
	return NULL;
}

static int device_add(struct xenbus_class *c, const char *path, uint32_t id)
{
	const struct task_attr attr = {.name = path};
	size_t n = strlen(path) + 1;
	struct xenbus_private *p = heap_calloc(1, sizeof(*p) + n);
	int err;

	if (!p)
		return -ENOMEM;
	memcpy(p->text, path, n);
	p->class = c;
	p->refs = 1;
	p->device.driver = c->driver;
	p->device.path = p->text;
	p->device.id = id;
	p->device.priv = p;
	err = fata_task_spawn(NULL, &attr, xenbus_device_run, &p->device);
	if (err) {
		heap_free(p);
		return err;
	}
	list_add_last(&c->devices, &p->link);
	event_signal(&c->plugged);
	return 0;
}

/* --- hot-plug ---------------------------------------------------------------
 */

/* Devices in `path`; 0 or the error that made one or more be left out. */
static int scan(struct xenbus_class *c, const char *path)
{
	char sub[XS_PATH_SIZE];
	char **names;
	unsigned int i, n;
	uint64_t id;
	int err = xs_directory(NULL, path, &names, &n, clock_deadline(CALL_NS));

	if (err)
		return err == -ENOENT ? 0 : err;
	for (i = 0; i < n && i < DEVICES_MAX && err == 0; i++) {
		if (xs_parse_u64(names[i], UINT32_MAX, &id) ||
		    xs_path(sub, "%s/%s", path, names[i]))
			continue;
		if (c->backend && path == c->root)
			err = scan(c, sub);
		else if (!device_find(c, sub))
			err = device_add(c, sub, id);
	}
	heap_free(names);
	return err;
}

/* All must look whether they still exist. */
static void suspect_all(struct xenbus_class *c)
{
	list_for_each(entry, &c->devices)
	{
		xenbus_private(entry)->own_changed = true;
		kick(xenbus_private(entry));
	}
}

static int rescan_task(void *arg)
{
	struct xenbus_class *c = arg;
	uint64_t seen, again;
	int err;

	for (;;) {
		again = FATA_FOREVER;
		seen = event_count(&c->rescan);
		err = scan(c, c->root);
		if (err && err != -EIO) /* that one is for ever */
			again = clock_deadline(RESCAN_NS);
		event_wait(&c->rescan, &seen, again);
	}
	return 0;
}

/* Does `path` lie below `root`? What follows "root/", "" for root itself. */
static const char *below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (strncmp(path, root, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : path + n;
}

static void touched(void *arg, const char *path)
{
	struct xenbus_class *c = arg;
	const char *key = NULL;

	if (!path || !below(path, c->root) || !*below(path, c->root)) {
		suspect_all(c);
		event_signal(&c->rescan);
		return;
	}
	list_for_each(entry, &c->devices)
	{
		struct xenbus_private *p = xenbus_private(entry);

		key = below(path, p->text);
		if (!key)
			continue;
		/* The device's own keys are its driver's doing. */
		if (*key && strncmp(key, "backend", 7) &&
		    strncmp(key, "frontend", 8) && strcmp(key, "online"))
			return;
		p->remade |= !*key;
		p->own_changed = true;
		kick(p);
		return;
	}
	event_signal(&c->rescan);
}

static int suspend_before(void *arg, uint64_t deadline)
{
	(void)arg;
	return xenbus_freeze(deadline);
}

static void suspend_after(void *arg, enum lifecycle_resume how)
{
	(void)arg;
	xenbus_thaw(how == LIFECYCLE_RENEWED);
}

static struct lifecycle_client client = {
	.name = "devices",
	.order = LIFECYCLE_DEVICES,
	.before = suspend_before,
	.after = suspend_after,
};

static struct xenbus_class *class_of(const struct xenbus_driver *driver)
{
	list_for_each(entry, &classes)
	{
		struct xenbus_class *c =
			list_entry(entry, struct xenbus_class, link);

		if (c->driver == driver)
			return c;
	}
	return NULL;
}

static int register_class(const struct xenbus_driver *driver, bool backend,
			  uint64_t deadline)
{
	const char *where = backend ? "backend" : "device";
	const struct task_attr attr = {.name = "xenbus"};
	struct xenbus_class *c;
	size_t n = strlen(where) + strlen(driver->class) + 2;
	int err;

	if (class_of(driver))
		return 0;
	c = heap_calloc(1, sizeof(*c) + n);
	if (!c)
		return -ENOMEM;
	c->driver = driver;
	c->backend = backend;
	c->root = (char *)(c + 1);
	fmt(c->root, n, "%s/%s", where, driver->class);
	list_init(&c->devices);
	lifecycle_register(&client);
	/* In the list before anything blocks: it is registered once. */
	list_add_last(&classes, &c->link);
	err = xs_watch(&c->watch, c->root, touched, c, deadline);
	if (err == 0) {
		err = fata_task_spawn(NULL, &attr, rescan_task, c);
		if (err)
			xs_unwatch(c->watch);
	}
	if (err) {
		list_remove(&c->link);
		heap_free(c);
	}
	return err;
}

int xenbus_register(const struct xenbus_driver *driver, uint64_t deadline)
{
	return register_class(driver, false, deadline);
}

int xenbus_register_backend(const struct xenbus_driver *driver,
			    uint64_t deadline)
{
	return register_class(driver, true, deadline);
}

/* --- what programs ask ------------------------------------------------------
 */

int xenbus_find(const struct xenbus_driver *driver,
		bool (*match)(struct xenbus_device *d, void *arg), void *arg,
		struct xenbus_device **d, uint64_t deadline)
{
	struct xenbus_class *c = class_of(driver);
	uint64_t seen;
	int err;

	if (!c)
		return -ENODEV;
	for (;;) {
		seen = event_count(&c->plugged);
		list_for_each(entry, &c->devices)
		{
			struct xenbus_device *one =
				&xenbus_private(entry)->device;

			if (match && !match(one, arg))
				continue;
			xenbus_get(one);
			*d = one;
			return 0;
		}
		err = event_wait(&c->plugged, &seen, deadline);
		if (err)
			return err;
	}
}

struct event *xenbus_plugged(const struct xenbus_driver *driver)
{
	struct xenbus_class *c = class_of(driver);

	return c ? &c->plugged : NULL;
}

int xenbus_wait(struct xenbus_device *d, uint64_t deadline)
{
	uint64_t seen;
	int err;

	for (;;) {
		seen = event_count(&d->changed);
		if (d->phase == XENBUS_RUNNING)
			return 0;
		if (d->phase == XENBUS_BROKEN)
			return -EIO;
		if (d->phase == XENBUS_GONE)
			return -ENODEV;
		err = event_wait(&d->changed, &seen, deadline);
		if (err)
			return err;
	}
}

void xenbus_reset(struct xenbus_device *d)
{
	d->priv->reset = true;
	kick(d->priv);
}

/* --- suspend ------------------------------------------------------ */

/* Set all devices' flag from one value to another; how many have `from`. */
static unsigned int flag_all(enum xenbus_freeze from, enum xenbus_freeze to)
{
	unsigned int n = 0;

	list_for_each(entry, &classes)
	{
		struct xenbus_class *c =
			list_entry(entry, struct xenbus_class, link);

		list_for_each(one, &c->devices)
		{
			struct xenbus_private *p = xenbus_private(one);

			if (p->freeze != from)
				continue;
			n++;
			if (from != to) {
				p->freeze = to;
				kick(p);
			}
		}
	}
	return n;
}

int xenbus_freeze(uint64_t deadline)
{
	uint64_t seen = event_count(&xenbus_frozen);
	int err;

	flag_all(XENBUS_RUN, XENBUS_FREEZE);
	while (flag_all(XENBUS_FREEZE, XENBUS_FREEZE)) {
		err = event_wait(&xenbus_frozen, &seen, deadline);
		if (err) {
			flag_all(XENBUS_FREEZE, XENBUS_RUN);
			flag_all(XENBUS_FROZEN, XENBUS_THAW);
			return err;
		}
	}
	return 0;
}

void xenbus_thaw(bool renewed)
{
	flag_all(XENBUS_FROZEN, renewed ? XENBUS_RENEW : XENBUS_THAW);
}
