/* SPDX-License-Identifier: ISC */
/*
 * The stack protector of Fata's own code. (Programs use the one at %fs:0x28,
 * which libc's start sets from random_bytes.)
 */
#include <arch/x86_64/cpu.h>
#include <fata/end.h>

uintptr_t __stack_chk_guard;
void ssp_init(void);
void __stack_chk_fail(void) __attribute__((noreturn));

/* Spread each bit of the input over the whole word (splitmix64). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/*
 * The first C code that runs. Without a hardware generator the canary is made
 * of the cycle counter, read many times around a serialising instruction
 * whose time varies.
 */
__attribute__((no_stack_protector)) void
ssp_init(void)
{
	uint64_t v = rdtsc(), r;

	for (int i = 0; i < 64; i++) {
		cpuid(0, 0);
		v = mix(v + rdtsc());
	}
	if (cpuid(1, 0).c & (1u << 30)) {
		bool ok;

		__asm__ volatile("rdrand %0; setc %1"
				 : "=r"(r), "=qm"(ok)
				 :
				 : "cc");
		v ^= ok ? r : 0;
	}
	/* A zero byte stops a string copy from carrying the canary along. */
	__stack_chk_guard = v & ~0xffull;
}

void __stack_chk_fail(void)
{
	fata_panic("stack smashed (in a function that returns to %p)",
		   __builtin_return_address(0));
}
