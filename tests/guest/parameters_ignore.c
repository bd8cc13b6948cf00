/* SPDX-License-Identifier: ISC */
/*
 * A program may choose that words which it does not know are dropped: loaders
 * (Qubes) append a Linux kernel's arguments.
 * guest: args --nonsense=1 root=/dev/xvda -x one --stack=128K
 * guest: says --nonsense=1: unknown parameter ignored
 * guest: says ^root=/dev/xvda one$
 */
#include <fata/param.h>
#include <lib/guest.h>

FATA_PARAM_UNKNOWN(IGNORE);

int main(int argc, char **argv)
{
	check_equal(argc, 3);
	printf("%s %s\n", argv[1], argv[2]);
	return 0;
}
