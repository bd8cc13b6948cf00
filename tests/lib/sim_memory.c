/* SPDX-License-Identifier: ISC */
/*
 * Domains and their memory.
 *
 *     file of a domain:   | RAM .............. | shared info | grant table |
 * status | guest's view:       | RAM .............. |   elsewhere: window
 * ....... |
 *
 * Each domain's memory is a file, so that a page can appear at a second place:
 * a foreign page in a guest's window is a real mapping, read-only if it was
 * mapped so, and touching it after the unmap is a real fault. A frame number
 * is the guest's address of the page divided by 4096. Entries of the version 1
 * grant table hold its low 32 bits only, so domains lie 64 GiB apart.
 *
 * The guest's page_alloc takes from RAM. Free pages are poisoned for the
 * address sanitizer; heap_alloc is the host's malloc, so it watches that too.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sanitizer/asan_interface.h>

#include <fata/heap.h>
#include <xen/memory.h>

#include "lib/sim.h"
#include "platform.h"

#define BASE         0x200000000000ul
#define DISTANCE     0x1000000000ul
#define XEN_PAGES    (1 + 1024 + 512)
#define RAM_BYTES    ((size_t)SIM_RAM_PAGES * PAGE_SIZE)
#define WINDOW_BYTES ((size_t)SIM_WINDOW_PAGES * PAGE_SIZE)

enum { RAM_FREE, RAM_USED, RAM_GONE };

struct sim_domain *sim_guest;

static void *map_at(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	void *p = mmap(at, n, prot, flags, fd, off);

	if (p == MAP_FAILED)
		sim_die("mmap: %s", strerror(errno));
	return p;
}

static void map_domain(struct sim_domain *d)
{
	unsigned char *at = (unsigned char *)(BASE + d->id * DISTANCE);

	d->fd = memfd_create("domain", 0);
	if (d->fd < 0 || ftruncate(d->fd, RAM_BYTES + XEN_PAGES * PAGE_SIZE))
		sim_die("memory of domain %u: %s", d->id, strerror(errno));
	d->ram = map_at(at, RAM_BYTES, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED_NOREPLACE, d->fd, 0);
	d->xen = map_at(NULL, XEN_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED, d->fd, RAM_BYTES);
	ASAN_POISON_MEMORY_REGION(d->ram, RAM_BYTES);
	if (d->guest)
		d->window = map_at(at + RAM_BYTES, WINDOW_BYTES, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
					   MAP_FIXED_NOREPLACE,
				   -1, 0);
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		sim_die("no memory for a domain");
	return p;
}

struct sim_domain *sim_domain_new(uint16_t id, bool guest)
{
	struct sim_domain *d = zeroed(1, sizeof(*d));

	d->id = id;
	d->guest = guest;
	d->ended = -1;
	map_domain(d);
	d->ram_state = zeroed(SIM_RAM_PAGES, 1);
	d->ports = map_at(NULL, SIM_PORTS * sizeof(*d->ports),
			  PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	d->ports_used = 1;
	d->gnt_version = 1;
	d->gnt_max = 64;
	d->maptrack_max = SIM_WINDOW_PAGES;
	d->pins = zeroed(1024 * 512, sizeof(*d->pins));
	d->n_maps = SIM_WINDOW_PAGES;
	d->maps = zeroed(d->n_maps, sizeof(*d->maps));
	d->next = sim.domains;
	sim.domains = d;
	return d;
}

struct sim_domain *sim_domain(uint16_t id)
{
	struct sim_domain *d = sim.domains;

	while (d && d->id != id)
		d = d->next;
	return d;
}

struct shared_info *sim_shared(struct sim_domain *d)
{
	return (struct shared_info *)d->xen;
}

/* --- frames --------------------------------------------------------------- */

long sim_frame_offset(struct sim_domain *d, uint64_t frame)
{
	uint64_t first = (uintptr_t)d->ram >> PAGE_SHIFT;
	uint32_t n = (uint32_t)frame - (uint32_t)first;

	if (n >= SIM_RAM_PAGES || d->ram_state[n] == RAM_GONE)
		return -1;
	return (long)n * PAGE_SIZE;
}

