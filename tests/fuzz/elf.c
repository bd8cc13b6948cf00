/* SPDX-License-Identifier: ISC */
/*
 * Images and dumps with bytes changed, through everything in the tool that
 * reads them, under the sanitizers: no outcome but "fine" or one line of
 * complaint, and always an end.
 *
 * Usage: elf [ROUNDS [SEED]]. A seed makes the same files again; the round
 * that fails is printed.
 */
#include "core.h"
#include "image.h"
#include "inspect.h"
#include "symblob.h"
#include "words.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS 5000

static uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Below `n`, and half of the time below the first few hundred bytes. */
static size_t place(size_t n)
{
	return next() % (next() & 1 && n > 768 ? 768 : n);
}

/*
 * A seed file: all the structures that the readers follow.
 *
 *     0     Ehdr            1024  notes          4096  pages, for a dump
 *     64    Phdr x 3        1280  symbols, strings
 *     512   Shdr x 8
 */
struct seed {
	_Alignas(4096) uint8_t bytes[12 * 4096];
};

static void put(struct seed *s, size_t at, const void *data, size_t n)
{
	memcpy(s->bytes + at, data, n);
}

static void add_header(struct seed *s, int type)
{
	Elf64_Ehdr h = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
		.e_type = type,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = 64,
		.e_phnum = type == ET_CORE ? 0 : 3,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_shoff = 512,
		.e_shnum = 8,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shstrndx = 1,
	};
	Elf64_Phdr p[3] = {
		{PT_LOAD, PF_R | PF_X, 4096, 0x10000, 0x10000, 4096, 4096, 1},
		{PT_LOAD, PF_R, 8192, 0x20000, 0x20000, 16, 16, 1},
		{PT_NOTE, PF_R, 1024, 0, 0, 136, 136, 4},
	};

	put(s, 0, &h, sizeof(h));
	put(s, 64, p, sizeof(p));
}

static void add_sections(struct seed *s)
{
	static const char names[] = "\0.fata.symbols\0.xen_prstatus\0"
				    ".xen_pages\0.xen_pfn\0main\0fata$go";
	Elf64_Shdr h[8] = {
		{0},
		{1, SHT_STRTAB, 0, 0, 1600, sizeof(names), 0, 0, 1, 0},
		{1, SHT_PROGBITS, SHF_ALLOC, 0x20000, 8192, 16, 0, 0, 1, 0},
		{0, SHT_SYMTAB, 0, 0, 1280, 4 * 24, 1, 0, 8, 24},
		{15, SHT_PROGBITS, 0, 0, 32768, 5168, 0, 0, 8, 0},
		{29, SHT_PROGBITS, 0, 0, 4096, 6 * 4096, 0, 0, 8, 0},
		{40, SHT_PROGBITS, 0, 0, 1800, 6 * 8, 0, 0, 8, 0},
		{0, SHT_NULL, 0, 0, 0, 0, 0, 0, 0, 0},
	};
	Elf64_Sym sym[4] = {{0},
			    {49, STT_FUNC, 0, 2, 0x10000, 4},
			    {54, STT_FUNC, 0, 2, 0x10000, 4},
			    {1, STT_FUNC, 0, 2, 0x10010, 4}};

	put(s, 512, h, sizeof(h));
	put(s, 1280, sym, sizeof(sym));
	put(s, 1600, names, sizeof(names));
}

static size_t add_note(struct seed *s, size_t at, const char *name, int type,
		       const void *desc, size_t n)
{
	uint32_t head[3] = {strlen(name) + 1, n, type};
	size_t name_n = (head[0] + 3) & ~3u;

	put(s, at, head, sizeof(head));
	put(s, at + 12, name, head[0]);
	put(s, at + 12 + name_n, desc, n);
	return at + 12 + name_n + ((n + 3) & ~3ul);
}

/* Tables at pages 1 to 4 that map 0x10000; all but the note is shared. */
static void add_pages(struct seed *s)
{
	uint64_t pfn[6] = {1, 2, 3, 4, 0x10, 0x11}, cr3 = 0x1000, entry;

	put(s, 1800, pfn, sizeof(pfn));
	for (int i = 0; i < 4; i++) {
		entry = i < 3 ? (i + 2) << 12 | 3 : 0x10003;
		put(s, 4096 * (i + 1) + (i < 3 ? 0 : 0x10 * 8), &entry, 8);
	}
	put(s, 32768 + 4984 + 24, &cr3, sizeof(cr3));
}

static void make_seed(struct seed *s, int type)
{
	uint64_t entry = 0x10000;
	size_t at = 1024;

	memset(s, 0, sizeof(*s));
	add_header(s, type);
	add_sections(s);
	at = add_note(s, at, "Xen", 18, &entry, 8);
	at = add_note(s, at, "Fata", 4, "it\0about it\0", 12);
	at = add_note(s, at, "Fata", 1, "net\0", 4);
	add_note(s, at, "Fata", 3, "size\0size\0001M\0help\0", 18);
	add_pages(s);
}

static void read_image(const char *path)
{
	char *words[] = {"--size=2M", "--no-size", "-s", "x", NULL};
	struct text t = {0}, blob = {0};
	struct image im;

	if (image_open(&im, path))
		return;
	inspect_text(&im, &t);
	inspect_json(&im, &t);
	words_help(&im, &t);
	words_check(&im, words);
	symblob_make(&im.elf, &blob);
	text_free(&t);
	text_free(&blob);
	image_close(&im);
}

static void round_of(const struct seed *seed, int type, const char *path,
		     int fd)
{
	static struct seed s;
	size_t size = sizeof(s), changes = 1 + next() % 6;

	s = *seed;
	while (changes--) {
		size_t at = place(size - 8);
		uint64_t v = next();

		switch (next() % 4) {
		case 0:
			s.bytes[at] = v;
			break;
		case 1:
			v = (v & 1) ? UINT64_MAX - (v >> 60) : v >> 60;
			memcpy(s.bytes + (at & ~7ul), &v, 8);
			break;
		case 2:
			memcpy(s.bytes + (at & ~3ul), &v, 4);
			break;
		default:
			s.bytes[at] ^= 1u << (v & 7);
		}
	}
	if (next() % 8 == 0)
		size = place(size);
	if (ftruncate(fd, 0) || pwrite(fd, s.bytes, size, 0) != (ssize_t)size)
		abort();
	if (type == ET_CORE)
		core_convert(path, "/proc/self/fd/none/core");
	else
		read_image(path);
}

static long now;

void __sanitizer_set_death_callback(void (*callback)(void));

static void say_round(void)
{
	dprintf(STDERR_FILENO, "in round %ld\n", now);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : ROUNDS;
	int fd = memfd_create("image", 0);
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	static struct seed image, core;
	char path[64];

	__sanitizer_set_death_callback(say_round);
	/* what the tool complains of; the sanitizers use the descriptor */
	stderr = fopen("/dev/null", "w");
	make_seed(&image, ET_EXEC);
	make_seed(&core, ET_CORE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (long i = 0; i < rounds; i++) {
		int type = i & 1 ? ET_CORE : ET_EXEC;

		state = (seed * 1000003 + i + 1) * 0x9e3779b97f4a7c15ull;
		now = i;
		alarm(20);
		round_of(type == ET_CORE ? &core : &image, type, path, fd);
	}
	printf("%ld rounds, seed %llu\n", rounds, (unsigned long long)seed);
	return 0;
}
