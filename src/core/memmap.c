/* SPDX-License-Identifier: ISC */
/*
 * Range sets as a sorted array; see memmap.h. A boot-time table of at most 64
 * entries, so every operation simply walks it.
 */
#include <core/memmap.h>
#include <string.h>

#define PAGE 4096ull

static void erase(struct memmap *m, unsigned i)
{
	m->n--;
	memmove(&m->r[i], &m->r[i + 1], (m->n - i) * sizeof(m->r[0]));
}

static void forget_smallest(struct memmap *m)
{
	unsigned small = 0;

	for (unsigned i = 1; i < m->n; i++)
		if (m->r[i].end - m->r[i].start <
		    m->r[small].end - m->r[small].start)
			small = i;
	erase(m, small);
}

static void insert(struct memmap *m, uint64_t start, uint64_t end)
{
	unsigned i = 0;

	if (m->n == MEMMAP_MAX)
		forget_smallest(m);
	while (i < m->n && m->r[i].start < start)
		i++;
	memmove(&m->r[i + 1], &m->r[i], (m->n - i) * sizeof(m->r[0]));
	m->r[i] = (struct memmap_range){start, end};
	m->n++;
}

void memmap_add(struct memmap *m, uint64_t start, uint64_t end)
{
	if (start >= end)
		return;
	/* Swallow everything that touches the new range. */
	for (unsigned i = 0; i < m->n;) {
		struct memmap_range *r = &m->r[i];

		if (r->end < start || r->start > end) {
			i++;
			continue;
		}
		start = r->start < start ? r->start : start;
		end = r->end > end ? r->end : end;
		erase(m, i);
	}
	insert(m, start, end);
}

void memmap_remove(struct memmap *m, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < m->n;) {
		struct memmap_range r = m->r[i];

		if (start >= end || r.end <= start || r.start >= end) {
			i++;
			continue;
		}
		erase(m, i);
		if (r.start < start) {
			insert(m, r.start, start);
			i = 0;
		}
		if (r.end > end) {
			insert(m, end, r.end);
			i = 0;
		}
	}
}

void memmap_align(struct memmap *m)
{
	for (unsigned i = 0; i < m->n;) {
		struct memmap_range *r = &m->r[i];
		/* a start near 2^64 wraps, and is dropped */
		uint64_t start = (r->start + PAGE - 1) & ~(PAGE - 1);
		uint64_t end = r->end & ~(PAGE - 1);

		if (start < r->start || start >= end) {
			erase(m, i);
			continue;
		}
		*r = (struct memmap_range){start, end};
		i++;
	}
}

uint64_t memmap_take(struct memmap *m, uint64_t size, uint64_t floor,
		     uint64_t limit)
{
	for (unsigned i = 0; i < m->n; i++) {
		uint64_t start = m->r[i].start;
		uint64_t end = m->r[i].end < limit ? m->r[i].end : limit;

		if (start < floor)
			start = floor;
		if (start >= end || end - start < size)
			continue;
		memmap_remove(m, start, start + size);
		return start;
	}
	return 0;
}

uint64_t memmap_total(const struct memmap *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->n; i++)
		sum += m->r[i].end - m->r[i].start;
	return sum;
}
