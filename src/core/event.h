/* SPDX-License-Identifier: ISC */
/*
 * Somebody who is told of each signal of an event at once, without a task that
 * waits: a set of many (libc's epoll) then costs what was signalled, not what
 * is in it.
 *
 * Interface: the function runs wherever the signal comes from, even in a
 * callback; it may signal other events, but not watch or unwatch this one.
 */
#ifndef FATA_CORE_EVENT_H
#define FATA_CORE_EVENT_H

#include <fata/event.h>

struct event_watch {
	struct event *event; /* NULL: watches none */
	struct event_watch *next, *prev;
	void (*fn)(struct event_watch *w);
};

/* w is the caller's and stays in place until event_unwatch. */
void event_watch(struct event_watch *w, struct event *e,
		 void (*fn)(struct event_watch *w));
void event_unwatch(struct event_watch *w);

#endif
