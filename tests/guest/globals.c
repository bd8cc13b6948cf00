/* SPDX-License-Identifier: ISC */
/* Data comes as it was compiled, bss as zeros, constants where they belong. */
#include <lib/guest.h>
#include <string.h>

static int data = 42;
static int zero[5000];
static const char text[] = "constant";
static int (*const function)(const char *, const char *) = strcmp;

static int from_constructor;

__attribute__((constructor)) static void construct(void)
{
	from_constructor = data + 1;
}

int main(void)
{
	check_equal(data, 42);
	for (int i = 0; i < 5000; i++)
		check_equal(zero[i], 0);
	check_equal(function(text, "constant"), 0);
	check_equal(from_constructor, 43);
	zero[4999] = data = 1;
	check_equal(zero[4999] + data, 2);
	return 0;
}
