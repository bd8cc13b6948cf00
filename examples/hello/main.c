/* SPDX-License-Identifier: ISC */
/*
 * The first example: ordinary C that greets, as a guest of Xen.
 *
 *     make run
 *     build/fata run build/examples/hello.xen --name=Ada --times=2
 */
#include <fata/manifest.h>
#include <fata/param.h>
#include <stdio.h>

FATA_NAME("hello", "greets, and ends");

static const char *name = "world";
FATA_PARAM_STRING(name, "name", "world", "who is greeted");

static uint64_t times = 1;
FATA_PARAM_UINT(times, "times", "1", "how often");

int main(int argc, char **argv)
{
	for (uint64_t i = 0; i < times; i++)
		printf("Hello, %s, from a Xen guest\n", name);
	for (int i = 1; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	return 0;
}
