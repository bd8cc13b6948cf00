/* SPDX-License-Identifier: ISC */
/*
 * Grant tables of the simulated Xen.
 *
 * A domain's table is in its shared pages, written by the guest, judged here
 * at each use as xen/common/grant_table.c does: the entry's type, the domain,
 * read-only, and the reading/writing bits that say it is in use. Peers have
 * such a table too, written by sim_grant_offer.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/grant_table.h>

#include "lib/sim.h"

#define RESERVED 8

static struct grant_entry_v1 *v1(struct sim_domain *d, uint32_t ref)
{
	return (struct grant_entry_v1 *)(d->xen + PAGE_SIZE) + ref;
}

static union grant_entry_v2 *v2(struct sim_domain *d, uint32_t ref)
{
	return (union grant_entry_v2 *)(d->xen + PAGE_SIZE) + ref;
}

static uint16_t *status_of(struct sim_domain *d, uint32_t ref)
{
	return (uint16_t *)(d->xen + (1 + 1024) * PAGE_SIZE) + ref;
}

static uint32_t entries(struct sim_domain *d)
{
	return d->gnt_frames * (d->gnt_version == 1 ? 512 : 256);
}

/* --- pinning: what map and copy do with an entry -------------------------- */

static int pin(struct sim_domain *d, struct sim_domain *owner, uint32_t ref,
	       bool readonly, uint64_t *frame)
{
	uint16_t flags, domid,
		use = readonly ? GTF_reading : GTF_reading | GTF_writing;

	if (ref >= entries(owner))
		return GNTST_bad_gntref;
	if (owner->gnt_version == 1) {
		flags = v1(owner, ref)->flags;
		domid = v1(owner, ref)->domid;
		*frame = v1(owner, ref)->frame;
	} else {
		flags = v2(owner, ref)->hdr.flags;
		domid = v2(owner, ref)->hdr.domid;
		*frame = v2(owner, ref)->full_page.frame;
	}
	if ((flags & GTF_type_mask) != GTF_permit_access || domid != d->id)
		return GNTST_general_error;
	if (flags & GTF_readonly && !readonly)
		return GNTST_general_error;
	if (!sim_frame(owner, *frame))
		return GNTST_bad_page;
	if (readonly)
		owner->pins[ref].readers++;
	else
		owner->pins[ref].writers++;
	if (owner->gnt_version == 1)
		v1(owner, ref)->flags |= use;
	else
		*status_of(owner, ref) |= use;
	return GNTST_okay;
}

static void unpin(struct sim_domain *owner, uint32_t ref, bool readonly)
{
	struct sim_pin *p = &owner->pins[ref];
	uint16_t gone = 0;

	if (readonly ? !p->readers : !p->writers)
		sim_die("grant %u unmapped once too often", ref);
	if (readonly)
		p->readers--;
	else
		p->writers--;
	if (!p->writers)
		gone |= GTF_writing;
	if (!p->writers && !p->readers)
		gone |= GTF_reading;
	if (owner->gnt_version == 1)
		v1(owner, ref)->flags &= ~gone;
	else
		*status_of(owner, ref) &= ~gone;
}

void *sim_grant_map(struct sim_domain *d, struct sim_domain *owner,
		    uint32_t ref, bool readonly, int *status)
{
	uint64_t frame;
	int rc = pin(d, owner, ref, readonly, &frame);

	if (status)
		*status = rc;
	return rc ? NULL : sim_frame(owner, frame);
}

void sim_grant_unmap(struct sim_domain *owner, uint32_t ref, bool readonly)
{
	unpin(owner, ref, readonly);
}

/* --- peers' own tables ---------------------------------------------------- */

