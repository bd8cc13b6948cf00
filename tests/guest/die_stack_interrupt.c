/* SPDX-License-Identifier: ISC */
/*
 * Code that runs on an interrupt stack and uses all of it. The breakpoint's
 * return address is on that stack; the handler of our own that runs there is
 * entered through a table of our own with the kernel's stack number kept.
 * guest: die page fault: write of 0x[0-9a-f]+, .*\(stack overflow\)
 */
#include <lib/guest.h>
#include <stdint.h>

struct gate {
	uint16_t offset0, selector;
	uint8_t ist, type;
	uint16_t offset1;
	uint32_t offset2, reserved;
} __attribute__((packed));

struct table {
	uint16_t limit;
	struct gate *base;
} __attribute__((packed));

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
	struct gate mine[33];
	struct table table;
	uint64_t entry = (uint64_t)handler;

	__asm__ volatile("sidt %0" : "=m"(table));
	for (unsigned i = 0; i < 33; i++)
		mine[i] = table.base[i];
	mine[3].offset0 = (uint16_t)entry;
	mine[3].offset1 = (uint16_t)(entry >> 16);
	mine[3].offset2 = (uint32_t)(entry >> 32);
	table.base = mine;
	__asm__ volatile("lidt %0; int3" : : "m"(table) : "memory");
	still_alive();
}
