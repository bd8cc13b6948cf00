/* SPDX-License-Identifier: ISC */
/*
 * `fata core`: from xl's dump of a guest to a core that gdb opens beside the
 * image (core.h).
 *
 * xl writes physical pages (xen/docs/misc/dump-core-format.txt):
 *
 *     .xen_prstatus   one vcpu_guest_context: registers, cr3
 *     .xen_pfn        u64 each: which page of the guest
 *     .xen_pages      the pages, in that order
 *
 * gdb wants a core as Linux writes it: a note with the registers, and segments
 * at virtual addresses. So the guest's own page tables are walked, and each
 * run of mapped pages becomes a segment that points into the one copy of all
 * pages:
 *
 *     Ehdr | Phdr: note, load, load ... | note | padding | .xen_pages
 *
 * The dump may be of a guest that ran wild: the walk has a budget, and a page
 * that is not in the dump is left out.
 */
#include "core.h"
#include "elf.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>

#define PAGE          4096ull
#define ADDRESS_MASK  0x000ffffffffff000ull
#define BUDGET        (1u << 24) /* page-table entries that are looked at */
#define MOST_SEGMENTS 60000

/* xen/include/public/arch-x86/xen.h, struct vcpu_guest_context, 64 bits */
enum {
	CONTEXT_SIZE = 5168,
	CONTEXT_REGS = 520,
	CONTEXT_CR3 = 4984 + 3 * 8,
	CONTEXT_FS_BASE = 5144,
};

struct core {
	const char *path;
	struct elf elf;
	uint64_t *pfns; /* sorted: pfn << 32 | its place in the dump */
	size_t pages;
	uint64_t pages_at; /* where .xen_pages is in the dump */
	const uint8_t *context;
	Elf64_Phdr *segments;
	size_t count;
	unsigned budget;
};

/* A section's bytes; NULL if there is none or it is not whole. */
static const uint8_t *section(const struct core *c, const char *name,
			      uint64_t *size, uint64_t *offset)
{
	int i = elf_find_section(&c->elf, name);
	Elf64_Shdr s;

	if (i < 0)
		return NULL;
	s = elf_section(&c->elf, i);
	if (!elf_inside(&c->elf, s.sh_offset, s.sh_size))
		return NULL;
	*size = s.sh_size;
	*offset = s.sh_offset;
	return c->elf.data + s.sh_offset;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* --- the dump ---------------------------------------------------------- */

static int read_dump(struct core *c)
{
	uint64_t size, at, pfn;
	const uint8_t *p;

	c->context = section(c, ".xen_prstatus", &size, &at);
	if (!c->context || size < CONTEXT_SIZE)
		return fail("%s: no registers in it (expected what xl "
			    "dump-core writes)",
			    c->path);
	if (!section(c, ".xen_pages", &size, &c->pages_at))
		return fail("%s: no pages in it, or not all of them", c->path);
	c->pages = size / PAGE;
	p = section(c, ".xen_pfn", &size, &at);
	if (!p || size / sizeof(pfn) < c->pages || c->pages > UINT32_MAX)
		return fail("%s: not the dump of a PVH guest", c->path);
	c->pfns = xmalloc(c->pages * sizeof(*c->pfns));
	for (size_t i = 0; i < c->pages; i++) {
		memcpy(&pfn, p + i * sizeof(pfn), sizeof(pfn));
		/* no page of a guest is beyond 16 TiB */
		c->pfns[i] = pfn > UINT32_MAX ? UINT64_MAX : pfn << 32 | i;
	}
	qsort(c->pfns, c->pages, sizeof(*c->pfns), by_number);
	return 0;
}

/* Where a physical page is in the dump, as a number of pages; -1: nowhere. */
static int64_t page_of(const struct core *c, uint64_t address)
{
	uint64_t pfn = address / PAGE;
	size_t low = 0, high = c->pages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->pfns[middle] >> 32 < pfn)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == c->pages || c->pfns[low] >> 32 != pfn)
		return -1;
	return (uint32_t)c->pfns[low];
}

/* --- the page tables --------------------------------------------------- */

static void add_page(struct core *c, uint64_t address, uint64_t entry)
{
	int64_t page = page_of(c, entry & ADDRESS_MASK);
	Elf64_Phdr *last = c->count ? &c->segments[c->count - 1] : NULL;
	uint32_t flags =
		PF_R | (entry & 2 ? PF_W : 0) | (entry >> 63 ? 0 : PF_X);

	if (page < 0 || c->count == MOST_SEGMENTS)
		return;
	if (last && last->p_vaddr + last->p_memsz == address &&
	    last->p_offset + last->p_filesz == page * PAGE &&
	    last->p_flags == flags) {
		last->p_filesz += PAGE;
		last->p_memsz += PAGE;
		return;
	}
	/* offsets count from the first page until the headers' size is known */
	c->segments[c->count++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_offset = page * PAGE,
		.p_vaddr = address,
		.p_paddr = entry & ADDRESS_MASK,
		.p_filesz = PAGE,
		.p_memsz = PAGE,
		.p_align = PAGE,
	};
}

/* One table of `level` (4 is the root), which maps from `base` on. */
static void walk(struct core *c, uint64_t table, int level, uint64_t base)
{
	unsigned shift = 12 + 9 * (level - 1);
	int64_t page = page_of(c, table & ADDRESS_MASK);

	for (uint64_t i = 0; page >= 0 && i < 512 && c->budget; i++) {
		uint64_t address = base | i << shift, entry;

		c->budget--;
		memcpy(&entry, c->elf.data + c->pages_at + page * PAGE + i * 8,
		       8);
		if (!(entry & 1))
			continue;
		if (address >> 47) /* the upper half is sign-extended */
			address |= 0xffffull << 48;
		if (level == 1) {
			add_page(c, address, entry);
		} else if (level < 4 && entry & 0x80) {
			uint64_t n = 1ull << (shift - 12);
			uint64_t first = entry & ADDRESS_MASK & ~(n * PAGE - 1);

			for (uint64_t k = 0; k < n && c->budget; k++) {
				c->budget--;
				add_page(c, address + k * PAGE,
					 (first + k * PAGE) | (entry & 2) |
						 (entry & 1ull << 63));
			}
		} else {
			walk(c, entry, level - 1, address);
		}
	}
}

