/* SPDX-License-Identifier: ISC */
/*
 * The dump of a panic. Callers are found along the frame pointers; code
 * without them (libc, other people's libraries) breaks the chain, so after
 * its end the stack is searched for what looks like return addresses; these
 * lines carry a question mark.
 */
#include <arch/x86_64/backtrace.h>
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <core/fmt.h>
#include <core/symbols.h>
#include <core/vm.h>
#include <platform.h>
#include <stdarg.h>

#define FRAMES_MAX 32
#define GUESSES_MAX 16
#define SEARCH_WORDS 512

extern char image_start[] __asm__("fata$image_start");
extern char text_end[] __asm__("fata$text_end");

static void say(const char *format, ...) FATA_PRINTF(1, 2);

static void say(const char *format, ...)
{
	char line[256];
	va_list args;
	size_t n;

	va_start(args, format);
	n = fmt_v(line, sizeof(line), format, args);
	va_end(args);
	platform_emergency(line, n < sizeof(line) ? n : sizeof(line) - 1);
}

static bool in_text(uint64_t a)
{
	return a > (uint64_t)image_start && a < (uint64_t)text_end;
}

static void say_caller(uint64_t ip, const char *mark)
{
	uint64_t offset;
	const char *name = symbols_find(ip, &offset);

	if (name)
		say("  %#llx %s+%#llx%s\n", (unsigned long long)ip, name,
		    (unsigned long long)offset, mark);
	else
		say("  %#llx%s\n", (unsigned long long)ip, mark);
}

static void registers(const struct trap_frame *f)
{
	static const struct {
		char name[4];
		uint8_t at; /* index of the field in 64-bit words */
	} r[] = {{"ax", 14}, {"bx", 13}, {"cx", 12}, {"dx", 11},
		 {"si", 10}, {"di", 9},	 {"bp", 8},  {"sp", 20},
		 {"r8", 7},  {"r9", 6},	 {"r10", 5}, {"r11", 4},
		 {"r12", 3}, {"r13", 2}, {"r14", 1}, {"r15", 0},
		 {"ip", 17}, {"fl", 19}};
	const uint64_t *words = (const uint64_t *)f;

	for (unsigned i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		say("%s%-3s %016llx%s", i % 4 ? " " : "  ", r[i].name,
		    (unsigned long long)words[r[i].at],
		    i % 4 == 3 ? "\n" : "");
	say(" cr2 %016llx cr3 %016llx\n", (unsigned long long)read_cr2(),
	    (unsigned long long)read_cr3());
}

/* Returns the stack pointer where the chain ended. */
static uint64_t chain(uint64_t bp, uint64_t sp)
{
	for (unsigned i = 0; i < FRAMES_MAX; i++) {
		const uint64_t *frame = (const uint64_t *)bp;

		if (bp <= sp || bp & 7 || !vm_readable(frame, 16) ||
		    !in_text(frame[1]))
			break;
		say_caller(frame[1], "");
		sp = bp + 16;
		bp = frame[0];
	}
	return sp;
}

static void search(uint64_t sp)
{
	unsigned found = 0;

	sp &= ~7ull;
	for (unsigned i = 0; i < SEARCH_WORDS && found < GUESSES_MAX; i++) {
		const uint64_t *word = (const uint64_t *)sp + i;

		if (!vm_readable(word, 8))
			return;
		if (in_text(*word)) {
			say_caller(*word, " ?");
			found++;
		}
	}
}

void backtrace_dump(void)
{
	const struct trap_frame *f = traps_current();
	uint64_t bp = (uint64_t)__builtin_frame_address(0), sp = bp;

	if (f) {
		registers(f);
		say("at\n");
		say_caller(f->ip, "");
		bp = f->bp;
		sp = f->sp;
		/* In a function without a frame its caller is on top. */
		if (vm_readable((void *)sp, 8) && in_text(*(uint64_t *)sp))
			say_caller(*(uint64_t *)sp, " ?");
	} else {
		say("at\n");
	}
	search(chain(bp, sp - 1));
}
