/* SPDX-License-Identifier: ISC */
/*
 * Grants: pages that one domain lets another domain use.
 *
 * Exporting. A reference (a number of our grant table) is allocated, made to
 * grant a page, told to the peer, and ended. A peer may hold on to a page for
 * as long as it likes; until it lets go neither the reference nor the page may
 * be used for anything else. gnttab_end_pages takes care of that: it takes the
 * pages over and frees them when the peer is gone from all of them.
 *
 * Importing. gnttab_map makes pages of other domains appear at addresses
 * above all memory, many in one hypercall; gnttab_copy lets Xen copy bytes
 * between our pages and theirs without a mapping.
 *
 * Source: xen/include/public/grant_table.h.
 */
#ifndef FATA_XEN_GNTTAB_H
#define FATA_XEN_GNTTAB_H

#include <fata/base.h>
#include <fata/page.h>

FATA_BEGIN

/* --- exporting ---------------------------------------------------------- */

/*
 * Allocate n references into refs[], all or none. The table grows as needed,
 * up to the host's limit; when it is full the callers wait, in the order of
 * their arrival, until others free theirs. Returns 0, -ENOSPC (the deadline
 * is 0 and there are none, or the table can never hold n), -ENOMEM,
 * -ETIMEDOUT, -ECANCELED, -ENOSYS (not on Xen; also in a Linux process of
 * dom0, whose kernel gives a reference only together with its page: use
 * gnttab_share). Can block, unless the deadline is 0.
 */
int gnttab_alloc(uint32_t *refs, unsigned int n, uint64_t deadline);

/* Give a reference back that grants nothing. */
void gnttab_free(uint32_t ref);

/*
 * Let domain `peer` map this page (4096 bytes, aligned) or copy from it, and
 * if `writable` change it. All of the page is shown to the peer. Returns 0,
 * -EINVAL (not aligned, no such reference) or -EBUSY (the reference still
 * grants a page). Does not block.
 */
int gnttab_grant_access(uint32_t ref, uint16_t peer, const void *page,
			bool writable);

/*
 * End the grant, in one atomic step. Returns 0: the page is ours alone again
 * and ref can be reused or freed; or -EBUSY: the peer still has it mapped and
 * the grant stays. Does not block.
 */
int gnttab_end_access(uint32_t ref);

/* gnttab_end_access, tried again until the deadline. Can block. */
int gnttab_end_access_wait(uint32_t ref, uint64_t deadline);

/* Allocate a reference and grant one page. Errors as above. Can block. */
int gnttab_share(uint32_t *ref, uint16_t peer, const void *page, bool writable,
		 uint64_t deadline);

/*
 * End n grants for good and forget them: refs[] and, if pages is not NULL, the
 * block of 2^order pages that page_alloc gave belong to gnttab now. It frees
 * them once the peer has let go of the last one, which may be never. Returns
 * the number of grants that could not be ended at once. Does not block.
 */
unsigned int gnttab_end_pages(const uint32_t *refs, unsigned int n, void *pages,
			      unsigned int order);

/* --- importing ---------------------------------------------------------- */

/*
 * A page of another domain. The caller fills the first three fields; the rest
 * is filled by gnttab_map and needed by gnttab_unmap.
 */
struct gnttab_page {
	uint32_t ref;
	uint16_t domid;
	bool readonly;
	int status;    /* 0, or why this one could not be mapped */
	void *address; /* where it appears */
	uint32_t handle, generation;
};

/*
 * Map n pages, possibly of different domains, at consecutive addresses that
 * begin at p[0].address; all or none. What Xen asks to try again (the peer's
 * page is being shared or paged out) is tried again until the deadline.
 *
 * Returns 0; -ENOMEM (no address space, or too many mappings); or the first
 * status that is an error: -ESRCH (no such domain), -EINVAL (bad reference),
 * -EACCES, -ENOSPC (the host's limit of mappings), -EAGAIN (deadline),
 * -ECANCELED, -ESTALE (the guest was resumed elsewhere meanwhile), -EIO. After
 * an error nothing is mapped and each p[i].status tells. Can block, unless the
 * deadline is 0.
 */
int gnttab_map(struct gnttab_page *p, unsigned int n, uint64_t deadline);

/*
 * Undo gnttab_map with the same array, or with each page of it exactly once in
 * arrays of any size; also after a resume, when Xen has forgotten the mappings.
 * The addresses then read as 0xff. Returns 0, or the first error; such pages
 * are given up and their addresses not used again. Does not block.
 */
int gnttab_unmap(struct gnttab_page *p, unsigned int n);

/* One end of a copy: a foreign page by its reference, or memory of ours. */
struct gnttab_end {
	void *local;     /* NULL for a foreign page */
	uint32_t ref;    /* of the foreign page ... */
	uint16_t domid;  /* ... of this domain ... */
	uint16_t offset; /* ... from this byte on */
};

/* Copy len bytes; neither side may cross the end of a page. */
struct gnttab_copy_op {
	struct gnttab_end from, to;
	uint16_t len;
	int status; /* out: 0 or an error, as for gnttab_map */
};

/*
 * Do n copies, each for itself. Returns 0 when all succeeded, else the first
 * error; each status tells. -EINVAL: crosses a page, or both ends are local.
 * Can block, unless the deadline is 0.
 */
int gnttab_copy(struct gnttab_copy_op *ops, unsigned int n, uint64_t deadline);

/* Figures of the moment. */
struct gnttab_stat {
	unsigned int version; /* of the table: 1 or 2; 0 before the first use */
	unsigned int max;     /* references that the host allows */
	unsigned int total;   /* references that the table now holds */
	unsigned int free;    /* of these, free */
	unsigned int waiting; /* callers of gnttab_alloc that wait */
	unsigned int quarantine; /* references that wait for the peer */
	size_t pages;            /* pages that wait with them */
	unsigned int mapped;     /* foreign pages mapped now */
};

/* Fill *s with them. Does not block. */
void gnttab_stat(struct gnttab_stat *s);

FATA_END
#endif
