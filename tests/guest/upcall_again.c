/* SPDX-License-Identifier: ISC */
/*
 * An upcall that comes twice, as emulated CPUs deliver some: the second while
 * the first has not returned, on the same interrupt stack, so that the first
 * one's frame is lost; and one at any other moment, above a red zone in use.
 * A table of our own puts a handler before the kernel's that makes the second.
 */
#define _GNU_SOURCE /* memmem */
#include <fata/clock.h>
#include <fata/task.h>
#include <lib/guest.h>
#include <lib/idt.h>
#include <stdint.h>
#include <string.h>

#define UPCALL 32
#define IRETQ  "\x48\xcf"

/* The kernel's entry; where the second finds the first; how many there were. */
static uint64_t kernel __attribute__((used)), found __attribute__((used));
static volatile unsigned count __attribute__((used));

/*
 * What the CPU would have pushed at `found`, over the frame that is there:
 * address, code segment, flags, stack pointer, stack segment.
 */
void twice(void);
__asm__(".text\n"
	"twice:\n"
	"	incl count(%rip)\n"
	"	pushq %rax\n"
	"	movq found(%rip), %rax\n"
	"	movq %rax, 8(%rsp)\n"
	"	movq $8, 16(%rsp)\n"
	"	movq $0x46, 24(%rsp)\n"
	"	leaq 8(%rsp), %rax\n"
	"	movq %rax, 32(%rsp)\n"
	"	movq $0, 40(%rsp)\n"
	"	popq %rax\n"
	"	jmp *kernel(%rip)\n");

static void sleep_often(uint64_t where)
{
	unsigned before = count;

	found = where;
	for (int i = 0; i < 50; i++) {
		uint64_t start = clock_mono_ns();

		check_equal(fata_sleep(FATA_NS_PER_MS), 0);
		check(clock_mono_ns() - start >= FATA_NS_PER_MS);
	}
	check(count - before >= 25);
}

/* Neither the red zone nor a flag changes. */
static void at_any_moment(void)
{
	uint64_t below[2], carry;

	__asm__ volatile("movq $0x1234, -8(%%rsp)\n"
			 "movq $0x5678, -128(%%rsp)\n"
			 "stc\n"
			 "int $32\n"
			 "sbbq %2, %2\n"
			 "movq -8(%%rsp), %0\n"
			 "movq -128(%%rsp), %1\n"
			 : "=&r"(below[0]), "=&r"(below[1]), "=&r"(carry)
			 :
			 : "memory", "cc");
	check(below[0] == 0x1234 && below[1] == 0x5678 && carry == UINT64_MAX);
}

int main(void)
{
	at_any_moment();
	kernel = idt_replace(UPCALL, (uint64_t)twice);
	sleep_often(kernel);
	sleep_often((uint64_t)memmem((void *)kernel, 256, IRETQ, 2));
	return 0;
}
