/* SPDX-License-Identifier: ISC */
/*
 * The status that main returns is told, after the exit handlers.
 * guest: exit 7
 * guest: says exit handler 2
 */
#include <stdio.h>
#include <stdlib.h>

static void handler(void)
{
	puts("exit handler 2");
}

int main(void)
{
	atexit(handler);
	return 7;
}
