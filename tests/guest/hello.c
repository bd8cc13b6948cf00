/* SPDX-License-Identifier: ISC */
/*
 * guest: says hello from fata with 3 words: one, two words
 * guest: args one "two words"
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("hello from %s with %d words: %s, %s\n", argv[0], argc, argv[1],
	       argv[2]);
	return argc == 3 ? 0 : 1;
}
