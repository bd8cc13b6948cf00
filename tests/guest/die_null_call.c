/* SPDX-License-Identifier: ISC */
/* guest: die page fault: execute of 0, which is not mapped \(null pointer */
#include <lib/guest.h>

static void (*volatile nothing)(void);

int main(void)
{
	nothing();
	still_alive();
}
