/* SPDX-License-Identifier: ISC */
/*
 * The loaders' structures. All addresses in them are physical and mapped one
 * to one at this point; what is kept is reserved, never copied.
 */
#include <errno.h>
#include <string.h>
#include <xen/start_info.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#define RAM 1

/* More than any loader has; bounds a corrupt count. */
#define ENTRIES_MAX 4096

struct entry {
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

/* A partly reserved page is reserved; what wraps is so up to the very end. */
static void reserve(struct boot_info *b, uint64_t start, uint64_t end)
{
	if (start == end)
		return;
	if (end < start || end > UINT64_MAX - 4095)
		end = UINT64_MAX;
	else
		end = (end + 4095) & ~4095ull;
	memmap_remove(&b->ram, start & ~4095ull, end);
}

static void add_type(struct boot_info *b, const char *p, unsigned n,
		     unsigned stride, bool ram)
{
	for (unsigned i = 0; i < n; i++, p += stride) {
		struct entry e;
		uint64_t end;

		memcpy(&e, p, sizeof(e));
		if ((e.type == RAM) != ram)
			continue;
		end = e.base + e.length;
		if (!ram)
			reserve(b, e.base, end);
		else if (end >= e.base)
			memmap_add(&b->ram, e.base, end);
	}
}

void memory_map_add(struct boot_info *b, const void *entries, unsigned n,
		    unsigned stride)
{
	n = n < ENTRIES_MAX ? n : ENTRIES_MAX;
	add_type(b, entries, n, stride, true);
	add_type(b, entries, n, stride, false);
	memmap_align(&b->ram);
}

int start_info_parse(void *start_info, struct boot_info *b)
{
	const struct hvm_start_info *si = start_info;
	const struct hvm_modlist_entry *m;

	if (si->magic != XEN_HVM_START_MAGIC_VALUE)
		return -EINVAL;
	boot_reserve(b, si, sizeof(*si));
	boot_set_cmdline(b, (char *)si->cmdline_paddr);
	m = (void *)si->modlist_paddr;
	boot_reserve(b, m, (uint64_t)si->nr_modules * sizeof(*m));
	for (unsigned i = 0; m && i < si->nr_modules; i++)
		boot_add_module(b, (void *)m[i].paddr, m[i].size,
				(char *)m[i].cmdline_paddr);
	if (si->version >= 1 && si->memmap_paddr)
		memory_map_add(b, (void *)si->memmap_paddr, si->memmap_entries,
			       sizeof(struct hvm_memmap_table_entry));
	return 0;
}

/* The fields of the multiboot information that are used, by 32-bit index. */
enum {
	MB_FLAGS,
	MB_LOWER,
	MB_UPPER,
	MB_DEVICE,
	MB_CMDLINE,
	MB_MODS_COUNT,
	MB_MODS,
	MB_SYMS,
	MB_MMAP_LENGTH = 11,
	MB_MMAP
};
#define MB_HAS_CMDLINE 0x4
#define MB_HAS_MODS    0x8
#define MB_HAS_MMAP    0x40

static void multiboot_memory(struct boot_info *b, const char *p, uint32_t n)
{
	/* Each entry begins with its own size, which does not count itself. */
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t at = 0, size; at + 24 <= n; at += size + 4) {
			memcpy(&size, p + at, 4);
			if (size < 20 || size > n - at - 4)
				break;
			add_type(b, p + at + 4, 1, 24, pass == 0);
		}
	}
	memmap_align(&b->ram);
}

void multiboot_parse(void *info, struct boot_info *b)
{
	const uint32_t *mb = info;
	struct {
		uint32_t start, end, args, pad;
	} *m = (void *)(uintptr_t)mb[MB_MODS];

	boot_reserve(b, info, 120);
	if (mb[MB_FLAGS] & MB_HAS_CMDLINE)
		boot_set_cmdline(b, (char *)(uintptr_t)mb[MB_CMDLINE]);
	if (mb[MB_FLAGS] & MB_HAS_MODS) {
		boot_reserve(b, m, (uint64_t)mb[MB_MODS_COUNT] * sizeof(*m));
		for (uint32_t i = 0; i < mb[MB_MODS_COUNT]; i++)
			if (m[i].end >= m[i].start)
				boot_add_module(b,
						(void *)(uintptr_t)m[i].start,
						m[i].end - m[i].start,
						(char *)(uintptr_t)m[i].args);
	}
	if (mb[MB_FLAGS] & MB_HAS_MMAP)
		multiboot_memory(b, (char *)(uintptr_t)mb[MB_MMAP],
				 mb[MB_MMAP_LENGTH]);
}
