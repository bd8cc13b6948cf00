/* SPDX-License-Identifier: ISC */
/*
 * The operations of xenstore as calls of a task (fata/xen/xs.h); each is a
 * request's payload and the reading of its answer. Transactions are in
 * xs_call.c, watches in xs_watch.c.
 */
#include <fata/xen/xs.h>

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <fata/heap.h>
#include "core/fmt.h"
#include "xen/xs_call.h"

/* A directory larger than this is refused, changing ones tried this often. */
#define DIRECTORY_MAX   (1u << 20)
#define DIRECTORY_TRIES 16

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

/* --- directories ---------------------------------------------------------- */

/* A table of the names, with the names behind it. */
static int names_make(const char *text, size_t size, char ***names,
		      unsigned int *n)
{
	unsigned int i, count = xs_wire_count(text, size);
	char **table = heap_alloc(count * sizeof(*table) + size + 1);
	char *at;

	if (!table)
		return -ENOMEM;
	at = (char *)(table + count);
	memcpy(at, text, size);
	at[size] = 0;
	for (i = 0; i < count; i++) {
		table[i] = at;
		at += strlen(at) + 1;
	}
	*names = table;
	*n = count;
	return 0;
}

/* The children gathered so far, and the state of the node that they are of. */
struct listing {
	char *text;
	size_t size;
	uint64_t generation;
};

/*
 * One part: "generation NUL names...", with an empty name at the very end.
 * 1 when that was the last, 0 when not, -ESTALE when the node has changed.
 */
static int listing_add(struct listing *l, const struct xs_reply *reply)
{
	size_t head = strlen(reply->text) + 1, n;
	uint64_t generation;
	char *bigger;
	int last;

	if (head >= reply->size ||
	    xs_parse_u64(reply->text, UINT64_MAX, &generation))
		return -EPROTO;
	if (l->size && generation != l->generation)
		return -ESTALE;
	l->generation = generation;
	n = reply->size - head;
	if (reply->text[reply->size - 1])
		return -EPROTO;
	last = n == 1 || !reply->text[reply->size - 2];
	n -= last;
	if (n > DIRECTORY_MAX - l->size)
		return -E2BIG;
	bigger = heap_realloc(l->text, l->size + n + 1);
	if (!bigger)
		return -ENOMEM;
	memcpy(bigger + l->size, reply->text + head, n);
	l->text = bigger;
	l->size += n;
	return last;
}

static int listing_read(struct listing *l, const struct xs_transaction *t,
			const char *path, uint64_t deadline)
{
	struct xs_reply reply;
	char offset[24];
	int err;

	do {
		struct xs_part parts[] = {XS_TEXT(path), {offset, 0}};

		parts[1].size = fmt(offset, sizeof(offset), "%zu", l->size) + 1;
		err = xs_talk(XS_DIRECTORY_PART, t, parts, 2, &reply, deadline);
		if (err)
			return err;
		err = listing_add(l, &reply);
		heap_free(reply.text);
	} while (err == 0);
	return err < 0 ? err : 0;
}

static int directory_in_parts(const struct xs_transaction *t, const char *path,
			      char ***names, unsigned int *n, uint64_t deadline)
{
	struct listing l = {0};
	unsigned int i;
	int err = -ESTALE;

	for (i = 0; i < DIRECTORY_TRIES && err == -ESTALE; i++) {
		l.size = 0;
		err = listing_read(&l, t, path, deadline);
	}
	if (err == 0)
		err = names_make(l.text, l.size, names, n);
	heap_free(l.text);
	/* A xenstored without parts: its limit is the whole answer's. */
	if (err == -ENOSYS || err == -EINVAL)
		return -E2BIG;
	return err == -ESTALE ? -EAGAIN : err;
}

int xs_directory(const struct xs_transaction *t, const char *path,
		 char ***names, unsigned int *n, uint64_t deadline)
{
	struct xs_reply reply;
	int err = xs_wire_path(path, false);

	if (err)
		return err;
	err = xs_talk_text(XS_DIRECTORY, t, path, &reply, deadline);
	if (err == -E2BIG)
		return directory_in_parts(t, path, names, n, deadline);
	if (err)
		return err;
	err = names_make(reply.text, reply.size, names, n);
	heap_free(reply.text);
	return err;
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

/* --- domains -------------------------------------------------------------- */

static int about_domain(uint32_t type, uint16_t domid, struct xs_reply *reply,
			uint64_t deadline)
{
	char text[8];

	fmt(text, sizeof(text), "%u", domid);
	return xs_talk_text(type, NULL, text, reply, deadline);
}

int xs_get_domain_path(uint16_t domid, char **path, uint64_t deadline)
{
	struct xs_reply reply;
	int err = about_domain(XS_GET_DOMAIN_PATH, domid, &reply, deadline);

	if (err == 0)
		*path = reply.text;
	return err;
}

int xs_is_domain_introduced(uint16_t domid, bool *yes, uint64_t deadline)
{
	struct xs_reply reply;
	int err =
		about_domain(XS_IS_DOMAIN_INTRODUCED, domid, &reply, deadline);

	if (err)
		return err;
	*yes = *reply.text == 'T';
	if (strcmp(reply.text, "T") && strcmp(reply.text, "F"))
		err = -EPROTO;
	heap_free(reply.text);
	return err;
}

int xs_introduce(uint16_t domid, uint64_t gfn, uint32_t port, uint64_t deadline)
{
	char text[48];
	size_t n = fmt(text, sizeof(text), "%u", domid) + 1;
	struct xs_part part = {text, 0};

	n += fmt(text + n, sizeof(text) - n, "%llu", (unsigned long long)gfn);
	n++;
	n += fmt(text + n, sizeof(text) - n, "%u", port) + 1;
	part.size = n;
	return xs_talk(XS_INTRODUCE, NULL, &part, 1, NULL, deadline);
}

int xs_release(uint16_t domid, uint64_t deadline)
{
	return about_domain(XS_RELEASE, domid, NULL, deadline);
}

int xs_resume(uint16_t domid, uint64_t deadline)
{
	return about_domain(XS_RESUME, domid, NULL, deadline);
}

int xs_set_target(uint16_t domid, uint16_t target, uint64_t deadline)
{
	char text[16];
	size_t n = fmt(text, sizeof(text), "%u", domid) + 1;
	struct xs_part part = {text, 0};

	n += fmt(text + n, sizeof(text) - n, "%u", target) + 1;
	part.size = n;
	return xs_talk(XS_SET_TARGET, NULL, &part, 1, NULL, deadline);
}

int xs_reset_watches(uint64_t deadline)
{
	int err = xs_talk_text(XS_RESET_WATCHES, NULL, "", NULL, deadline);

	if (err == 0)
		xs_watch_reset();
	return err;
}

int xs_control(const char *const *words, unsigned int n, char **answer,
	       uint64_t deadline)
{
	struct xs_part parts[16];
	struct xs_reply reply;
	unsigned int i;
	int err;

	if (n == 0)
		return -EINVAL;
	if (n > sizeof(parts) / sizeof(*parts))
		return -E2BIG;
	for (i = 0; i < n; i++)
		parts[i] = (struct xs_part)XS_TEXT(words[i]);
	err = xs_talk(XS_CONTROL, NULL, parts, n, &reply, deadline);
	if (err == 0)
		*answer = reply.text;
	return err;
}
