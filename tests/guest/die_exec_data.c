/* SPDX-License-Identifier: ISC */
/* guest: die page fault: execute of 0x[0-9a-f]+, which is protected */
#include <lib/guest.h>

static unsigned char code[] = {0xc3}; /* ret */

int main(void)
{
	((void (*)(void))code)();
	still_alive();
}
