/* SPDX-License-Identifier: ISC */
/*
 * The panic names the function, tells the registers and the last log lines.
 * guest: die invalid opcode
 * guest: says   ax  00000000000000aa
 * guest: says   0x[0-9a-f]+ in_here\+0x[0-9a-f]+
 * guest: says   0x[0-9a-f]+ main\+0x[0-9a-f]+
 * guest: says last words
 */
#include <fata/log.h>
#include <lib/guest.h>

FATA_LOG_SOURCE("test");

__attribute__((noinline, noclone)) static int in_here(int n)
{
	__asm__ volatile("ud2" : : "a"(0xaaul));
	return n + 1;
}

int main(void)
{
	volatile int n = 1;

	log_debug("last words");
	n = in_here(n) + n;
	still_alive();
}
