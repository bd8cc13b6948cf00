/* SPDX-License-Identifier: ISC */
/* guest: die free of 0x[0-9a-f]+: no allocation, or freed already */
#include <lib/guest.h>

static char not_heap[64];

int main(void)
{
	void *volatile p = not_heap + 16;

	free(p);
	still_alive();
}
