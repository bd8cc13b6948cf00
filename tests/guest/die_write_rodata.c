/* SPDX-License-Identifier: ISC */
/* guest: die page fault: write of 0x[0-9a-f]+, which is protected */
#include <lib/guest.h>

static const volatile int constant = 5;

int main(void)
{
	*(volatile int *)&constant = 6;
	still_alive();
}
