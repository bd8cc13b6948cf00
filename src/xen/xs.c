/* SPDX-License-Identifier: ISC */
/*
 * The operations of xenstore as calls of a task (fata/xen/xs.h); each is a
 * request's payload and the reading of its answer. Directories are in
 * xs_directory.c, domains in xs_domain.c, transactions in xs_call.c, watches in
 * xs_watch.c.
 */
#include <fata/xen/xs.h>

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include "core/fmt.h"
#include "xen/xenstore.h"
#include "xen/xs_call.h"

/* --- values --------------------------------------------------------------- */

int xs_read(const struct xs_transaction *t, const char *path, char **value,
	    size_t *size, uint64_t deadline)
{
	struct xs_reply reply;
	int err = xs_talk_path(XS_READ, t, path, &reply, deadline);

	if (err)
		return err;
	*value = reply.text;
	if (size)
		*size = reply.size;
	return 0;
}

int xs_write(const struct xs_transaction *t, const char *path,
	     const void *value, size_t n, uint64_t deadline)
{
	const struct xs_part parts[] = {XS_TEXT(path), {value, n}};
	int err = xs_wire_path(path, false);

	return err ? err : xs_talk(XS_WRITE, t, parts, 2, NULL, deadline);
}

/*
 * A reset leaves open whether it was written, so it is written again; that may
 * happen as often as a daemon can be restarted.
 */
#define TELL_NS (10 * FATA_NS_PER_S)

int xs_tell(const char *path, const char *value, size_t n)
{
	uint64_t deadline = clock_deadline(TELL_NS);
	int err;

	do
		err = xs_write(NULL, path, value, n, deadline);
	while (err == -ECONNRESET && clock_mono_ns() < deadline);
	return err;
}

int xs_printf(const struct xs_transaction *t, const char *path,
	      uint64_t deadline, const char *format, ...)
{
	char small[128], *text = small;
	va_list args;
	size_t n;
	int err;

	va_start(args, format);
	n = fmt_v(small, sizeof(small), format, args);
	va_end(args);
	if (n > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	if (n >= sizeof(small)) {
		text = heap_alloc(n + 1);
		if (!text)
			return -ENOMEM;
		va_start(args, format);
		fmt_v(text, n + 1, format, args);
		va_end(args);
	}
	err = xs_write(t, path, text, n, deadline);
	if (text != small)
		heap_free(text);
	return err;
}

int xs_read_u64(const struct xs_transaction *t, const char *path, uint64_t max,
		uint64_t *value, uint64_t deadline)
{
	size_t size;
	char *text;
	int err = xs_read(t, path, &text, &size, deadline);

	if (err)
		return err;
	/* A NUL within the value is junk like any other. */
	err = strlen(text) == size ? xs_parse_u64(text, max, value) : -EINVAL;
	heap_free(text);
	return err;
}

int xs_mkdir(const struct xs_transaction *t, const char *path,
	     uint64_t deadline)
{
	int err = xs_talk_path(XS_MKDIR, t, path, NULL, deadline);

	return err == -EEXIST ? 0 : err;
}

int xs_rm(const struct xs_transaction *t, const char *path, uint64_t deadline)
{
	return xs_talk_path(XS_RM, t, path, NULL, deadline);
}

int xs_path(char *path, const char *format, ...)
{
	va_list args;
	size_t n;

	va_start(args, format);
	n = fmt_v(path, XS_PATH_SIZE, format, args);
	va_end(args);
	return n < XS_PATH_SIZE ? 0 : -E2BIG;
}

/* --- permissions ---------------------------------------------------------- */

static const char letters[] = "nrwb"; /* indexed by access */

static int permission_parse(const char *text, struct xs_permission *p)
{
	const char *letter = *text ? strchr(letters, *text) : NULL;
	uint64_t domid;

	if (!letter || xs_parse_u64(text + 1, UINT16_MAX, &domid))
		return -EPROTO;
	p->access = letter - letters;
	p->domid = domid;
	return 0;
}

int xs_get_permissions(const struct xs_transaction *t, const char *path,
		       struct xs_permission **list, unsigned int *n,
		       uint64_t deadline)
{
	struct xs_permission *p;
	struct xs_reply reply;
	unsigned int i, count;
	const char *at;
	int err = xs_talk_path(XS_GET_PERMS, t, path, &reply, deadline);

	if (err)
		return err;
	count = xs_wire_count(reply.text, reply.size);
	p = count ? heap_alloc(count * sizeof(*p)) : NULL;
	if (!p)
		err = count ? -ENOMEM : -EPROTO;
	at = reply.text;
	for (i = 0; err == 0 && i < count; i++) {
		err = permission_parse(at, p + i);
		at += strlen(at) + 1;
	}
	heap_free(reply.text);
	if (err) {
		heap_free(p);
		return err;
	}
	*list = p;
	*n = count;
	return 0;
}

int xs_set_permissions(const struct xs_transaction *t, const char *path,
		       const struct xs_permission *list, unsigned int n,
		       uint64_t deadline)
{
	const size_t room = XENSTORE_PAYLOAD_MAX;
	struct xs_part parts[] = {XS_TEXT(path), {NULL, 0}};
	unsigned int i;
	size_t size = 0;
	char *text;
	int err = xs_wire_path(path, false);

	if (err)
		return err;
	if (n == 0)
		return -EINVAL;
	if (n > room / 3)
		return -E2BIG;
	text = heap_alloc(room);
	if (!text)
		return -ENOMEM;
	for (i = 0; i < n && size < room; i++)
		size += fmt(text + size, room - size, "%c%u",
			    letters[list[i].access & 3], list[i].domid) +
			1;
	parts[1].data = text;
	parts[1].size = size;
	err = size > room ? -E2BIG
			  : xs_talk(XS_SET_PERMS, t, parts, 2, NULL, deadline);
	heap_free(text);
	return err;
}
