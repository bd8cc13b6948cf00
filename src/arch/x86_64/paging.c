/* SPDX-License-Identifier: ISC */
/*
 * Page tables; see paging.h for how they are sealed.
 *
 * An entry is reached by the address that it maps and its level (4: PML4 ... 1:
 * 4 KiB pages). While the first tables are built they are walked by their
 * physical addresses, which the boot tables map; from then on through the
 * recursive entry:
 *
 *     level 1 entry of va   0xffffff0000000000 + (va >> 12) * 8
 *     level 2               0xffffff7f80000000 + (va >> 21) * 8
 *     level 3               0xffffff7fbfc00000 + (va >> 30) * 8
 *     level 4               0xffffff7fbfdfe000 + (va >> 39) * 8
 *
 * Table pages come from a small stack of frames. It starts with the frames
 * below the image, which nothing else may use, and is refilled from the page
 * allocator; a frame from there loses its identity mapping first, which may
 * need a table page itself (to split 2 MiB), so RESERVE frames are kept back.
 */
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/paging.h>
#include <core/assert.h>
#include <errno.h>
#include <fata/page.h>
#include <string.h>

#define RECURSIVE 510
#define LARGE 0x200000ull
#define POOL_MAX 1024
#define RESERVE 3

extern char image_start[] __asm__("fata$image_start");
extern char text_end[] __asm__("fata$text_end");
extern char rodata_start[] __asm__("fata$rodata_start");
extern char rodata_end[] __asm__("fata$rodata_end");
extern char data_start[] __asm__("fata$data_start");
extern char data_end[] __asm__("fata$data_end");
extern const uint32_t image_symbols[] __asm__("fata$symbols");

static uint64_t root; /* physical address of the PML4 while it is built */
static uint64_t sealed_top, open_top; /* what CR3 holds; see paging.h */
static uint32_t pool[POOL_MAX];
static unsigned pool_n;

static uint64_t *entry_of(uintptr_t va, unsigned level)
{
	static const uint64_t base[] = {0, 0xffffff0000000000,
					0xffffff7f80000000, 0xffffff7fbfc00000,
					0xffffff7fbfdfe000};
	unsigned shift = 12 + 9 * (level - 1);
	uint64_t *table = (uint64_t *)root;

	va &= 0xffffffffffff;
	if (!root)
		return (uint64_t *)base[level] + (va >> shift);
	for (unsigned l = 4; l > level; l--) {
		unsigned s = 12 + 9 * (l - 1);

		table = (uint64_t *)(table[va >> s & 511] & PTE_FRAME);
	}
	return &table[va >> shift & 511];
}

/* In the PML4 itself, as the recursive entry shows it? */
static bool is_top(const uint64_t *e)
{
	return (uintptr_t)e >= (uintptr_t)entry_of(0, 4);
}

static void store(uint64_t *e, const uint64_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		((volatile uint64_t *)e)[i] = v[i];
}

/*
 * The one place where entries change once the tables are sealed: n of them in
 * a row, so that a batch opens the seal once. Changing CR0 costs an exit to
 * Xen, changing CR3 does not: only the top, which hardly ever changes and is
 * there twice, is written the dear way.
 */
static void write_entries(uint64_t *e, const uint64_t *v, unsigned n)
{
	uint64_t cr0;

	if (root) {
		memcpy(e, v, n * sizeof(*v));
		return;
	}
	if (is_top(e)) {
		cr0 = read_cr0();
		write_cr0(cr0 & ~(uint64_t)CR0_WP);
		store(e, v, n);
		write_cr0(cr0);
	}
	write_cr3(open_top);
	store(e, v, n);
	write_cr3(sealed_top);
}

static void write_entry(uint64_t *e, uint64_t v)
{
	write_entries(e, &v, 1);
}

static int pool_refill(void);

static uint64_t pool_take(void)
{
	return pool_n ? (uint64_t)pool[--pool_n] << 12 : 0;
}

/* All tables above `level` exist afterwards. */
static int make_tables(uintptr_t va, unsigned level)
{
	for (unsigned l = 4; l > level; l--) {
		uint64_t *e = entry_of(va, l), frame;

		if (*e & PTE_P)
			continue;
		if (!root && pool_n <= RESERVE && pool_refill())
			return -ENOMEM;
		frame = pool_take();
		if (!frame)
			return -ENOMEM;
		write_entry(e, frame | PTE_P | PTE_W);
	}
	return 0;
}

/*
 * Turn the 2 MiB page at va into 512 small ones. The new table is filled
 * while it hangs at a scratch address, so that va is mapped at every moment.
 */
static void split(uintptr_t va)
{
	uint64_t *large = entry_of(va, 2), old = *large;
	uint64_t *scratch = entry_of(PAGING_VM_END, 2);
	uint64_t frame = pool_take();

	ASSERT(frame);
	write_entry(scratch, frame | PTE_P | PTE_W);
	for (unsigned i = 0; i < 512; i += 8) {
		uint64_t eight[8];

		for (unsigned k = 0; k < 8; k++)
			eight[k] = (old & ~(uint64_t)PTE_PS) +
				   (i + k) * PAGE_SIZE;
		write_entries(entry_of(PAGING_VM_END + i * PAGE_SIZE, 1),
			      eight, 8);
	}
	write_entry(large, frame | PTE_P | PTE_W);
	write_entry(scratch, 0);
	invlpg(entry_of(PAGING_VM_END, 1));
	write_cr3(read_cr3());
}

