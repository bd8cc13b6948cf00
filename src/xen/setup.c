/* SPDX-License-Identifier: ISC */
/*
 * Xen's pages, the upcall and the timer's event, at the start and after a
 * resume; see setup.h.
 */
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/paging.h>
#include <arch/x86_64/traps.h>
#include <errno.h>
#include <fata/page.h>
#include <platform.h>
#include <xen/clock.h>
#include <xen/evtchn.h>
#include <xen/hypercall.h>
#include <xen/setup.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/start_info.h>
#include <xen/vtimer.h>
#include <xen/xenstore.h>

static unsigned char shared_page[PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));
struct shared_info *const setup_shared_info = (void *)shared_page;

/* HVM_PARAM_CALLBACK_IRQ: the kind of callback is in the top byte. */
#define CALLBACK_VECTOR (2ull << 56)

int setup_map_shared_info(void)
{
	struct xen_add_to_physmap map = {
		.domid = DOMID_SELF,
		.space = XENMAPSPACE_shared_info,
		.gpfn = (uint64_t)shared_page >> PAGE_SHIFT,
	};

	return (int)hypercall_memory_op(XENMEM_add_to_physmap, &map);
}

int setup_upcall(unsigned vector)
{
	struct xen_hvm_param p = {
		.domid = DOMID_SELF,
		.index = HVM_PARAM_CALLBACK_IRQ,
		.value = CALLBACK_VECTOR | vector,
	};

	return (int)hypercall_hvm_op(HVMOP_set_param, &p);
}

int setup_resume(void)
{
	int rc = setup_map_shared_info();

	if (rc)
		return rc;
	clock_init(setup_shared_info);
	evtchn_resume(setup_shared_info);
	rc = setup_upcall(TRAP_UPCALL);
	return rc ? rc : vtimer_init();
}

uint64_t setup_hvm_param(unsigned index)
{
	struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};

	return hypercall_hvm_op(HVMOP_get_param, &p) ? 0 : p.value;
}

void *setup_map_special(uint64_t gfn)
{
	uint64_t pa = gfn << PAGE_SHIFT;

	if (!gfn || pa >= PAGING_VM_START)
		return NULL;
	if (!(paging_entry(pa) & PTE_P) &&
	    paging_map_identity(pa, PAGE_SIZE, PAGING_RW))
		return NULL;
	return (void *)pa;
}

int memory_map_read(struct boot_info *b)
{
	/* Layout of an E820 entry: 64-bit base and size, 32-bit type. */
	static unsigned char entries[128][20];
	struct xen_memory_map map = {.nr_entries = 128};
	long rc;

	set_xen_guest_handle(map.buffer, entries);
	rc = hypercall_memory_op(XENMEM_memory_map, &map);
	if (rc)
		return (int)rc;
	memory_map_add(b, entries, map.nr_entries, sizeof(entries[0]));
	return b->ram.n ? 0 : -ENOENT;
}

int setup_xenstore(void)
{
	uint64_t port = setup_hvm_param(HVM_PARAM_STORE_EVTCHN);
	void *page = setup_map_special(setup_hvm_param(HVM_PARAM_STORE_PFN));

	return page ? xs_init(page, (uint32_t)port) : -ENODEV;
}

/*
 * Above all memory and above 4 GiB, where nothing else of a PVH guest lies.
 * Xen 4.17 tells x86 guests no better place.
 */
void *platform_window(size_t *pages)
{
	const struct memmap *ram = &boot_info.ram;
	uint64_t gib = 1ull << 30, base = 4 * gib;
	uint64_t size = *pages * PAGE_SIZE;

	if (ram->r[ram->n - 1].end > base)
		base = (ram->r[ram->n - 1].end + gib - 1) & ~(gib - 1);
	if ((base + size) >> this_cpu()->phys_bits)
		return NULL;
	if (paging_map_identity(base, size, PAGING_RW))
		return NULL;
	return (void *)base;
}
