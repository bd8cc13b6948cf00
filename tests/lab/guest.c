/* SPDX-License-Identifier: ISC */
/*
 * The guest of the tests in tests/lab: its first word says what it does.
 *
 *   status N     ends with status N
 *   die          ends by a wild write, three functions deep
 *   memory       says how much memory it has, touches all that is free
 *   words        says how many words and bytes it was given
 *   modules      says what boot modules there are, ends with their number
 *   cpu          says which of the CPU's features are on: all that it has
 *   clock        reads both clocks and sleeps for a second, all of it sane
 *   burst N      N numbered lines of 64 bytes, none of which may get lost
 *   flood N      the same to a console that may drop: says how many bytes
 *   idle         sleeps for ever
 *   chatter      a line every 50 ms, for ever
 */
#include <cpuid.h>
#include <fata/fata.h>
#include <lib/guest.h>
#include <string.h>

FATA_NAME("guest", "what tests in the lab run");

static int status(int argc, char **argv)
{
	return argc > 2 ? atoi(argv[2]) : 0;
}

__attribute__((noipa)) static void third(volatile char *p)
{
	*p = 1;
}

__attribute__((noipa)) static void second(volatile char *p)
{
	third(p);
	printf("survived\n");
}

static volatile char *volatile nowhere = (volatile char *)0x10;
int die_number = 4711; /* for the test to find in the core */

static int die(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	die_number++;
	second(nowhere);
	return 1;
}

static int memory(int argc, char **argv)
{
	struct heap_stat h;
	unsigned n = 0;
	char *p;

	(void)argc;
	(void)argv;
	heap_quick_stat(&h);
	printf("%zu KiB of memory, %zu KiB free\n", h.total >> 10,
	       h.free >> 10);
	while ((p = page_alloc(0))) {
		memset(p, 1, PAGE_SIZE);
		n++;
	}
	printf("%u pages\n", n);
	return 0;
}

static int words(int argc, char **argv)
{
	size_t bytes = 0;

	for (int i = 1; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	printf("%d words, %zu bytes, command line %zu\n", argc - 1, bytes,
	       strlen(boot_cmdline()));
	return 0;
}

static int modules(int argc, char **argv)
{
	const struct boot_module *m;

	(void)argc;
	(void)argv;
	for (unsigned i = 0; (m = boot_module(i)); i++) {
		const unsigned char *p = m->data;
		unsigned sum = 0;

		for (size_t k = 0; k < m->size; k++)
			sum = sum * 31 + p[k];
		check_equal((uintptr_t)p % PAGE_SIZE, 0);
		printf("module %u: %zu bytes, sum %u, \"%s\"\n", i, m->size,
		       sum, m->args);
		memset(m->data, 0, m->size); /* the program's to write */
	}
	return (int)boot_module_count();
}

static int clocks(int argc, char **argv)
{
	uint64_t last = clock_mono_ns(), start = last, wall = clock_wall_ns();
	int64_t apart;

	(void)argc;
	(void)argv;
	for (int i = 0; i < 20000; i++) {
		uint64_t now = clock_mono_ns();

		check(now >= last);
		last = now;
	}
	printf("%llu ns a reading\n",
	       (unsigned long long)(last - start) / 20000);
	start = clock_mono_ns();
	wall = clock_wall_ns();
	check_equal(fata_sleep(FATA_NS_PER_S), 0);
	last = clock_mono_ns() - start;
	check(last >= FATA_NS_PER_S && last < 20 * FATA_NS_PER_S);
	apart = (int64_t)(clock_wall_ns() - wall - last);
	check(apart > -(int64_t)FATA_NS_PER_S &&
	      apart < (int64_t)FATA_NS_PER_S);
	check(wall / FATA_NS_PER_S > 1700000000);
	printf("slept %llu ns\n", (unsigned long long)last);
	return 0;
}

/* --- the CPU ------------------------------------------------------------ */

#define CR4_FSGSBASE (1u << 16)
#define CR4_OSXSAVE  (1u << 18)
#define CR4_SMEP     (1u << 20)
#define CR4_SMAP     (1u << 21)
#define CR4_UMIP     (1u << 11)

/* Of a feature that the CPU has, the bit in CR4 is set; else it is not. */
static void feature(const char *name, bool has, uint32_t bit)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	check_equal(!!(cr4 & bit), has);
	printf("%s %d ", name, has);
}

extern uintptr_t canary __asm__("fata$__stack_chk_guard");

static int cpu(int argc, char **argv)
{
	unsigned a, b, c, d, basic, last;
	volatile double three = 3;
	uint64_t random[2];

	(void)argc;
	(void)argv;
	__cpuid(0, last, b, c, d);
	__cpuid(1, a, b, basic, d);
	b = c = 0;
	if (last >= 7)
		__cpuid_count(7, 0, a, b, c, d);
	feature("xsave", basic >> 26 & 1, CR4_OSXSAVE);
	feature("fsgsbase", b & 1, CR4_FSGSBASE);
	feature("smep", b >> 7 & 1, CR4_SMEP);
	feature("smap", b >> 20 & 1, CR4_SMAP);
	feature("umip", c >> 2 & 1, CR4_UMIP);
	printf("rdrand %d rdseed %d\n", basic >> 30 & 1, b >> 18 & 1);
	random_bytes(random, sizeof(random));
	check(random[0] != random[1]);
	printf("random %016llx %016llx\n", (unsigned long long)random[0],
	       (unsigned long long)canary);
	printf("1/3 %.17g\n", 1 / three);
	return 0;
}

static struct console_stat lines(int argc, char **argv)
{
	struct console_stat s;
	char line[80];
	int n = argc > 2 ? atoi(argv[2]) : 16384;

	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "line %06d %51s\n", i, "end");
		check_equal(console_write(console_main(), line, 64), 64);
	}
	console_stat(console_main(), &s);
	return s;
}

static int burst(int argc, char **argv)
{
	struct console_stat s = lines(argc, argv);

	printf("dropped %llu\n", (unsigned long long)s.dropped);
	return s.dropped ? 1 : 0;
}

/* Until there is a reader again; says what got lost. */
static int flood(int argc, char **argv)
{
	uint64_t start = clock_mono_ns();
	struct console_stat s = lines(argc, argv);
	uint64_t took = clock_mono_ns() - start;

	while (console_flush(console_main(), clock_deadline(FATA_NS_PER_S)))
		;
	printf("\ndropped %llu in %llu ms\n", (unsigned long long)s.dropped,
	       (unsigned long long)took / FATA_NS_PER_MS);
	return 0;
}

static int idle(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("idle");
	fflush(stdout);
	return fata_sleep(FATA_FOREVER);
}

static int chatter(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0;; i++) {
		printf("tick %d\n", i);
		fflush(stdout);
		if (fata_sleep(50 * FATA_NS_PER_MS))
			return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int argc, char **argv);
	} verbs[] = {
		{"status", status},   {"die", die},      {"memory", memory},
		{"words", words},     {"clock", clocks}, {"modules", modules},
		{"burst", burst},     {"flood", flood},  {"idle", idle},
		{"chatter", chatter}, {"cpu", cpu},
	};

	for (unsigned i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs);
	     i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].fn(argc, argv);
	printf("no such verb\n");
	return 99;
}
