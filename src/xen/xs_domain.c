/* SPDX-License-Identifier: ISC */
/*
 * What xenstored is asked about domains and about itself. Most of it only
 * answers to privileged ones.
 */
#include <fata/xen/xs.h>

#include <errno.h>
#include <string.h>

#include <fata/heap.h>
#include "core/fmt.h"
#include "xen/xs_call.h"

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