uint32_t sim_grant_offer(struct sim_domain *d, uint16_t to, void *page,
			 bool readonly)
{
	uint32_t ref = RESERVED;

	if (d->gnt_frames < d->gnt_max)
		d->gnt_frames = d->gnt_max;
	while (ref < entries(d) && v1(d, ref)->flags)
		ref++;
	if (ref == entries(d))
		sim_die("domain %u has no grant left", d->id);
	v1(d, ref)->domid = to;
	v1(d, ref)->frame = (uintptr_t)page >> PAGE_SHIFT;
	v1(d, ref)->flags = GTF_permit_access | (readonly ? GTF_readonly : 0);
	return ref;
}

int sim_grant_withdraw(struct sim_domain *d, uint32_t ref)
{
	if (d->pins[ref].readers || d->pins[ref].writers)
		return -EBUSY;
	v1(d, ref)->flags = 0;
	return 0;
}

/* --- figures -------------------------------------------------------------- */

unsigned int sim_grants_active(struct sim_domain *d)
{
	unsigned int n = 0;

	for (uint32_t ref = RESERVED; ref < entries(d); ref++)
		n += d->gnt_version == 1 ? v1(d, ref)->flags != 0
					 : v2(d, ref)->hdr.flags != 0;
	return n;
}

unsigned int sim_grants_pinned(struct sim_domain *d)
{
	unsigned int n = 0;

	for (uint32_t ref = 0; ref < entries(d); ref++)
		n += d->pins[ref].readers || d->pins[ref].writers;
	return n;
}

unsigned int sim_maps(struct sim_domain *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < d->maps_used; i++)
		n += d->maps[i].owner != NULL;
	return n;
}

/* --- map and unmap -------------------------------------------------------- */

/* Faults that Xen may report for one operation of a batch. */
static int injected(void)
{
	static const int status[] = {GNTST_eagain, GNTST_no_space,
				     GNTST_general_error, GNTST_bad_page};

	if (!sim_fails(SIM_FAIL_HYPERCALL))
		return GNTST_okay;
	return sim.fail_status ? sim.fail_status : status[sim_below(4)];
}

static void *window_page(uint64_t address)
{
	unsigned char *p = (unsigned char *)address, *w = sim_guest->window;

	if (p < w || p >= w + (size_t)SIM_WINDOW_PAGES * PAGE_SIZE ||
	    address % PAGE_SIZE)
		return NULL;
	return p;
}

static unsigned int free_handle(struct sim_domain *d)
{
	for (unsigned int i = 0; i < d->maps_used; i++)
		if (!d->maps[i].owner)
			return i;
	return d->maps_used < d->maptrack_max ? d->maps_used++
					      : d->maptrack_max;
}

static int map_one(struct sim_domain *d, struct gnttab_map_grant_ref *op)
{
	bool readonly = op->flags & GNTMAP_readonly;
	struct sim_domain *owner = sim_domain(op->dom);
	void *at = window_page(op->host_addr);
	unsigned int handle = free_handle(d);
	uint64_t frame;
	int rc;

	if (!owner)
		return GNTST_bad_domain;
	if (!at)
		return GNTST_bad_virt_addr;
	if (handle == d->maptrack_max)
		return GNTST_no_space;
	rc = pin(d, owner, op->ref, readonly, &frame);
	if (rc)
		return rc;
	if (mmap(at, PAGE_SIZE, readonly ? PROT_READ : PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, owner->fd,
		 sim_frame_offset(owner, frame)) == MAP_FAILED)
		sim_die("mmap of a grant: %s", strerror(errno));
	d->maps[handle] = (struct sim_map){
		.owner = owner,
		.ref = op->ref,
		.readonly = readonly,
		.address = at,
	};
	op->handle = handle;
	return GNTST_okay;
}

