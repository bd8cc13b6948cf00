/* SPDX-License-Identifier: ISC */
/*
 * One of musl's own hlt instructions: asctime of a year that does not fit. In
 * ring 0 it would wait and go on; the build has made it a breakpoint.
 * guest: die breakpoint
 */
#include <lib/guest.h>
#include <time.h>

int main(void)
{
	struct tm t = {.tm_year = 999999, .tm_mday = 1};

	printf("%s\n", asctime(&t));
	still_alive();
}
