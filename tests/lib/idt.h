/* SPDX-License-Identifier: ISC */
/*
 * The CPU's table of interrupt gates, for tests that put a handler of their own
 * there: a copy that they may write, ours being sealed.
 */
#ifndef LIB_IDT_H
#define LIB_IDT_H

#include <stdint.h>
#include <string.h>

#define IDT_GATES 33 /* the CPU's own, and the upcall */

struct idt_gate {
	uint16_t offset0, selector;
	uint8_t ist, type;
	uint16_t offset1;
	uint32_t offset2, reserved;
} __attribute__((packed));

/* Vector `which` leads to `entry` from now on; where it led before. */
static inline uint64_t idt_replace(unsigned which, uint64_t entry)
{
	static struct idt_gate mine[IDT_GATES];
	struct {
		uint16_t limit;
		struct idt_gate *base;
	} __attribute__((packed)) table;
	struct idt_gate *g = &mine[which];
	uint64_t before;

	__asm__ volatile("sidt %0" : "=m"(table));
	memcpy(mine, table.base, sizeof(mine));
	before = g->offset0 | (uint64_t)g->offset1 << 16 |
		 (uint64_t)g->offset2 << 32;
	g->offset0 = (uint16_t)entry;
	g->offset1 = (uint16_t)(entry >> 16);
	g->offset2 = (uint32_t)(entry >> 32);
	table.base = mine;
	__asm__ volatile("lidt %0" : : "m"(table) : "memory");
	return before;
}

#endif
