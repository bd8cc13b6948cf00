/* SPDX-License-Identifier: ISC */
/* guest: die page fault: execute of 0x[0-9a-f]+, which is protected */
#include <lib/guest.h>

int main(void)
{
	volatile unsigned char code[16] = {0xc3}; /* ret */

	((void (*)(void))code)();
	still_alive();
}
