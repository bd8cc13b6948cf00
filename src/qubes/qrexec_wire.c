/* SPDX-License-Identifier: ISC */
/*
 * qrexec's messages (qubes/qrexec.h): which may come, of what size, and what
 * their texts mean. No input or output.
 */
#include <errno.h>
#include <fata/clock.h>
#include <qubes/qrexec.h>
#include <string.h>

uint32_t qrexec_chunk(uint32_t version)
{
	return version < 3 ? 4096 : 65536;
}

static bool data_ok(const struct qrexec_header *h, enum qrexec_side side,
		    uint32_t version)
{
	if (side == QREXEC_CALLING && h->type == QREXEC_EXIT_CODE)
		return h->size == sizeof(uint32_t);
	if (h->size > qrexec_chunk(version))
		return false;
	if (side == QREXEC_SERVING)
		return h->type == QREXEC_STDIN;
	return h->type == QREXEC_STDOUT || h->type == QREXEC_STDERR;
}

int qrexec_check(const struct qrexec_header *h, enum qrexec_side side,
		 uint32_t version)
{
	bool ok = false;

	if (side != QREXEC_CONTROL)
		return data_ok(h, side, version) ? 0 : -EPROTO;
	switch (h->type) {
	case QREXEC_EXEC:
	case QREXEC_JUST_EXEC:
	case QREXEC_CONNECT:
		ok = h->size > sizeof(struct qrexec_params) &&
		     h->size - sizeof(struct qrexec_params) <= QREXEC_TEXT_MAX;
		break;
	case QREXEC_REFUSE:
		ok = h->size == QREXEC_IDENT;
		break;
	}
	return ok ? 0 : -EPROTO;
}

int qrexec_version(const struct qrexec_header *h, uint32_t theirs)
{
	if (h->type != QREXEC_HELLO || h->size != sizeof(theirs) || theirs < 2)
		return -EPROTO;
	return theirs < QREXEC_VERSION ? (int)theirs : QREXEC_VERSION;
}

bool qrexec_is_text(const char *text, size_t n)
{
	return n && memchr(text, 0, n) == text + n - 1;
}

/* Cut `text` at the first of c; what follows, or NULL if there is none. */
static char *cut_at(char *text, char c)
{
	char *at = strchr(text, c);

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

static bool skip(char **text, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*text, prefix, n))
		return false;
	*text += n;
	return true;
}

int qrexec_parse(char *text, struct qrexec_request *r)
{
	char *command = cut_at(text, ':'), *source, *argument;

	*r = (struct qrexec_request){
		.user = text, .service = "", .argument = "", .source = ""};
	if (!command)
		return -EINVAL;
	skip(&command, "nogui:");
	if (!skip(&command, "QUBESRPC"))
		return -ENOENT;
	if (!skip(&command, " "))
		return -EINVAL;
	source = cut_at(command, ' ');
	if (!source)
		return -EINVAL;
	cut_at(source, ' '); /* what follows says how we were addressed */
	argument = cut_at(command, '+');
	if (!*command || !*source)
		return -EINVAL;
	r->service = command;
	r->source = source;
	if (argument)
		r->argument = argument;
	return 0;
}

int64_t qrexec_ident(const char *text, size_t n)
{
	const char *end = memchr(text, 0, n);
	int64_t number = 0;

	if (n < 5 || strncmp(text, "FATA", 4) || !end || end == text + 4 ||
	    end > text + 4 + 10)
		return -EINVAL;
	for (const char *p = text + 4; p < end; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		number = number * 10 + (*p - '0');
	}
	return number;
}
