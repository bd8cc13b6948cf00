/* SPDX-License-Identifier: ISC */
/* guest: die page fault: write of 0x[0-9a-f]+, which is protected */
#include <lib/guest.h>

static const char constant[] = "constant";

int main(void)
{
	*(volatile char *)constant = 'C';
	still_alive();
}