void *sim_frame(struct sim_domain *d, uint64_t frame)
{
	long offset = sim_frame_offset(d, frame);

	return offset < 0 ? NULL : d->ram + offset;
}

/* --- pages ---------------------------------------------------------------- */

/* First fit, aligned to the size; the search starts where RAM is used. */
static size_t find_pages(struct sim_domain *d, size_t n)
{
	for (size_t i = 0; i + n <= SIM_RAM_PAGES; i += n) {
		size_t k = 0;

		while (k < n && d->ram_state[i + k] == RAM_FREE)
			k++;
		if (k == n)
			return i;
	}
	return SIM_RAM_PAGES;
}

static void *take_pages(struct sim_domain *d, size_t n)
{
	size_t i = find_pages(d, n);
	unsigned char *p = d->ram + i * PAGE_SIZE;

	if (i == SIM_RAM_PAGES)
		return NULL;
	memset(d->ram_state + i, RAM_USED, n);
	ASAN_UNPOISON_MEMORY_REGION(p, n * PAGE_SIZE);
	memset(p, 0, n * PAGE_SIZE);
	return p;
}

void *sim_pages(struct sim_domain *d, unsigned int n)
{
	void *p = take_pages(d, n);

	if (!p)
		sim_die("domain %u has no %u pages", d->id, n);
	return p;
}

unsigned page_order(size_t n)
{
	unsigned order = 0;

	while (((size_t)PAGE_SIZE << order) < n)
		order++;
	return order;
}

void *page_alloc(unsigned order)
{
	void *p;

	if (sim_fails(SIM_FAIL_ALLOC))
		return NULL;
	p = take_pages(sim_guest, (size_t)1 << order);
	if (p)
		sim_guest->pages_live += (size_t)1 << order;
	return p;
}

/* A page that a peer may still use must not be given back. */
static void check_ungranted(struct sim_domain *d, void *page)
{
	for (uint32_t ref = 8; ref < d->gnt_frames * 512u; ref++) {
		struct sim_pin *pin = &d->pins[ref];
		struct grant_entry_v1 *e =
			(struct grant_entry_v1 *)(d->xen + PAGE_SIZE) + ref;

		if ((pin->readers || pin->writers) && d->gnt_version == 1 &&
		    sim_frame(d, e->frame) == page)
			sim_die("page %p freed while grant %u is mapped", page,
				ref);
	}
}

void page_free(void *p, unsigned order)
{
	size_t n = (size_t)1 << order;
	size_t i = ((unsigned char *)p - sim_guest->ram) / PAGE_SIZE;

	if (i + n > SIM_RAM_PAGES || i % n || (uintptr_t)p % PAGE_SIZE)
		sim_die("page_free(%p, %u): not a block", p, order);
	for (size_t k = 0; k < n; k++) {
		if (sim_guest->ram_state[i + k] != RAM_USED)
			sim_die("page_free(%p): not in use", p);
		check_ungranted(sim_guest, (char *)p + k * PAGE_SIZE);
		sim_guest->ram_state[i + k] = RAM_FREE;
	}
	ASAN_POISON_MEMORY_REGION(p, n * PAGE_SIZE);
	sim_guest->pages_live -= n;
}

size_t page_memory(void)
{
	return (size_t)SIM_RAM_PAGES * PAGE_SIZE;
}

void page_stat(struct page_stat *s)
{
	*s = (struct page_stat){.total = SIM_RAM_PAGES};
	for (size_t i = 0; i < SIM_RAM_PAGES; i++)
		s->free += sim_guest->ram_state[i] == RAM_FREE;
	s->largest = s->free ? 1 : 0;
}

/* --- the window ----------------------------------------------------------- */

void *platform_window(size_t *pages)
{
	struct sim_domain *d = sim_guest;
	unsigned char *p = d->window + d->window_used * PAGE_SIZE;

	if (*pages > SIM_WINDOW_PAGES - d->window_used)
		*pages = SIM_WINDOW_PAGES - d->window_used;
	d->window_used += *pages;
	return *pages ? p : NULL;
}

/* --- balloon and physmap -------------------------------------------------- */

