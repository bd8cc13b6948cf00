/* SPDX-License-Identifier: ISC */
/* guest: die heap */
#include <lib/guest.h>

static volatile size_t beyond = 24;

int main(void)
{
	volatile char *p = malloc(24);

	check(p);
	p[beyond] = 1;
	free((void *)p);
	still_alive();
}
