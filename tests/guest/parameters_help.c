/* SPDX-License-Identifier: ISC */
/*
 * --help: the program's name, all parameters, status 63.
 * guest: args --help
 * guest: exit 63
 * guest: says ^parameters_help - a program that explains itself
 * guest: says ^  --colour=TEXT +of the roof .default red.
 * guest: says ^  --stack=SIZE +stack of a task .default 64K.
 * guest: says ^  -l VALUE +log levels
 */
#include <fata/param.h>
#include <lib/guest.h>

FATA_NAME("parameters_help", "a program that explains itself");

static const char *colour = "red";
FATA_PARAM_STRING(colour, "colour", "red", "of the roof");

int main(void)
{
	puts(colour);
	return 1;
}