static bool in_window(struct sim_domain *d, unsigned char *p)
{
	return p >= d->window && p < d->window + WINDOW_BYTES &&
	       (uintptr_t)p % PAGE_SIZE == 0;
}

/* A page of Xen's appears in the guest's window. */
static long add_to_physmap(struct xen_add_to_physmap *op)
{
	struct sim_domain *d = sim_guest;
	unsigned char *at = (unsigned char *)(op->gpfn << PAGE_SHIFT);
	unsigned int idx = op->idx & ~XENMAPIDX_grant_table_status;
	size_t page;

	if (op->domid != DOMID_SELF || !in_window(d, at))
		return -EINVAL;
	if (op->space == XENMAPSPACE_shared_info) {
		page = 0;
	} else if (op->space != XENMAPSPACE_grant_table) {
		return -ENOSYS;
	} else if (op->idx & XENMAPIDX_grant_table_status) {
		if (d->gnt_version != 2 || idx >= 512)
			return -EINVAL;
		page = 1 + 1024 + idx;
	} else {
		if (idx >= d->gnt_max)
			return -EINVAL;
		if (idx >= d->gnt_frames)
			d->gnt_frames = idx + 1;
		page = 1 + idx;
	}
	map_at(at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
	       d->fd, RAM_BYTES + page * PAGE_SIZE);
	return 0;
}

static bool take_back(struct sim_domain *d, uint64_t frame)
{
	unsigned char *p = sim_frame(d, frame);

	if (!p)
		return false;
	d->ram_state[(p - d->ram) / PAGE_SIZE] = RAM_GONE;
	map_at(p, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	       -1, 0);
	d->ballooned++;
	return true;
}

static bool bring(struct sim_domain *d, uint64_t frame)
{
	uint64_t n = frame - ((uintptr_t)d->ram >> PAGE_SHIFT);

	if (n >= SIM_RAM_PAGES || d->ram_state[n] != RAM_GONE)
		return false;
	map_at(d->ram + n * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE,
	       MAP_SHARED | MAP_FIXED, d->fd, n * PAGE_SIZE);
	d->ram_state[n] = RAM_USED;
	d->ballooned--;
	return true;
}

/* Extents larger than a page are for the test's sake refused now and then. */
static long reservation(struct xen_memory_reservation *r,
			bool (*page)(struct sim_domain *d, uint64_t frame))
{
	uint64_t n = 1ull << r->extent_order, k;
	unsigned long i;

	if (r->extent_order && sim_chance(2))
		return 0;
	for (i = 0; i < r->nr_extents; i++)
		for (k = 0; k < n; k++)
			if (!page(sim_guest, r->extent_start.p[i] + k))
				return i;
	return i;
}

long sim_memory_op(unsigned int cmd, void *arg)
{
	switch (cmd) {
	case XENMEM_add_to_physmap:
		return add_to_physmap(arg);
	case XENMEM_decrease_reservation:
		return reservation(arg, take_back);
	case XENMEM_populate_physmap:
		return reservation(arg, bring);
	case XENMEM_current_reservation:
		return SIM_RAM_PAGES - sim_guest->ballooned;
	case XENMEM_maximum_reservation:
		return SIM_RAM_PAGES;
	}
	return -ENOSYS;
}

/* --- the heap ------------------------------------------------------------- */

static void *count(void *p)
{
	sim_guest->heap_live += p != NULL;
	return p;
}

void *heap_alloc(size_t size)
{
	return sim_fails(SIM_FAIL_ALLOC) ? NULL : count(malloc(size));
}

void *heap_calloc(size_t n, size_t size)
{
	return sim_fails(SIM_FAIL_ALLOC) ? NULL : count(calloc(n, size));
}

void *heap_alloc_aligned(size_t align, size_t size)
{
	void *p = NULL;

	if (sim_fails(SIM_FAIL_ALLOC) || posix_memalign(&p, align, size))
		return NULL;
	return count(p);
}

void *heap_realloc(void *p, size_t size)
{
	void *q;

	if (sim_fails(SIM_FAIL_ALLOC))
		return NULL;
	q = realloc(p, size);
	sim_guest->heap_live += q && !p;
	return q;
}

void heap_free(void *p)
{
	sim_guest->heap_live -= p != NULL;
	free(p);
}
