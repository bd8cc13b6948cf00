/* SPDX-License-Identifier: ISC */
/* guest: die page fault: write of 0x[0-9a-f]+, which is protected */
#include <lib/guest.h>

int main(void)
{
	*(volatile char *)main = 0;
	still_alive();
}
