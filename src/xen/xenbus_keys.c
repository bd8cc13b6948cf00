/* SPDX-License-Identifier: ISC */
/*
 * What drivers ask of xenbus: to call their device broken, and to read and
 * write the keys of both halves (fata/xen/xenbus.h). Each call ends by
 * xenbus_deadline at the latest.
 */
#include <errno.h>
#include <stdarg.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include "core/fmt.h"
#include "xen/xenbus.h"

FATA_LOG_SOURCE("xenbus");

#define CALL_NS (10 * FATA_NS_PER_S)

void xenbus_broken(struct xenbus_device *d, const char *format, ...)
{
	char text[160];
	va_list args;

	if (d->priv->broken || d->phase == XENBUS_BROKEN ||
	    d->phase == XENBUS_GONE)
		return;
	va_start(args, format);
	fmt_v(text, sizeof(text), format, args);
	va_end(args);
	log_error("%s: broken: %s", d->path, text);
	d->priv->broken = true;
	event_signal(&d->priv->kick);
}

uint64_t xenbus_deadline(void)
{
	return clock_deadline(CALL_NS);
}

/*
 * Our directory may have been removed: writing a key would bring it back, as a
 * device without a backend. So it is looked at in the same transaction.
 */
int xenbus_still_there(struct xenbus_device *d, const struct xs_transaction *t)
{
	bool backend = d->priv->class->backend;
	char path[XS_PATH_SIZE], *value;
	int err = xs_path(path, "%s/%s", d->path,
			  backend ? "frontend" : "backend");

	if (err == 0)
		err = xs_read(t, path, &value, NULL, xenbus_deadline());
	if (err == 0)
		heap_free(value);
	if (err == -ENOENT) {
		d->priv->own_changed = true;
		event_signal(&d->priv->kick);
	}
	return err;
}

struct writing {
	struct xenbus_device *device;
	const char *path, *value;
	size_t size;
};

static int write_if_there(struct xs_transaction *t, void *arg)
{
	struct writing *w = arg;
	int err = xenbus_still_there(w->device, t);

	return err ? err
		   : xs_write(t, w->path, w->value, w->size, xenbus_deadline());
}

int xenbus_printf(struct xenbus_device *d, const struct xs_transaction *t,
		  const char *key, const char *format, ...)
{
	char path[XS_PATH_SIZE], value[512];
	struct writing w = {d, path, value, 0};
	va_list args;
	int err = xs_path(path, "%s/%s", d->path, key);

	if (err)
		return err;
	va_start(args, format);
	w.size = fmt_v(value, sizeof(value), format, args);
	va_end(args);
	if (w.size >= sizeof(value))
		return -E2BIG;
	if (t)
		return xs_write(t, path, value, w.size, xenbus_deadline());
	return xs_transaction(write_if_there, &w, xenbus_deadline());
}

static int read_text(const char *directory, const char *key, char **value)
{
	char path[XS_PATH_SIZE];
	int err = xs_path(path, "%s/%s", directory, key);

	return err ? err : xs_read(NULL, path, value, NULL, xenbus_deadline());
}

static int read_number(const char *directory, const char *key, uint64_t max,
		       uint64_t *value)
{
	char path[XS_PATH_SIZE];
	int err = xs_path(path, "%s/%s", directory, key);

	return err ? err
		   : xs_read_u64(NULL, path, max, value, xenbus_deadline());
}

int xenbus_read(struct xenbus_device *d, const char *key, char **value)
{
	return read_text(d->peer_path, key, value);
}

int xenbus_read_u64(struct xenbus_device *d, const char *key, uint64_t max,
		    uint64_t *value)
{
	return read_number(d->peer_path, key, max, value);
}

int xenbus_read_u64_or(struct xenbus_device *d, const char *key, uint64_t max,
		       uint64_t fallback, uint64_t *value)
{
	int err = read_number(d->peer_path, key, max, value);

	if (err == -ENOENT) {
		*value = fallback;
		return 0;
	}
	return err;
}

int xenbus_read_own(struct xenbus_device *d, const char *key, char **value)
{
	return read_text(d->path, key, value);
}

int xenbus_read_own_u64(struct xenbus_device *d, const char *key, uint64_t max,
			uint64_t *value)
{
	return read_number(d->path, key, max, value);
}
