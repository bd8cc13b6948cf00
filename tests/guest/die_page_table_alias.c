/* SPDX-License-Identifier: ISC */
/*
 * The frame that CR3 names is mapped nowhere else.
 * guest: die page fault: (read|write) of 0x[0-9a-f]+, which is not mapped
 */
#include <lib/guest.h>
#include <stdint.h>

int main(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	*(volatile uint64_t *)cr3 = 0;
	still_alive();
}
