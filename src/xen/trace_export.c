/* SPDX-License-Identifier: ISC */
/*
 * The trace for dom0: its pages are granted read-only, and xenstore says which
 * grants they are; docs/lifecycle.md has the format.
 *
 *     data/fata/trace = "PAGES REF REF ..."
 *                              each of an index page: u32 references of
 *                              1024 pages of the ring, in order
 *
 * The grants last as long as the guest. After a resume in a new domain they
 * are made again, with the same references.
 */
#include "xen/trace_export.h"

#include <errno.h>

#include <fata/clock.h>
#include <fata/log.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include "core/fmt.h"
#include "core/trace.h"
#include "xen/xenstore.h"

FATA_LOG_SOURCE("trace");

#define READER    0 /* dom0 */
#define CALL_NS   (10 * FATA_NS_PER_S)
#define PER_INDEX (PAGE_SIZE / sizeof(uint32_t))
#define INDEX_MAX 64 /* as many as 256 MiB need */

static struct {
	uint32_t *page;
	uint32_t ref;
} book[INDEX_MAX];

/* Grant one page for the first time, or again after a resume. */
static int grant(uint32_t *ref, const void *page)
{
	if (*ref)
		return gnttab_grant_access(*ref, READER, page, false);
	return gnttab_share(ref, READER, page, false, clock_deadline(CALL_NS));
}

static int grant_all(const char *ring, size_t pages)
{
	size_t i;
	int err = 0;

	for (i = 0; i < pages && err == 0; i++) {
		size_t n = i / PER_INDEX;

		if (i % PER_INDEX == 0) {
			if (!book[n].page)
				book[n].page = page_alloc(0);
			if (!book[n].page)
				return -ENOMEM;
			err = grant(&book[n].ref, book[n].page);
		}
		if (err == 0)
			err = grant(&book[n].page[i % PER_INDEX],
				    ring + i * PAGE_SIZE);
	}
	return err;
}

void trace_export(void)
{
	char text[16 * (INDEX_MAX + 1)];
	size_t pages, n, i;
	const char *ring = trace_pages(&pages);
	int err;

	if (!ring)
		return;
	err = grant_all(ring, pages);
	n = fmt(text, sizeof(text), "%zu", pages);
	for (i = 0; i * PER_INDEX < pages; i++)
		n += fmt(text + n, sizeof(text) - n, " %u", book[i].ref);
	if (err == 0)
		err = xs_tell("data/fata/trace", text, n);
	if (err)
		log_warn("the trace is not granted to dom0: error %d", err);
}
