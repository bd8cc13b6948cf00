/* SPDX-License-Identifier: ISC */
/*
 * Hooks of the loop and of the end, in lists through the caller's memory.
 *
 * Interface: fata/hook.h. Enter and leave hooks are appended, exit hooks are
 * put in front, so each list is simply walked from its beginning.
 */
#include "core/hook.h"

struct hooks {
	struct hook *first, *last;
};

static struct hooks enter, leave;
static struct hook *at_exit;

static void append(struct hooks *l, struct hook *h)
{
	h->next = NULL;
	if (l->last)
		l->last->next = h;
	else
		l->first = h;
	l->last = h;
}

static void run(const struct hooks *l)
{
	for (struct hook *h = l->first; h; h = h->next)
		h->fn(h->arg);
}

void fata_at_enter(struct hook *h)
{
	append(&enter, h);
}

void fata_at_leave(struct hook *h)
{
	append(&leave, h);
}

void fata_at_exit(struct hook *h)
{
	h->next = at_exit;
	at_exit = h;
}

void hook_run_enter(void)
{
	run(&enter);
}

void hook_run_leave(void)
{
	run(&leave);
}

void hook_run_exit(void)
{
	while (at_exit) {
		struct hook *h = at_exit;

		at_exit = h->next;
		h->fn(h->arg);
	}
}
