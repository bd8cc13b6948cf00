/* SPDX-License-Identifier: ISC */
/*
 * abort and a failed assert: musl ends them with a hlt when no signal kills.
 * guest: exit 134
 * guest: says Assertion.* .?1 == 2
 */
#include <assert.h>
#include <lib/guest.h>

int main(void)
{
	assert(1 == 2);
	still_alive();
}
