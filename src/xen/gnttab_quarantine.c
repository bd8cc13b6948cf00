/* SPDX-License-Identifier: ISC */
/*
 * The quarantine: pages that a peer still maps although we want them back.
 *
 * One entry per call of gnttab_end_pages that could not end all its grants:
 *
 *     entry --> order, pages, n refs left, refs[...]
 *
 * A timer tries them again: after 1 ms, then at twice the distance up to one
 * second, from the start again when something new arrives or somebody needs
 * references (gnttab_quarantine_kick). An entry whose last grant has ended
 * gives its pages back. Nothing is ever given back before (XSA-396).
 *
 * Without memory for an entry the references and pages stay out of use for
 * good, which is safe, and counted.
 */
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/timer.h>

#include "xen/gnttab.h"

FATA_LOG_SOURCE("gnttab");

#define LONGEST FATA_NS_PER_S

struct entry {
	struct entry *next;
	void *pages;
	unsigned int order, n;
	uint32_t refs[];
};

static struct entry *entries;
static unsigned int refs_held;
static size_t pages_held;
static struct timer timer;
static uint64_t pause;

static void sweep(void *arg);

static void arm(void)
{
	timer_set(&timer, clock_deadline(pause), sweep, NULL);
	pause = pause * 2 < LONGEST ? pause * 2 : LONGEST;
}

void gnttab_quarantine_kick(void)
{
	pause = FATA_NS_PER_MS;
	if (entries)
		arm();
}

/* End what can be ended of e; true when nothing is left. */
static bool try_entry(struct entry *e)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < e->n; i++) {
		if (!gnttab_try_end(e->refs[i])) {
			e->refs[left++] = e->refs[i];
			continue;
		}
		refs_held--;
		gnttab_free(e->refs[i]);
	}
	e->n = left;
	return left == 0;
}

static void sweep(void *arg)
{
	struct entry **p = &entries, *e;

	(void)arg;
	while ((e = *p)) {
		if (!try_entry(e)) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		if (e->pages) {
			pages_held -= (size_t)1 << e->order;
			page_free(e->pages, e->order);
		}
		heap_free(e);
	}
	if (entries)
		arm();
}

unsigned int gnttab_end_pages(const uint32_t *refs, unsigned int n, void *pages,
			      unsigned int order)
{
	unsigned int left = 0;
	struct entry *e = NULL;

	for (unsigned int i = 0; i < n; i++) {
		if (gnttab_try_end(refs[i])) {
			gnttab_free(refs[i]);
			continue;
		}
		if (left++ == 0)
			e = heap_alloc(sizeof(*e) + (n - i) * sizeof(*refs));
		if (e)
			e->refs[left - 1] = refs[i];
	}
	if (left == 0) {
		if (pages)
			page_free(pages, order);
		return 0;
	}
	refs_held += left;
	pages_held += pages ? (size_t)1 << order : 0;
	if (!e) {
		log_warn("%u grants given up: no memory", left);
		return left;
	}
	e->pages = pages;
	e->order = order;
	e->n = left;
	e->next = entries;
	entries = e;
	gnttab_quarantine_kick();
	return left;
}

void gnttab_quarantine_stat(unsigned int *refs, size_t *pages)
{
	*refs = refs_held;
	*pages = pages_held;
}
