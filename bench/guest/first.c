/* SPDX-License-Identifier: ISC */
/* The guest of bench/boot.sh: when main begins, counted from the entry. */
#include <fata/boot.h>
#include <fata/clock.h>
#include <stdio.h>

int main(void)
{
	uint64_t now = clock_mono_ns();

	printf("first line after %.6f\n", (now - boot_entry_ns()) / 1e9);
	return 0;
}
