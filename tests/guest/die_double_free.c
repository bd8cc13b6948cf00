/* SPDX-License-Identifier: ISC */
/* guest: die free of 0x[0-9a-f]+: no allocation, or freed already */
#include <lib/guest.h>

int main(void)
{
	void *volatile p = malloc(100), *volatile other = malloc(100);

	check(p && other);
	free(p);
	free(p);
	still_alive();
}
