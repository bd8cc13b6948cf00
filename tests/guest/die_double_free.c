/* SPDX-License-Identifier: ISC */
/* guest: die heap */
#include <lib/guest.h>

int main(void)
{
	void *volatile p = malloc(100), *volatile other = malloc(100);

	check(p && other);
	free(p);
	free(p);
	still_alive();
}
