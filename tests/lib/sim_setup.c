/* SPDX-License-Identifier: ISC */
/*
 * src/xen/setup.h and what else a resume asks of the platform, in the
 * simulator: pages are where they are, and the upcall needs no vector.
 */
#include <stdint.h>
#include <fata/heap.h>
#include <xen/xen.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#include "lib/sim.h"
#include "core/page.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/setup.h"

int setup_resume(void)
{
	evtchn_resume(sim_shared(sim_guest));
	return 0;
}

uint64_t setup_hvm_param(unsigned index)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};

	return hypercall_hvm_op(HVMOP_get_param, &p) ? 0 : p.value;
}

void *setup_map_special(uint64_t gfn)
{
	return gfn ? (void *)(uintptr_t)(gfn << PAGE_SHIFT) : NULL;
}

uint64_t clock_to_system_time(uint64_t mono)
{
	return mono;
}

void heap_quick_stat(struct heap_stat *s)
{
	*s = (struct heap_stat){.live = sim_guest->heap_live};
}

/* The simulator's pages are always zeroed. */
void *page_alloc_raw(unsigned order)
{
	return page_alloc(order);
}

/* Nothing is ever asked to give memory back. */
void page_add_reclaim(size_t (*fn)(void))
{
	(void)fn;
}
