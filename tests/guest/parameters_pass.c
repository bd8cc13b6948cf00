/* SPDX-License-Identifier: ISC */
/*
 * A program that takes its arguments apart itself gets those that are no
 * parameters of the platform.
 * guest: args -v --stack=128K --level=3 file
 * guest: says ^-v --level=3 file$
 */
#include <fata/param.h>
#include <lib/guest.h>

FATA_PARAM_UNKNOWN(PASS);

int main(int argc, char **argv)
{
	check_equal(argc, 4);
	printf("%s %s %s\n", argv[1], argv[2], argv[3]);
	return 0;
}
