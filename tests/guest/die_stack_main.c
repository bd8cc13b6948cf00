/* SPDX-License-Identifier: ISC */
/* guest: die page fault: write of 0x[0-9a-f]+, .*\(stack overflow\) */
#include <lib/guest.h>

static volatile int endless = 1;

static int deeper(volatile char *above)
{
	volatile char here[1000];

	here[0] = above[0] + 1;
	return endless ? deeper(here) + here[0] : 0;
}

int main(void)
{
	volatile char top[1] = {0};

	printf("%d\n", deeper(top));
	still_alive();
}