/* --- what gdb reads ---------------------------------------------------- */

/* Registers 0 to 14 stand in the same order in Xen's struct and Linux'. */
static struct elf_prstatus registers(const struct core *c)
{
	struct elf_prstatus status = {.pr_pid = 1};
	struct user_regs_struct r = {0};
	uint64_t x[25];

	memcpy(x, c->context + CONTEXT_REGS, sizeof(x));
	memcpy(&r, x, 15 * sizeof(x[0]));
	r.orig_rax = -1; /* not in a system call */
	r.rip = x[16];
	r.cs = x[17] & 0xffff;
	r.eflags = x[18];
	r.rsp = x[19];
	r.ss = x[20] & 0xffff;
	r.es = x[21] & 0xffff;
	r.ds = x[22] & 0xffff;
	r.fs = x[23] & 0xffff;
	r.gs = x[24] & 0xffff;
	memcpy(&r.fs_base, c->context + CONTEXT_FS_BASE, 8);
	memcpy(&status.pr_reg, &r, sizeof(r));
	return status;
}

static int write_pages(const struct core *c, int fd)
{
	const uint8_t *p = c->elf.data + c->pages_at;
	uint64_t left = c->pages * PAGE;

	while (left) {
		ssize_t n = write(fd, p, left > 1 << 30 ? 1 << 30 : left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			left -= n;
		}
	}
	return 0;
}

/* The headers and the note, padded so that the pages begin on a page. */
static void make_head(const struct core *c, struct text *t)
{
	struct {
		Elf64_Nhdr head;
		char name[8];
		struct elf_prstatus status;
	} __attribute__((packed))
	note = {.head = {5, sizeof(note.status), NT_PRSTATUS}, .name = "CORE"};
	size_t table = (c->count + 1) * sizeof(Elf64_Phdr);
	Elf64_Ehdr h = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			    ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(h),
		.e_ehsize = sizeof(h),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = c->count + 1,
	};
	Elf64_Phdr p = {.p_type = PT_NOTE,
			.p_offset = sizeof(h) + table,
			.p_filesz = sizeof(note),
			.p_align = 4};
	uint64_t pages = (p.p_offset + sizeof(note) + PAGE - 1) & -PAGE;

	note.status = registers(c);
	text_add(t, &h, sizeof(h));
	text_add(t, &p, sizeof(p));
	for (size_t i = 0; i < c->count; i++) {
		p = c->segments[i];
		p.p_offset += pages;
		text_add(t, &p, sizeof(p));
	}
	text_add(t, &note, sizeof(note));
	while (t->n < pages)
		text_add(t, "", 1);
}

/* Written beside it and renamed: whole or not at all. */
static int write_core(const struct core *c, const char *to)
{
	char *temp = xasprintf("%s.XXXXXX", to);
	struct text head = {0};
	int fd = mkostemp(temp, O_CLOEXEC), err = fd < 0 ? -errno : 0;

	make_head(c, &head);
	if (!err && write(fd, head.s, head.n) != (ssize_t)head.n)
		err = errno ? -errno : -ENOSPC;
	if (!err)
		err = write_pages(c, fd);
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (!err)
		err = file_place(temp, to);
	if (err && fd >= 0)
		unlink(temp);
	text_free(&head);
	free(temp);
	return err ? fail("cannot write %s: %s", to, strerror(-err)) : 0;
}

static int convert(struct core *c, const char *to)
{
	uint64_t cr3;
	int err = read_dump(c);

	if (err)
		return err;
	c->segments = xmalloc(MOST_SEGMENTS * sizeof(*c->segments));
	c->budget = BUDGET;
	memcpy(&cr3, c->context + CONTEXT_CR3, sizeof(cr3));
	walk(c, cr3, 4, 0);
	if (!c->count)
		return fail("%s: the guest's page tables are not in it (it "
			    "had not yet set them up)",
			    c->path);
	return write_core(c, to);
}

int core_convert(const char *from, const char *to)
{
	struct core c = {.path = from};
	char why[128];
	struct stat st;
	void *data;
	int fd = open(from, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return fail("%s: %s", from, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) {
		close(fd);
		return fail("%s: not a file with a dump in it", from);
	}
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	err = errno;
	close(fd);
	if (data == MAP_FAILED)
		return fail("%s: %s", from, strerror(err));
	if (elf_open_core(&c.elf, data, st.st_size, why))
		err = fail("%s: %s (expected what xl dump-core writes)", from,
			   why);
	else
		err = convert(&c, to);
	free(c.segments);
	free(c.pfns);
	munmap(data, st.st_size);
	return err;
}

int cmd_core(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return help("usage: fata core DUMP CORE\n"
			    "Makes a CORE that gdb opens from the DUMP of a "
			    "guest, which xl dump-core\n"
			    "or xl's on_crash=\"coredump-destroy\" wrote:\n"
			    "\n"
			    "  xl dump-core GUEST guest.dump\n"
			    "  fata core guest.dump guest.core\n"
			    "  gdb guest.xen guest.core\n");
	if (argc != 3)
		return fail_usage("a dump and a core are needed (fata help "
				  "core)");
	return core_convert(argv[1], argv[2]);
}
