/* SPDX-License-Identifier: ISC */
/* guest: die page fault: read of 0x10, which is not mapped \(null pointer */
#include <lib/guest.h>

static volatile int *volatile null = (int *)16;

int main(void)
{
	printf("%d\n", *null);
	still_alive();
}
