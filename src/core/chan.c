/* SPDX-License-Identifier: ISC */
/*
 * Channels: a ring of messages and two queues of waiting tasks.
 *
 *     senders -> | slot | slot | slot | -> receivers
 *
 * Receivers wait only while the ring is empty, senders only while it is full.
 * With a waiting receiver a message goes straight to it; when a receive frees
 * a slot, the first waiting sender's message moves into it. With no slots at
 * all the message goes from the sender's memory to the receiver's. So messages
 * keep the order in which they were sent, also between many senders.
 *
 * Interface: fata/sync.h.
 */
#include "core/wait.h"

#include <errno.h>
#include <fata/heap.h>
#include <fata/sync.h>
#include <string.h>

int chan_init(struct chan *c, size_t size, unsigned capacity)
{
	size_t bytes;

	*c = (struct chan){.size = size, .capacity = capacity};
	if (!size)
		return -EINVAL;
	if (__builtin_mul_overflow(size, (size_t)capacity, &bytes))
		return -ENOMEM;
	if (!capacity)
		return 0;
	c->slots = heap_alloc(bytes);
	return c->slots ? 0 : -ENOMEM;
}

void chan_destroy(struct chan *c)
{
	heap_free(c->slots);
	c->slots = NULL;
}

static void ring_put(struct chan *c, const void *message)
{
	size_t slot = ((size_t)c->head + c->used) % c->capacity;

	memcpy(c->slots + slot * c->size, message, c->size);
	c->used++;
	event_signal(&c->readable);
}

static void ring_take(struct chan *c, void *message)
{
	memcpy(message, c->slots + c->head * c->size, c->size);
	c->head = (c->head + 1) % c->capacity;
	c->used--;
}

int chan_send(struct chan *c, const void *message, uint64_t deadline)
{
	struct sync_waiter *w;
	int err = task_check_cancel();

	if (err)
		return err;
	if (c->closed)
		return -EPIPE;
	w = wait_wake_first(&c->receivers, 0);
	if (w) {
		memcpy(w->message, message, c->size);
		return 0;
	}
	if (c->used < c->capacity) {
		ring_put(c, message);
		return 0;
	}
	if (!c->capacity && deadline)
		event_signal(&c->readable); /* a receive can take it from us */
	return wait_in(&c->senders, (void *)message, "channel to send to",
		       deadline, true);
}

int chan_recv(struct chan *c, void *message, uint64_t deadline)
{
	struct sync_waiter *w;
	int err = task_check_cancel();

	if (err)
		return err;
	if (c->used) {
		ring_take(c, message);
		w = wait_wake_first(&c->senders, 0);
		if (w)
			ring_put(c, w->message);
		else
			event_signal(&c->writable);
		return 0;
	}
	w = wait_wake_first(&c->senders, 0);
	if (w) {
		memcpy(message, w->message, c->size);
		return 0;
	}
	if (c->closed)
		return -EPIPE;
	if (!c->capacity && deadline)
		event_signal(&c->writable);
	return wait_in(&c->receivers, message, "channel to receive from",
		       deadline, true);
}

void chan_close(struct chan *c)
{
	c->closed = true;
	while (wait_wake_first(&c->senders, -EPIPE))
		;
	while (wait_wake_first(&c->receivers, -EPIPE))
		;
	event_signal(&c->readable);
	event_signal(&c->writable);
}

struct event *chan_readable(struct chan *c)
{
	return &c->readable;
}

struct event *chan_writable(struct chan *c)
{
	return &c->writable;
}
