/* SPDX-License-Identifier: ISC */
/*
 * Forwarded ports (forward.h). QEMU carries them into the network of the lab's
 * bridge. It cannot know which address a guest will have, so that comes from
 * the guest's own parameter --ip, or is given.
 */
#include "forward.h"
#include "lab.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take_port(const char *text, size_t n, int *port)
{
	if (!n || n > 5 || strspn(text, "0123456789") < n)
		return -1;
	*port = atoi(text);
	return *port < 1 || *port > 65535 ? -1 : 0;
}

int forward_take(struct forwards *f, const char *value)
{
	const char *first = strchr(value, ':'), *last = strrchr(value, ':');
	struct forward w = {.address = NULL};

	if (f->n == FORWARDS_MAX)
		return fail_usage("--forward: more than %d", FORWARDS_MAX);
	if (!first || take_port(value, first - value, &w.port) ||
	    take_port(last + 1, strlen(last + 1), &w.guest_port))
		return fail_usage("--forward %s: expected PORT:GUEST-PORT or "
				  "PORT:ADDRESS:GUEST-PORT",
				  value);
	if (last > first + 1)
		w.address = strndup(first + 1, last - first - 1);
	if (w.address && w.address[strspn(w.address, "0123456789.")])
		return fail_usage("--forward %s: '%s' is no IPv4 address",
				  value, w.address);
	f->v[f->n++] = w;
	return 0;
}

/* The address in "--ip [NAME=]a.b.c.d/bits", the first such; or NULL. */
static char *own_address(char *const *words)
{
	for (; *words && strcmp(*words, "--"); words++) {
		const char *value = NULL, *equals, *end;

		if (starts_with(*words, "--ip="))
			value = *words + strlen("--ip=");
		else if (!strcmp(*words, "--ip") && words[1])
			value = *++words;
		if (!value)
			continue;
		equals = strchr(value, '=');
		value = equals ? equals + 1 : value;
		end = strchr(value, '/');
		if (end && strspn(value, "0123456789.") >=
				   (size_t)(end - value))
			return strndup(value, end - value);
	}
	return NULL;
}

int forward_resolve(struct forwards *f, char *const *words)
{
	char *address = own_address(words);

	for (size_t i = 0; i < f->n; i++) {
		struct forward *w = &f->v[i];

		if (!w->address && !address)
			return fail_usage("--forward %d:%d: the guest's "
					  "address is unknown (give the guest "
					  "--ip 10.0.2.20/24, or forward "
					  "%d:ADDRESS:%d)",
					  w->port, w->guest_port, w->port,
					  w->guest_port);
		if (!w->address)
			w->address = address;
	}
	return 0;
}

int forward_open(struct forwards *f)
{
	int err = 0;

	while (!err && f->open < f->n) {
		const struct forward *w = &f->v[f->open];
		char *guest = xasprintf("%s:%d", w->address, w->guest_port);

		err = lab_forward(w->port, guest);
		free(guest);
		if (!err)
			f->open++;
	}
	if (err)
		forward_close(f);
	return err;
}

void forward_close(struct forwards *f)
{
	while (f->open)
		lab_unforward(f->v[--f->open].port);
}
