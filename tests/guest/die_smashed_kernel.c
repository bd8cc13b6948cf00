/* SPDX-License-Identifier: ISC */
/*
 * The platform's own stack protector: while a function of its own waits for one
 * of ours to return, the canary that it will compare its copy with is changed.
 *
 * guest: args --metrics=10ms
 * guest: die stack smashed \(in a function that returns to 0x
 */
#include <fata/metrics.h>
#include <fata/task.h>
#include <lib/guest.h>

extern uintptr_t canary __asm__("fata$__stack_chk_guard");

static uint64_t spoil(void)
{
	canary ^= 0xff00;
	return 0;
}
FATA_METRIC_GAUGE_FN(spoil, "test.spoil");

int main(void)
{
	fata_sleep(FATA_NS_PER_S);
	still_alive();
}
