/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing what reads dom0's bytes: QubesDB's messages, which may do to the copy
 * what they like but keep it in order and within its bound; qrexec's headers
 * and commands, which are cut up within their own bytes.
 *
 *     first byte   even: messages of QubesDB, one after the other
 *                  odd: a header of qrexec's (8), then a command
 */
#include <stdlib.h>
#include <string.h>

#include "qubes/qrexec.h"
#include "qubes/qubesdb.h"
#include "unix/unix.h"

struct input {
	const uint8_t *at;
	size_t left;
};

static size_t take(struct input *in, void *to, size_t n)
{
	n = n < in->left ? n : in->left;
	memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
	return n;
}

/* --- QubesDB ------------------------------------------------------------ */

static void in_order(const struct qdb_map *m)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < m->n; i++) {
		const struct qdb_item *e = m->at[i];

		if (!qdb_path_ok(e->path) || qdb_find(m, e->path) != e)
			abort();
		if (i && strcmp(m->at[i - 1]->path, e->path) >= 0)
			abort();
		if (strlen(e->value) != e->size)
			abort();
		bytes += sizeof(*e) + strlen(e->path) + e->size + 2;
	}
	if (bytes != m->bytes || bytes > QUBESDB_BYTES_MAX)
		abort();
}

static void begin(struct qdb_map *m)
{
	qdb_abandon(m);
	if (qdb_begin(m))
		abort();
}

static void messages(struct input *in)
{
	struct qdb_map m = {.at = NULL};

	begin(&m);
	while (in->left) {
		struct qdb_header h = {0};
		int rc = -1;

		take(in, &h, sizeof(h));
		if (!qdb_header_check(&m, &h)) {
			/* of just its size, so that reading on is seen */
			char *data = calloc(1, h.size ? h.size : 1);

			if (!data)
				abort();
			take(in, data, h.size);
			rc = qdb_message(&m, &h, data);
			free(data);
		}
		if (rc < 0)
			begin(&m);
		in_order(&m);
	}
	qdb_free(&m);
}

/* --- qrexec ------------------------------------------------------------- */

static void within(const char *field, const char *text, size_t n)
{
	if (*field && (field < text || field + strlen(field) >= text + n))
		abort();
}

static void command(struct input *in)
{
	struct qrexec_header h = {0};
	struct qrexec_request r;
	size_t n = take(in, &h, sizeof(h)) * 0 + in->left;
	char *text = malloc(n + 1);

	if (!text)
		abort();
	for (uint32_t version = 2; version <= 3; version++) {
		int rc = qrexec_check(&h, QREXEC_SERVING, version);

		if (!rc && h.size > qrexec_chunk(version))
			abort();
		qrexec_check(&h, QREXEC_CALLING, version);
		rc = qrexec_check(&h, QREXEC_CONTROL, version);
		if (!rc && (h.size <= 8 || h.size > 8 + QREXEC_TEXT_MAX))
			abort();
	}
	if (qrexec_version(&h, h.size) > QREXEC_VERSION)
		abort();
	take(in, text, n);
	if (qrexec_ident(text, n) > 9999999999)
		abort();
	text[n] = '\0';
	if (qrexec_is_text(text, n + 1)) {
		if (!qrexec_parse(text, &r) && (!*r.service || !*r.source))
			abort();
		within(r.user, text, n + 1);
		within(r.service, text, n + 1);
		within(r.argument, text, n + 1);
		within(r.source, text, n + 1);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool begun;
	struct input in = {data + 1, size - 1};

	if (!begun)
		unix_init("qubes");
	begun = true;
	if (!size)
		return 0;
	if (data[0] & 1)
		command(&in);
	else
		messages(&in);
	return 0;
}
