/* SPDX-License-Identifier: ISC */
/*
 * The grant table's shared memory, in its two formats.
 *
 *     version 1     | flags 16 | domid 16 | frame 32 |
 *     version 2     | flags 16 | domid 16 | - 32 | frame 64 |
 *                   and, in other pages, | status 16 |
 *
 * Version 1 is the default, as Xen recommends: a frame below 16 TiB fits, and
 * one atomic operation ends a grant. Version 2 (boot parameter
 * gnttab-v2) is there for hosts with more memory, and splits what we
 * write (flags) from what Xen writes (status).
 *
 * Invariants: an entry's flags are written last when it becomes valid. Ending
 * never asks first and acts later: between the two the peer could map it.
 */
#include <errno.h>

#include <fata/log.h>
#include <fata/param.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

#include "xen/gnttab.h"
#include "xen/hypercall.h"
#include "xen/shared.h"

FATA_LOG_SOURCE("gnttab");

static bool want_v2;
FATA_PARAM_BOOL(want_v2, "gnttab-v2", "no",
		"use version 2 of the grant table, if Xen has it");

#define IN_USE           (GTF_reading | GTF_writing)
#define STATUS_PER_FRAME (PAGE_SIZE / sizeof(grant_status_t))

static unsigned char *table;   /* max_frames pages of the window */
static grant_status_t *status; /* version 2: the pages after them */

/* --- version 1 ------------------------------------------------------------ */

static void v1_grant(uint32_t ref, uint16_t domid, uint64_t frame,
		     bool writable)
{
	struct grant_entry_v1 *e = (struct grant_entry_v1 *)table + ref;
	uint16_t flags = GTF_permit_access | (writable ? 0 : GTF_readonly);

	__atomic_store_n(&e->domid, domid, __ATOMIC_RELAXED);
	__atomic_store_n(&e->frame, (uint32_t)frame, __ATOMIC_RELAXED);
	__atomic_store_n(&e->flags, flags, __ATOMIC_RELEASE);
}

static bool v1_active(uint32_t ref)
{
	struct grant_entry_v1 *e = (struct grant_entry_v1 *)table + ref;

	return __atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) & GTF_type_mask;
}

/*
 * Xen sets reading and writing by a compare-and-exchange of its own, so that
 * ours fails if the peer maps the page between the two lines:
 *
 *     we                                peer, by Xen
 *     1 flags = permit
 *                                       2 permit -> permit | writing
 *     3 permit -> 0 fails
 */
static bool v1_end(uint32_t ref)
{
	struct grant_entry_v1 *e = (struct grant_entry_v1 *)table + ref;
	uint16_t flags;

	SHARED_STEP();
	flags = __atomic_load_n(&e->flags, __ATOMIC_ACQUIRE);
	SHARED_STEP();
	return !(flags & IN_USE) &&
	       __atomic_compare_exchange_n(&e->flags, &flags, 0, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static const struct gnttab_format v1 = {
	.version = 1,
	.per_frame = PAGE_SIZE / sizeof(struct grant_entry_v1),
	.grant = v1_grant,
	.active = v1_active,
	.end = v1_end,
};

/* --- version 2 ------------------------------------------------------------ */

static void v2_grant(uint32_t ref, uint16_t domid, uint64_t frame,
		     bool writable)
{
	union grant_entry_v2 *e = (union grant_entry_v2 *)table + ref;
	uint16_t flags = GTF_permit_access | (writable ? 0 : GTF_readonly);

	__atomic_store_n(&e->hdr.domid, domid, __ATOMIC_RELAXED);
	__atomic_store_n(&e->full_page.frame, frame, __ATOMIC_RELAXED);
	__atomic_store_n(&e->hdr.flags, flags, __ATOMIC_RELEASE);
}

static bool v2_active(uint32_t ref)
{
	union grant_entry_v2 *e = (union grant_entry_v2 *)table + ref;

	return __atomic_load_n(&e->hdr.flags, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&status[ref], __ATOMIC_ACQUIRE) & IN_USE;
}

/*
 * With the flags gone nobody can map it any more; the status, read after a
 * full barrier, tells of those who did before.
 */
static bool v2_end(uint32_t ref)
{
	union grant_entry_v2 *e = (union grant_entry_v2 *)table + ref;

	SHARED_STEP();
	__atomic_store_n(&e->hdr.flags, 0, __ATOMIC_SEQ_CST);
	SHARED_STEP();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(__atomic_load_n(&status[ref], __ATOMIC_ACQUIRE) & IN_USE);
}

static const struct gnttab_format v2 = {
	.version = 2,
	.per_frame = PAGE_SIZE / sizeof(union grant_entry_v2),
	.grant = v2_grant,
	.active = v2_active,
	.end = v2_end,
};

/* --- its pages ------------------------------------------------------------ */

static const struct gnttab_format *format;

static const struct gnttab_format *set_version(void)
{
	struct gnttab_set_version op = {.version = 2};

	if (want_v2 && !hypercall_grant_table_op(GNTTABOP_set_version, &op, 1))
		return &v2;
	if (want_v2)
		log_warn("Xen refuses version 2, using 1");
	return &v1;
}

/* Pages of status words that `frames` pages of version 2 have. */
static unsigned int status_frames(unsigned int frames)
{
	return (frames * v2.per_frame + STATUS_PER_FRAME - 1) /
	       STATUS_PER_FRAME;
}

const struct gnttab_format *gnttab_table_init(unsigned int *max, int *error)
{
	struct gnttab_query_size q = {.dom = DOMID_SELF};
	unsigned int pages;
	long rc = hypercall_grant_table_op(GNTTABOP_query_size, &q, 1);

	if (rc || q.status != GNTST_okay || q.max_nr_frames == 0) {
		*error = rc ? (int)rc : -ENOSYS;
		return NULL;
	}
	format = set_version();
	*max = q.max_nr_frames;
	pages = *max + (format == &v2 ? status_frames(*max) : 0);
	table = gnttab_window_alloc(pages);
	if (!table) {
		*error = -ENOMEM;
		return NULL;
	}
	status = (grant_status_t *)(table + (size_t)*max * PAGE_SIZE);
	return format;
}

static int map_frame(unsigned int idx, void *where)
{
	struct xen_add_to_physmap op = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_grant_table,
		.idx = idx,
		.gpfn = (uintptr_t)where >> PAGE_SHIFT,
	};

	return hypercall_memory_op(XENMEM_add_to_physmap, &op);
}

int gnttab_table_grow(unsigned int frame)
{
	int rc = map_frame(frame, table + (size_t)frame * PAGE_SIZE);
	unsigned int s = status_frames(frame + 1) - 1;

	if (rc || format == &v1 || (frame > 0 && status_frames(frame) > s))
		return rc;
	return map_frame(s | XENMAPIDX_grant_table_status,
			 (unsigned char *)status + (size_t)s * PAGE_SIZE);
}

int gnttab_table_resume(unsigned int frames)
{
	if (format == &v2 && set_version() != &v2)
		return -ENOSYS;
	for (unsigned int i = 0; i < frames; i++) {
		int rc = gnttab_table_grow(i);

		if (rc)
			return rc;
	}
	return 0;
}
