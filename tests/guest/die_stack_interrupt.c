/* SPDX-License-Identifier: ISC */
/*
 * Code that runs on an interrupt stack and uses all of it. The breakpoint's
 * return address is on that stack; the handler of our own that runs there is
 * entered through a table of our own with the kernel's stack number kept.
 * guest: die page fault: write of 0x[0-9a-f]+, .*\(stack overflow\)
 */
#include <lib/guest.h>
#include <lib/idt.h>

static volatile int endless = 1;

static int deeper(volatile char *above)
{
	volatile char here[500];

	here[0] = above[0] + 1;
	return endless ? deeper(here) + here[0] : 0;
}

static void handler(void)
{
	volatile char top[1] = {0};

	deeper(top);
}

int main(void)
{
	idt_replace(3, (uint64_t)handler);
	__asm__ volatile("int3" : : : "memory");
	still_alive();
}
