/* SPDX-License-Identifier: ISC */
/*
 * What is to happen: a binary heap by time, and by order of entry among what
 * happens at one moment, so that runs repeat (sim.h).
 */
#include "sim.h"

#include <stdlib.h>

static bool before(const struct sim_happening *a, const struct sim_happening *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_queue_add(struct sim_queue *q, struct sim_happening h)
{
	size_t i = q->n++;

	if (q->n > q->room) {
		q->room = q->room ? q->room * 2 : 1024;
		q->heap = xrealloc(q->heap, q->room * sizeof(*q->heap));
	}
	h.order = q->order++;
	for (; i && before(&h, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = h;
}

uint64_t sim_queue_next(const struct sim_queue *q)
{
	return q->n ? q->heap[0].at : SIM_NEVER;
}

struct sim_happening sim_queue_take(struct sim_queue *q)
{
	struct sim_happening first = q->heap[0], last = q->heap[--q->n];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < q->n; i = child) {
		if (child + 1 < q->n &&
		    before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (before(&last, &q->heap[child]))
			break;
		q->heap[i] = q->heap[child];
	}
	q->heap[i] = last;
	return first;
}

void sim_queue_free(struct sim_queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		free(q->heap[i].frame);
	free(q->heap);
	*q = (struct sim_queue){0};
}
