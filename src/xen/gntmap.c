/* SPDX-License-Identifier: ISC */
/*
 * Imported grants: pages of other domains at addresses of ours, and copies.
 *
 * Mappings live in the window (gntwindow.c). Hypercalls go out in batches of
 * BATCH operations, each with a status of its own. A batch fits into a page;
 * larger ones gain nothing (bench/xen.sh).
 *
 * Invariant: a page of the window is free exactly when nothing is mapped
 * there. Where Xen refuses to unmap, the page of the window is given up.
 */
#include <errno.h>
#include <string.h>

#include <fata/log.h>
#include <fata/page.h>
#include <xen/grant_table.h>

#include "xen/gnttab.h"
#include "xen/hypercall.h"

FATA_LOG_SOURCE("gnttab");

#define BATCH 64

/*
 * The operations of one hypercall, which nothing can interrupt. Xen reads and
 * writes each by walking our page tables, so they are where that is cheapest:
 * in memory that large pages map. A task's stack is not: with the operations
 * there a mapping and a copy took an eighth longer (bench/xen.sh).
 */
static union {
	struct gnttab_map_grant_ref map[BATCH];
	struct gnttab_unmap_grant_ref unmap[BATCH];
	struct gnttab_copy copy[BATCH];
} *args;

static bool have_args(void)
{
	if (!args)
		args = page_alloc(0);
	return args;
}

static uint32_t generation;
static unsigned int mapped;

int gnttab_errno(int status)
{
	static const int16_t map[] = {
		0,       -EIO,    -ESRCH,  -EINVAL, -EBADF,  -EFAULT, -EFAULT,
		-ENOSPC, -EACCES, -EFAULT, -EINVAL, -ERANGE, -EAGAIN, -ENOSPC,
	};

	if (status > 0 || -status >= (int)(sizeof(map) / sizeof(map[0])))
		return -EIO;
	return map[-status];
}

unsigned int gnttab_mapped(void)
{
	return mapped;
}

/* --- map ------------------------------------------------------------------ */

/* Try the pages that are not mapped yet; returns how many want another try. */
static unsigned int map_batch(struct gnttab_page *p, unsigned int n)
{
	struct gnttab_map_grant_ref *op = args->map;
	unsigned int index[BATCH], m = 0, again = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (p[i].status != -EAGAIN)
			continue;
		index[m] = i;
		op[m++] = (struct gnttab_map_grant_ref){
			.host_addr = (uintptr_t)p[i].address,
			.flags = GNTMAP_host_map |
				 (p[i].readonly ? GNTMAP_readonly : 0),
			.ref = p[i].ref,
			.dom = p[i].domid,
			.status = GNTST_general_error,
		};
	}
	if (m)
		hypercall_grant_table_op(GNTTABOP_map_grant_ref, op, m);
	for (unsigned int k = 0; k < m; k++) {
		p[index[k]].status = gnttab_errno(op[k].status);
		p[index[k]].handle = op[k].handle;
		mapped += op[k].status == GNTST_okay;
		again += p[index[k]].status == -EAGAIN;
	}
	return again;
}

/* One try at everything that is left. */
static unsigned int map_all(struct gnttab_page *p, unsigned int n)
{
	unsigned int again = 0;

	for (unsigned int i = 0; i < n; i += BATCH)
		again += map_batch(p + i, n - i < BATCH ? n - i : BATCH);
	return again;
}

/* The error that the caller is told: what will not pass goes first. */
static int first_error(const struct gnttab_page *p, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 0; i < n; i++)
		if (p[i].status && (rc == 0 || rc == -EAGAIN))
			rc = p[i].status;
	return rc;
}

/* Try until all are mapped, one never will be, or time is up. */
static int map_until(struct gnttab_page *p, unsigned int n, uint64_t deadline)
{
	uint32_t began = generation;
	int rc = 0;

	for (unsigned int i = 0; map_all(p, n) && rc == 0; i++) {
		if (first_error(p, n) != -EAGAIN)
			break;
		rc = gnttab_backoff(i, deadline);
		/* resumed elsewhere: what was mapped is mapped no more */
		if (generation != began)
			return -ESTALE;
	}
	return rc == -ECANCELED ? rc : first_error(p, n);
}