/* Frames from the page allocator; their identity mapping goes. */
static int pool_refill(void)
{
	for (unsigned i = 0; i < 8; i++) {
		uintptr_t page = (uintptr_t)page_alloc(0);

		if (!page)
			return pool_n > RESERVE ? 0 : -ENOMEM;
		if (*entry_of(page, 2) & PTE_PS)
			split(page);
		write_entry(entry_of(page, 1), 0);
		invlpg((void *)page);
		pool[pool_n++] = (uint32_t)(page >> 12);
	}
	return 0;
}

int paging_map(uintptr_t va, uint64_t pa, uint64_t flags)
{
	int rc = make_tables(va, 1);

	if (rc)
		return rc;
	write_entry(entry_of(va, 1), pa | flags);
	if (!root)
		invlpg((void *)va);
	return 0;
}

int paging_map_run(uintptr_t va, const uint64_t *entries, unsigned n)
{
	while (n) {
		unsigned room = 512 - (va >> 12 & 511);
		unsigned part = n < room ? n : room;
		int rc = make_tables(va, 1);

		if (rc)
			return rc;
		write_entries(entry_of(va, 1), entries, part);
		va += (uintptr_t)part << 12;
		entries += part;
		n -= part;
	}
	return 0;
}

const uint64_t *paging_table(uintptr_t va)
{
	for (unsigned l = 4; l > 1; l--) {
		uint64_t e = *entry_of(va, l);

		if (!(e & PTE_P) || (l < 4 && (e & PTE_PS)))
			return NULL;
	}
	return entry_of(va, 1);
}

/* Asked of every pointer that a program passes to a system call. */
uint64_t paging_entry(uintptr_t va)
{
	uint64_t e;

	if (!(*entry_of(va, 4) & PTE_P) || !(*entry_of(va, 3) & PTE_P))
		return 0;
	e = *entry_of(va, 2);
	if (!(e & PTE_P))
		return 0;
	if (e & PTE_PS)
		return (e & ~(uint64_t)PTE_PS) + (va & (LARGE - 1) & ~4095ull);
	return *entry_of(va, 1);
}

void paging_replace_run(uintptr_t va, const uint64_t *entries, unsigned n)
{
	uint64_t *e = entry_of(va, 1);

	if (!memcmp(e, entries, n * sizeof(*e)))
		return;
	write_entries(e, entries, n);
	for (unsigned i = 0; i < n; i++)
		invlpg((void *)(va + i * PAGE_SIZE));
}

int paging_map_identity(uint64_t pa, size_t size, uint64_t flags)
{
	uint64_t end = pa + size;
	int rc = 0;

	while (!rc && pa < end) {
		if (!(pa & (LARGE - 1)) && end - pa >= LARGE) {
			rc = make_tables(pa, 2);
			if (!rc)
				write_entry(entry_of(pa, 2),
					    pa | flags | PTE_PS);
			pa += LARGE;
		} else {
			rc = paging_map(pa, pa, flags);
			pa += PAGE_SIZE;
		}
	}
	return rc;
}

static void pool_add(uint64_t pa)
{
	memset((void *)pa, 0, PAGE_SIZE);
	pool[pool_n++] = (uint32_t)(pa >> 12);
}

/*
 * Frames for the first tables: those below the image, then enough from above
 * it: one per GiB, one per end of a range, and some to go on with.
 */
static void pool_init(struct memmap *ram)
{
	uint64_t low, more = 24, top = ram->r[ram->n - 1].end;

	while ((low = memmap_take(ram, PAGE_SIZE, PAGE_SIZE,
				  (uint64_t)image_start)) != 0)
		pool_add(low);
	memmap_remove(ram, 0, (uint64_t)image_start);
	more += (top >> 30) + 2 * ram->n;
	if (memmap_total(ram) < (8 << 20))
		more = 4;
	for (; more && pool_n < POOL_MAX; more--) {
		low = memmap_take(ram, PAGE_SIZE, (uint64_t)data_end,
				  0x100000000);
		if (!low)
			break;
		pool_add(low);
	}
}

static void map_part(const void *start, const void *end, uint64_t flags)
{
	uint64_t first = (uint64_t)start & ~4095ull;
	uint64_t last = ((uint64_t)end + 4095) & ~4095ull;

	if (paging_map_identity(first, last - first, flags))
		fata_panic("not enough memory for the page tables");
}

void paging_init(struct memmap *ram, const struct memmap *reserved)
{
	struct memmap others = *reserved;
	uint64_t symbols_end = (uint64_t)image_symbols + image_symbols[1];
	uint64_t mapped;

	pool_init(ram);
	mapped = pool_take();
	root = mapped;
	memmap_remove(&others, 0, (symbols_end + 4095) & ~4095ull);
	for (unsigned i = 0; i < ram->n; i++)
		map_part((void *)ram->r[i].start, (void *)ram->r[i].end,
			 PAGING_RW);
	for (unsigned i = 0; i < others.n; i++)
		map_part((void *)others.r[i].start, (void *)others.r[i].end,
			 PAGING_RW);
	map_part(image_start, text_end, PAGING_RX);
	map_part(rodata_start, rodata_end, PAGING_RO);
	map_part(data_start, data_end, PAGING_RW);
	map_part(image_symbols, (void *)symbols_end, PAGING_RO);
	if (make_tables(PAGING_VM_END, 2))
		fata_panic("not enough memory for the page tables");
	sealed_top = mapped;
	open_top = pool_take();
	if (!open_top)
		fata_panic("not enough memory for the page tables");
	memcpy((void *)open_top, (void *)mapped, PAGE_SIZE);
	((uint64_t *)mapped)[RECURSIVE] = mapped | PTE_P | PTE_NX;
	((uint64_t *)open_top)[RECURSIVE] = open_top | PAGING_RW;
	root = 0;
	write_cr3(sealed_top);
}
