/* SPDX-License-Identifier: ISC */
/*
 * The FIFO event interface as Xen does it (xen/common/event_fifo.c): the same
 * steps on the guest's pages, and one queue of ports per priority.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/sim_fifo.h"

#define PENDING  (1u << EVTCHN_FIFO_PENDING)
#define MASKED   (1u << EVTCHN_FIFO_MASKED)
#define LINKED   (1u << EVTCHN_FIFO_LINKED)
#define PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define PAGES    (EVTCHN_FIFO_NR_CHANNELS / PER_PAGE)

struct sim_fifo {
	struct evtchn_fifo_control_block *control;
	event_word_t *array[PAGES];
	unsigned int pages;
	uint32_t tail[EVTCHN_FIFO_MAX_QUEUES];
};

bool sim_fifo_offered = true;

static event_word_t *word_of(struct sim_fifo *f, uint32_t port)
{
	return port / PER_PAGE < f->pages
		       ? &f->array[port / PER_PAGE][port % PER_PAGE]
		       : NULL;
}

long sim_fifo_init(struct sim_domain *d, struct evtchn_init_control *op)
{
	void *page = sim_frame(d, op->control_gfn);

	if (!sim_fifo_offered)
		return -ENOSYS;
	if (!page || op->vcpu || op->offset)
		return -EINVAL;
	if (!d->fifo)
		d->fifo = calloc(1, sizeof(*d->fifo));
	if (!d->fifo)
		sim_die("no memory for events");
	d->fifo->control = page;
	op->link_bits = EVTCHN_FIFO_LINK_BITS;
	for (uint32_t port = 1; port < d->ports_used && port < 4096; port++)
		d->ports[port].pending =
			sim_shared(d)->evtchn_pending[port / 64] >>
				(port % 64) &
			1;
	return 0;
}

long sim_fifo_expand(struct sim_domain *d, struct evtchn_expand_array *op)
{
	struct sim_fifo *f = d->fifo;
	void *page = sim_frame(d, op->array_gfn);
	uint32_t from;

	if (!f || !page)
		return f ? -EINVAL : -EOPNOTSUPP;
	if (f->pages == PAGES)
		return -ENOSPC;
	from = f->pages * PER_PAGE;
	f->array[f->pages++] = page;
	for (uint32_t port = from; port < from + PER_PAGE; port++)
		if (port < d->ports_used && d->ports[port].pending)
			sim_fifo_raise(d, port);
	return 0;
}

void sim_fifo_raise(struct sim_domain *d, uint32_t port)
{
	struct sim_fifo *f = d->fifo;
	struct vcpu_info *v = &sim_shared(d)->vcpu_info[0];
	unsigned int q = d->ports[port].priority;
	event_word_t *w = word_of(f, port), *tail;

	if (!w) {
		d->ports[port].pending = true;
		return;
	}
	*w |= PENDING;
	if (*w & (MASKED | LINKED))
		return;
	*w |= LINKED;
	/* the tail of another queue from before a change of priority */
	for (unsigned int k = 0; k < EVTCHN_FIFO_MAX_QUEUES; k++)
		if (k != q && f->tail[k] == port)
			f->tail[k] = 0;
	tail = f->tail[q] ? word_of(f, f->tail[q]) : NULL;
	if (tail && f->tail[q] != port && *tail & LINKED) {
		*tail = (*tail & ~EVTCHN_FIFO_LINK_MASK) | port;
		f->tail[q] = port;
		return;
	}
	f->control->head[q] = port;
	f->tail[q] = port;
	if (f->control->ready & 1u << q)
		return;
	f->control->ready |= 1u << q;
	v->evtchn_upcall_pending = 1;
}

void sim_fifo_unmask(struct sim_domain *d, uint32_t port)
{
	event_word_t *w = word_of(d->fifo, port);

	if (!w || !(*w & MASKED))
		return;
	*w &= ~MASKED;
	if (*w & PENDING)
		sim_fifo_raise(d, port);
}

void sim_fifo_close(struct sim_domain *d, uint32_t port)
{
	event_word_t *w = word_of(d->fifo, port);

	if (w)
		*w &= ~PENDING;
}

void sim_fifo_reset(struct sim_domain *d)
{
	free(d->fifo);
	d->fifo = NULL;
}