static void unmap_entry(struct sim_map *m)
{
	if (mmap(m->address, PAGE_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		sim_die("munmap of a grant: %s", strerror(errno));
	unpin(m->owner, m->ref, m->readonly);
	m->owner = NULL;
}

static int unmap_one(struct sim_domain *d, struct gnttab_unmap_grant_ref *op)
{
	struct sim_map *m = &d->maps[op->handle];

	if (op->handle >= d->maps_used || !m->owner)
		return GNTST_bad_handle;
	if ((uint64_t)(uintptr_t)m->address != op->host_addr)
		return GNTST_bad_virt_addr;
	unmap_entry(m);
	return GNTST_okay;
}

void sim_gnttab_reset(struct sim_domain *d)
{
	for (unsigned int i = 0; i < d->maps_used; i++)
		if (d->maps[i].owner)
			unmap_entry(&d->maps[i]);
	memset(d->xen + PAGE_SIZE, 0, (1024 + 512) * PAGE_SIZE);
	memset(d->pins, 0, 1024 * 512 * sizeof(*d->pins));
	d->gnt_frames = 0;
	d->gnt_version = 1;
}

/* --- copy ----------------------------------------------------------------- */

static int copy_end(struct sim_domain *d, struct gnttab_copy_ptr *p,
		    bool is_ref, bool readonly, unsigned char **at)
{
	struct sim_domain *owner =
		p->domid == DOMID_SELF ? d : sim_domain(p->domid);
	int status = GNTST_okay;

	if (!owner)
		return GNTST_bad_domain;
	if (is_ref)
		*at = sim_grant_map(d, owner, p->u.ref, readonly, &status);
	else if (owner == d)
		*at = sim_frame(d, p->u.gmfn);
	else
		return GNTST_permission_denied;
	if (!status && !*at)
		return GNTST_bad_page;
	return status;
}

static int copy_one(struct sim_domain *d, struct gnttab_copy *op)
{
	bool from_ref = op->flags & GNTCOPY_source_gref;
	bool to_ref = op->flags & GNTCOPY_dest_gref;
	unsigned char *from, *to;
	int rc;

	if (op->source.offset + op->len > PAGE_SIZE ||
	    op->dest.offset + op->len > PAGE_SIZE)
		return GNTST_bad_copy_arg;
	rc = copy_end(d, &op->source, from_ref, true, &from);
	if (rc)
		return rc;
	rc = copy_end(d, &op->dest, to_ref, false, &to);
	if (!rc) {
		memmove(to + op->dest.offset, from + op->source.offset,
			op->len);
		if (to_ref)
			unpin(sim_domain(op->dest.domid), op->dest.u.ref,
			      false);
	}
	if (from_ref)
		unpin(sim_domain(op->source.domid), op->source.u.ref, true);
	return rc;
}

/* --- the hypercall -------------------------------------------------------- */

static long query_size(struct gnttab_query_size *op)
{
	op->nr_frames = sim_guest->gnt_frames;
	op->max_nr_frames = sim_guest->gnt_max;
	op->status = GNTST_okay;
	return 0;
}

static long set_version(struct gnttab_set_version *op)
{
	if (op->version != 1 && op->version != 2)
		return -EINVAL;
	if (sim_grants_pinned(sim_guest))
		return -EBUSY;
	sim_guest->gnt_version = op->version;
	return 0;
}

long sim_grant_table_op(unsigned int cmd, void *args, unsigned int count)
{
	struct gnttab_map_grant_ref *map = args;
	struct gnttab_unmap_grant_ref *unmap = args;
	struct gnttab_copy *copy = args;

	switch (cmd) {
	case GNTTABOP_query_size:
		return query_size(args);
	case GNTTABOP_set_version:
		return set_version(args);
	case GNTTABOP_map_grant_ref:
		for (unsigned int i = 0; i < count; i++) {
			map[i].status = injected();
			if (!map[i].status)
				map[i].status = map_one(sim_guest, &map[i]);
		}
		return 0;
	case GNTTABOP_unmap_grant_ref:
		for (unsigned int i = 0; i < count; i++)
			unmap[i].status = unmap_one(sim_guest, &unmap[i]);
		return 0;
	case GNTTABOP_copy:
		for (unsigned int i = 0; i < count; i++) {
			copy[i].status = injected();
			if (!copy[i].status)
				copy[i].status = copy_one(sim_guest, &copy[i]);
		}
		return 0;
	}
	return -ENOSYS;
}