int gnttab_map(struct gnttab_page *p, unsigned int n, uint64_t deadline)
{
	char *window;
	int rc;

	if (n == 0)
		return -EINVAL;
	if (!have_args())
		return -ENOMEM;
	window = gnttab_window_alloc(n);
	if (!window)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		p[i].address = window + (size_t)i * PAGE_SIZE;
		p[i].generation = generation;
		p[i].status = -EAGAIN;
	}
	rc = map_until(p, n, deadline);
	if (rc)
		gnttab_unmap(p, n);
	return rc;
}

/* --- unmap ---------------------------------------------------------------- */

static int unmap_batch(struct gnttab_page *p, unsigned int n)
{
	struct gnttab_unmap_grant_ref *op = args->unmap;
	unsigned int m = 0;
	int rc = 0;

	for (unsigned int i = 0; i < n; i++)
		if (!p[i].status && p[i].generation == generation)
			op[m++] = (struct gnttab_unmap_grant_ref){
				.host_addr = (uintptr_t)p[i].address,
				.handle = p[i].handle,
				.status = GNTST_general_error,
			};
	if (m)
		hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, op, m);
	m = 0;
	for (unsigned int i = 0; i < n; i++) {
		int status = 0;

		if (!p[i].status && p[i].generation == generation) {
			status = gnttab_errno(op[m++].status);
			mapped -= status == 0;
		}
		if (status) {
			log_error("%p stays mapped: error %d", p[i].address,
				  -status);
			rc = rc ? rc : status;
			continue;
		}
		gnttab_window_free(p[i].address, 1);
	}
	return rc;
}

int gnttab_unmap(struct gnttab_page *p, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 0; i < n; i += BATCH) {
		unsigned int m = n - i < BATCH ? n - i : BATCH;
		int one = unmap_batch(p + i, m);

		rc = rc ? rc : one;
	}
	return rc;
}

/* --- copy ----------------------------------------------------------------- */

/* Check one end and translate it; the flag says that it is a reference. */
static int copy_end(struct gnttab_copy_ptr *x, const struct gnttab_end *e,
		    uint16_t len, bool *foreign)
{
	unsigned int offset = e->offset;

	*foreign = !e->local;
	if (e->local) {
		offset = (uintptr_t)e->local % PAGE_SIZE;
		x->u.gmfn = (uintptr_t)e->local >> PAGE_SHIFT;
		x->domid = DOMID_SELF;
	} else {
		x->u.ref = e->ref;
		x->domid = e->domid;
	}
	x->offset = offset;
	return offset + len > PAGE_SIZE ? -EINVAL : 0;
}

static int translate(struct gnttab_copy *x, const struct gnttab_copy_op *op)
{
	bool from, to;

	memset(x, 0, sizeof(*x));
	if (copy_end(&x->source, &op->from, op->len, &from) ||
	    copy_end(&x->dest, &op->to, op->len, &to) || (!from && !to))
		return -EINVAL;
	x->flags =
		(from ? GNTCOPY_source_gref : 0) | (to ? GNTCOPY_dest_gref : 0);
	x->len = op->len;
	x->status = GNTST_general_error;
	return 0;
}

/* Try what has no final status yet; returns how many want another try. */
static unsigned int copy_batch(struct gnttab_copy_op *ops, unsigned int n)
{
	struct gnttab_copy *x = args->copy;
	unsigned int index[BATCH], m = 0, again = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (ops[i].status != -EAGAIN)
			continue;
		ops[i].status = translate(&x[m], &ops[i]);
		if (ops[i].status == 0)
			index[m++] = i;
	}
	if (m)
		hypercall_grant_table_op(GNTTABOP_copy, x, m);
	for (unsigned int k = 0; k < m; k++) {
		ops[index[k]].status = gnttab_errno(x[k].status);
		again += ops[index[k]].status == -EAGAIN;
	}
	return again;
}

int gnttab_copy(struct gnttab_copy_op *ops, unsigned int n, uint64_t deadline)
{
	unsigned int again;
	int rc = 0;

	if (!have_args())
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++)
		ops[i].status = -EAGAIN;
	for (unsigned int attempt = 0; rc == 0; attempt++) {
		again = 0;
		for (unsigned int i = 0; i < n; i += BATCH)
			again += copy_batch(ops + i,
					    n - i < BATCH ? n - i : BATCH);
		if (!again)
			break;
		rc = gnttab_backoff(attempt, deadline);
	}
	if (rc == -ECANCELED)
		return rc;
	for (unsigned int i = 0; i < n; i++)
		if (ops[i].status)
			return ops[i].status;
	return 0;
}

/* After a resume all foreign mappings are gone. */
void gntmap_resume(void)
{
	generation++;
	mapped = 0;
}
