/* SPDX-License-Identifier: ISC */
/* The switch alone, by the C library's swapcontext; see bench.h. */
#include "bench.h"

#include <stdlib.h>
#include <ucontext.h>

static ucontext_t here, there;
static char stack[65536];

static void swap_back(void)
{
	for (;;)
		swapcontext(&there, &here);
}

static void start(void)
{
	if (getcontext(&there))
		abort();
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	makecontext(&there, swap_back, 0);
}

static void yield(unsigned n)
{
	for (n /= 2; n; n--) /* there and back: two switches */
		swapcontext(&here, &there);
}

const struct side side_ucontext = {
	.name = "swapcontext",
	.start = start,
	.yield = yield,
};
