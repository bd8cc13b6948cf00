/* SPDX-License-Identifier: ISC */
/*
 * A bad boot parameter: one line, status 64, main never runs.
 * guest: args --stack=2Q
 * guest: exit 64
 * guest: says ^--stack=2Q: bad size .expected bytes with K, M or G.
 */
#include <lib/guest.h>

int main(void)
{
	puts("main ran");
	return 1;
}
