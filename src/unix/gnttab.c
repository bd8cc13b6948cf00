/* SPDX-License-Identifier: ISC */
/*
 * Grants of a Linux process in dom0, or in any Linux guest of Xen, over
 * libxengnttab.
 *
 * Exporting: the kernel has the pages and gives references with them, so a page
 * of the program's is shared by moving the kernel's to its place:
 *
 *     gnttab_share(page)    ask for one, copy what ours holds, move it there
 *     gnttab_end_access     ordinary memory again, same contents
 *
 * When the peer still has the page, the kernel keeps it; so an end is always at
 * once. A reference without a page, or without its peer, is not to be had:
 * gnttab_alloc is -ENOSYS.
 *
 * Importing: each page is a mapping of its own, so that each can end by itself,
 * in a range of addresses (xenlib_place).
 *
 * Interface: fata/xen/gnttab.h.
 */
#include "unix/xenlib.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/task.h>
#include <fata/xen/gnttab.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

FATA_LOG_SOURCE("gnttab");

#define RESERVED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

struct shared {
	struct shared *next;
	uint32_t ref;
	void *page;
};

static struct shared *shares;
static struct gnttab_stat stat = {.version = 1, .max = UINT32_MAX};
static xengntshr_handle *exports;
static xengnttab_handle *imports;

static int start_exports(void)
{
	if (exports)
		return 0;
	exports = xengntshr_open(&xenlib_logger, 0);
	if (!exports)
		return xenlib_absent("/dev/xen/gntalloc", "xen-gntalloc");
	fcntl(xengntshr_fd(exports), F_SETFD, FD_CLOEXEC);
	return 0;
}

static int start_imports(void)
{
	if (imports)
		return 0;
	imports = xengnttab_open(&xenlib_logger, 0);
	return imports ? 0 : xenlib_absent("/dev/xen/gntdev", "xen-gntdev");
}

/* --- exporting ---------------------------------------------------------- */

int gnttab_alloc(uint32_t *refs, unsigned int n, uint64_t deadline)
{
	(void)refs;
	(void)n;
	(void)deadline;
	return -ENOSYS;
}

void gnttab_free(uint32_t ref)
{
	(void)ref; /* ended already: gone with its page */
}

int gnttab_grant_access(uint32_t ref, uint16_t peer, const void *page,
			bool writable)
{
	(void)ref;
	(void)peer;
	(void)page;
	(void)writable;
	return -EINVAL;
}

/* The kernel's page in the place of ours, with what ours holds. */
static int replace(void *page, void *kernels)
{
	memcpy(kernels, page, PAGE_SIZE);
	if (mremap(kernels, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   page) == page)
		return 0;
	return -errno;
}

int gnttab_share(uint32_t *ref, uint16_t peer, const void *page, bool writable,
		 uint64_t deadline)
{
	int rc = start_exports();
	struct shared *s;
	void *p;

	(void)deadline;
	if (rc)
		return rc;
	if ((uintptr_t)page & (PAGE_SIZE - 1))
		return -EINVAL;
	s = heap_calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	p = xengntshr_share_pages(exports, peer, 1, &s->ref, writable);
	rc = p ? replace((void *)page, p) : -errno;
	if (rc) {
		if (p)
			xengntshr_unshare(exports, p, 1);
		heap_free(s);
		return rc;
	}
	s->page = (void *)page;
	s->next = shares;
	shares = s;
	stat.total++;
	*ref = s->ref;
	return 0;
}

int gnttab_end_access(uint32_t ref)
{
	struct shared **at = &shares, *s;
	char copy[PAGE_SIZE];
	void *p;

	while (*at && (*at)->ref != ref)
		at = &(*at)->next;
	s = *at;
	if (!s)
		return -EINVAL;
	memcpy(copy, s->page, PAGE_SIZE);
	/* what xengntshr_unshare does, and leaves no hole */
	p = mmap(s->page, PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED)
		return -EBUSY;
	memcpy(p, copy, PAGE_SIZE);
	*at = s->next;
	heap_free(s);
	stat.total--;
	return 0;
}

int gnttab_end_access_wait(uint32_t ref, uint64_t deadline)
{
	(void)deadline;
	return gnttab_end_access(ref);
}

