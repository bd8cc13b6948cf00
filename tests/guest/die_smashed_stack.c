/* SPDX-License-Identifier: ISC */
/*
 * musl's own failure path is a hlt, which the build has made a trap.
 * guest: die (stack smashed|breakpoint)
 */
#include <lib/guest.h>
#include <string.h>

static volatile size_t too_much = 64;

__attribute__((noinline)) static int victim(const char *from)
{
	char small[16];

	memcpy(small, from, too_much);
	return small[3];
}

int main(void)
{
	static char attack[64];

	memset(attack, 'A', sizeof(attack));
	printf("%d\n", victim(attack));
	still_alive();
}
