/* SPDX-License-Identifier: ISC */
/* guest: die heap */
#include <lib/guest.h>

static char not_heap[64];

int main(void)
{
	void *volatile p = not_heap + 16;

	free(p);
	still_alive();
}