unsigned int gnttab_end_pages(const uint32_t *refs, unsigned int n, void *pages,
			      unsigned int order)
{
	for (unsigned int i = 0; i < n; i++)
		gnttab_end_access(refs[i]);
	if (pages)
		page_free(pages, order);
	return 0;
}

/* --- importing ---------------------------------------------------------- */

static int map_one(struct gnttab_page *p, void *at)
{
	int prot = PROT_READ | (p->readonly ? 0 : PROT_WRITE), err;
	void *got;

	xenlib_place = at;
	got = xengnttab_map_grant_ref(imports, p->domid, p->ref, prot);
	xenlib_place = NULL;
	if (got) {
		p->address = got;
		return 0;
	}
	err = errno;
	/* a failed one leaves a hole, which others would fill */
	mmap(at, PAGE_SIZE, PROT_NONE, RESERVED | MAP_FIXED, -1, 0);
	return err == EBUSY ? -EAGAIN : err == ENOMEM ? -ENOMEM : -EINVAL;
}

/* Addresses for n pages; nothing there yet. */
static char *reserve(unsigned int n)
{
	char *p = mmap(NULL, (size_t)n * PAGE_SIZE, PROT_NONE, RESERVED, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int gnttab_map(struct gnttab_page *p, unsigned int n, uint64_t deadline)
{
	int rc = start_imports();
	unsigned int i = 0;
	char *at;

	if (rc)
		return rc;
	if (!n)
		return -EINVAL;
	at = reserve(n);
	if (!at)
		return -ENOMEM;
	while (i < n) {
		rc = map_one(&p[i], at + (size_t)i * PAGE_SIZE);
		if (rc == -EAGAIN && clock_mono_ns() < deadline) {
			fata_sleep(FATA_NS_PER_MS);
			continue;
		}
		p[i].status = rc;
		if (rc)
			break;
		i++;
	}
	stat.mapped += i;
	if (!rc)
		return 0;
	gnttab_unmap(p, i);
	munmap(at, (size_t)n * PAGE_SIZE);
	return rc;
}

int gnttab_unmap(struct gnttab_page *p, unsigned int n)
{
	int first = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (xengnttab_unmap(imports, p[i].address, 1) && !first)
			first = -errno;
		stat.mapped--;
	}
	return first;
}

/* --- copying ------------------------------------------------------------ */

static int status_of(int16_t status)
{
	switch (status) {
	case GNTST_okay:
		return 0;
	case GNTST_bad_domain:
		return -ESRCH;
	case GNTST_permission_denied:
		return -EACCES;
	case GNTST_eagain:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

static void describe(xengnttab_grant_copy_segment_t *s,
		     const struct gnttab_copy_op *op)
{
	*s = (xengnttab_grant_copy_segment_t){.len = op->len};
	if (op->from.local) {
		s->source.virt = op->from.local;
	} else {
		s->source.foreign.ref = op->from.ref;
		s->source.foreign.offset = op->from.offset;
		s->source.foreign.domid = op->from.domid;
		s->flags |= GNTCOPY_source_gref;
	}
	if (op->to.local) {
		s->dest.virt = op->to.local;
	} else {
		s->dest.foreign.ref = op->to.ref;
		s->dest.foreign.offset = op->to.offset;
		s->dest.foreign.domid = op->to.domid;
		s->flags |= GNTCOPY_dest_gref;
	}
}

static int copy_one(struct gnttab_copy_op *op)
{
	xengnttab_grant_copy_segment_t s;

	if (op->from.local && op->to.local)
		return -EINVAL;
	describe(&s, op);
	if (xengnttab_grant_copy(imports, 1, &s))
		return -errno;
	return status_of(s.status);
}

int gnttab_copy(struct gnttab_copy_op *ops, unsigned int n, uint64_t deadline)
{
	int rc = start_imports(), first = 0;

	for (unsigned int i = 0; !rc && i < n; i++) {
		do {
			ops[i].status = copy_one(&ops[i]);
		} while (ops[i].status == -EAGAIN &&
			 clock_mono_ns() < deadline &&
			 !fata_sleep(FATA_NS_PER_MS));
		if (ops[i].status && !first)
			first = ops[i].status;
	}
	return rc ? rc : first;
}

void gnttab_stat(struct gnttab_stat *s)
{
	*s = stat;
}
