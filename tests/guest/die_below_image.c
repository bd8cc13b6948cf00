/* SPDX-License-Identifier: ISC */
/* guest: die page fault: write of 0xfff0, which is not mapped */
#include <lib/guest.h>

int main(void)
{
	*(volatile int *)0xfff0 = 1;
	still_alive();
}
