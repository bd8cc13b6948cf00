/* SPDX-License-Identifier: ISC */
/*
 * The PML4 is visible at the address that its own entry 510 makes, read-only.
 * guest: die page fault: write of 0xffffff7fbfdfe..., which is protected
 */
#include <lib/guest.h>
#include <stdint.h>

int main(void)
{
	volatile uint64_t *pml4 = (uint64_t *)0xffffff7fbfdfe000;

	check(pml4[510] & 1); /* present: it is where we think it is */
	pml4[0] = pml4[0] | 2;
	still_alive();
}
