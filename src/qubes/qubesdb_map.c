/* SPDX-License-Identifier: ISC */
/*
 * The copy of QubesDB (qubes/qubesdb.h): an array of entries in the order of
 * their paths, so that what lies below a path is one run of it. A value is
 * replaced by a new entry: what fails for want of memory has changed nothing.
 */
#include <errno.h>
#include <fata/heap.h>
#include <qubes/qubesdb.h>
#include <string.h>

/* --- checks ------------------------------------------------------------- */

static bool path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-_/.:@", c));
}

bool qdb_path_ok(const char *path)
{
	size_t n = 0;

	while (n < QUBESDB_PATH_SIZE && path_char(path[n]))
		n++;
	return n && n < QUBESDB_PATH_SIZE && !path[n] && path[0] != '-';
}

static bool one_entry(const char *path)
{
	return qdb_path_ok(path) && path[strlen(path) - 1] != '/';
}

int qdb_header_check(const struct qdb_map *m, const struct qdb_header *h)
{
	bool ok = false;

	if (!memchr(h->path, 0, sizeof(h->path)) || h->size > QUBESDB_VALUE_MAX)
		return -EPROTO;
	switch (h->type) {
	case QDB_WRITE:
		ok = !m->next && one_entry(h->path);
		break;
	case QDB_RM:
		ok = !m->next && !h->size && qdb_path_ok(h->path);
		break;
	case QDB_ENTRY:
		ok = m->next && (h->path[0] ? one_entry(h->path) : !h->size);
		break;
	case QDB_OK:
	case QDB_NOENT:
	case QDB_ERROR:
		ok = !h->size && (!h->path[0] || qdb_path_ok(h->path));
		break;
	}
	return ok ? 0 : -EPROTO;
}

/* --- the array ---------------------------------------------------------- */

unsigned qdb_lower(const struct qdb_map *m, const char *path)
{
	unsigned low = 0, high = m->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (strcmp(m->at[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct qdb_item *qdb_find(const struct qdb_map *m, const char *path)
{
	unsigned i = qdb_lower(m, path);

	return i < m->n && !strcmp(m->at[i]->path, path) ? m->at[i] : NULL;
}

static size_t cost(const struct qdb_item *e)
{
	return sizeof(*e) + strlen(e->path) + 1 + e->size + 1;
}

static int make_room(struct qdb_map *m)
{
	unsigned room = m->room ? 2 * m->room : 32;
	struct qdb_item **more;

	if (m->n < m->room)
		return 0;
	more = heap_realloc(m->at, room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->at = more;
	m->room = room;
	return 0;
}

static struct qdb_item *make(const char *path, const void *value, size_t n)
{
	size_t path_size = strlen(path) + 1;
	struct qdb_item *e = heap_alloc(sizeof(*e) + path_size + n + 1);

	if (!e)
		return NULL;
	e->size = (uint32_t)n;
	e->value = e->path + path_size;
	memcpy(e->path, path, path_size);
	if (n)
		memcpy(e->value, value, n);
	e->value[n] = '\0';
	return e;
}

int qdb_set(struct qdb_map *m, const char *path, const void *value, size_t n)
{
	struct qdb_item *old = qdb_find(m, path), *e;
	unsigned i = qdb_lower(m, path);

	if (make_room(m))
		return -ENOMEM;
	e = make(path, value, n);
	if (!e)
		return -ENOMEM;
	if (m->bytes - (old ? cost(old) : 0) + cost(e) > QUBESDB_BYTES_MAX) {
		heap_free(e);
		return -ENOMEM;
	}
	m->bytes += cost(e) - (old ? cost(old) : 0);
	if (!old) {
		memmove(m->at + i + 1, m->at + i,
			(m->n - i) * sizeof(m->at[0]));
		m->n++;
	}
	heap_free(old);
	m->at[i] = e;
	return 0;
}

/* The run of entries that a path names: itself, or all below "path/". */
static void run_of(const struct qdb_map *m, const char *path, unsigned *first,
		   unsigned *end)
{
	size_t n = strlen(path);

	*first = *end = qdb_lower(m, path);
	if (n && path[n - 1] == '/')
		while (*end < m->n && !strncmp(m->at[*end]->path, path, n))
			++*end;
	else
		*end += qdb_find(m, path) != NULL;
}

unsigned qdb_count(const struct qdb_map *m, const char *path)
{
	unsigned first, end;

	run_of(m, path, &first, &end);
	return end - first;
}

static void drop(struct qdb_map *m, struct qdb_item *e)
{
	m->bytes -= cost(e);
	heap_free(e);
}

unsigned qdb_remove(struct qdb_map *m, const char *path)
{
	unsigned first, end;

	run_of(m, path, &first, &end);
	for (unsigned i = first; i < end; i++)
		drop(m, m->at[i]);
	memmove(m->at + first, m->at + end, (m->n - end) * sizeof(m->at[0]));
	m->n -= end - first;
	return end - first;
}

static void clear(struct qdb_map *m)
{
	for (unsigned i = 0; i < m->n; i++)
		heap_free(m->at[i]);
	heap_free(m->at);
}

void qdb_free(struct qdb_map *m)
{
	qdb_abandon(m);
	clear(m);
	*m = (struct qdb_map){.at = NULL};
}

/* --- messages ----------------------------------------------------------- */

int qdb_begin(struct qdb_map *m)
{
	m->next = heap_calloc(1, sizeof(*m->next));
	return m->next ? 0 : -ENOMEM;
}

void qdb_abandon(struct qdb_map *m)
{
	if (m->next)
		clear(m->next);
	heap_free(m->next);
	m->next = NULL;
}

static void complete(struct qdb_map *m)
{
	struct qdb_map *next = m->next;

	clear(m);
	*m = *next;
	heap_free(next);
}

int qdb_message(struct qdb_map *m, const struct qdb_header *h, const char *data)
{
	int rc;

	if (h->type == QDB_ENTRY && !h->path[0]) {
		complete(m);
		return QDB_COPIED;
	}
	if (h->type == QDB_RM) {
		/* of nothing: what a daemon does that has just begun anew */
		qdb_remove(m, h->path);
		return QDB_CHANGED;
	}
	if (h->type != QDB_WRITE && h->type != QDB_ENTRY)
		return QDB_NOTHING;
	if (h->size && memchr(data, 0, h->size))
		return -EPROTO;
	rc = qdb_set(m->next ? m->next : m, h->path, data, h->size);
	if (rc)
		return rc;
	return h->type == QDB_WRITE ? QDB_CHANGED : QDB_COPYING;
}
