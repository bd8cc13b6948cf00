/* SPDX-License-Identifier: ISC */
/*
 * The children of a node: in one answer, or, when they are more than a message
 * holds, in parts while nobody changes them.
 */
#include <fata/xen/xs.h>

#include <errno.h>
#include <string.h>

#include <fata/heap.h>
#include "core/fmt.h"
#include "xen/xs_call.h"

/* A directory larger than this is refused, changing ones tried this often. */
#define DIRECTORY_MAX   (1u << 20)
#define DIRECTORY_TRIES 16

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
