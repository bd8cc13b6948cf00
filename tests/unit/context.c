/* SPDX-License-Identifier: ISC */
/*
 * Vector registers over a switch of tasks inside a system call, by the real
 * code, which is compiled in here under other names and run on this machine's
 * CPU: emulated labs have no XSAVE, so this is where AVX and AVX-512 are seen.
 *
 *     first                      second
 *     load a; switch  ------->   load b; switch
 *     look for a; load; switch   <-------
 */
#include "unit/unit.h"

#include <asm/prctl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#pragma GCC push_options
#pragma GCC target("general-regs-only") /* as all kernel code */
#define platform_context_size arch_context_size
#define platform_context_init arch_context_init
#define platform_context_adopt arch_context_adopt
#define platform_context_switch arch_context_switch
#define platform_context_destroy arch_context_destroy
#include "arch/x86_64/cpu.c"

#include "arch/x86_64/context.c"
#pragma GCC pop_options

const void *traps_table(void)
{
	return NULL; /* for cpu_init, which does not run here */
}

#define ROUNDS	 100
#define REGISTER 64 /* bytes of the widest */

static struct context first, second;
static char area[2][8192] __attribute__((aligned(64)));
static char stack[65536] __attribute__((aligned(64)));
static uint8_t in[2][32 * REGISTER], out[2][32 * REGISTER];

#define EACH16(op)                                                             \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10)     \
		op(11) op(12) op(13) op(14) op(15)
#define EACH32(op)                                                             \
	EACH16(op)                                                             \
	op(16) op(17) op(18) op(19) op(20) op(21) op(22) op(23) op(24) op(25)  \
		op(26) op(27) op(28) op(29) op(30) op(31)
#define LOAD_X(n) "movups 64*" #n "(%[in]), %%xmm" #n "\n\t"
#define SAVE_X(n) "movups %%xmm" #n ", 64*" #n "(%[out])\n\t"
#define LOAD_Y(n) "vmovups 64*" #n "(%[in]), %%ymm" #n "\n\t"
#define SAVE_Y(n) "vmovups %%ymm" #n ", 64*" #n "(%[out])\n\t"
#define LOAD_Z(n) "vmovups 64*" #n "(%[in]), %%zmm" #n "\n\t"
#define SAVE_Z(n) "vmovups %%zmm" #n ", 64*" #n "(%[out])\n\t"

/* Load all registers, switch to the other, look what is in them afterwards. */
#define SWITCH(each, width)                                                    \
	__asm__ volatile(each(LOAD_##width) "call arch_context_switch\n\t"     \
			 each(SAVE_##width)                                    \
			 : "+D"(from), "+S"(to)                                \
			 : [in] "r"(i), [out] "r"(o)                           \
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11",      \
			   "memory")

__attribute__((noinline)) static void go(struct context *from,
					 struct context *to)
{
	register uint8_t *i __asm__("rbx") = in[from == &second];
	register uint8_t *o __asm__("r12") = out[from == &second];

	if ((boot_cpu.fpu_mask & 0xe0) == 0xe0)
		SWITCH(EACH32, Z);
	else if (boot_cpu.fpu_mask & 4)
		SWITCH(EACH16, Y);
	else
		SWITCH(EACH16, X);
}

/* How much of how many registers there is to look at. */
static void compare(int who)
{
	bool z = (boot_cpu.fpu_mask & 0xe0) == 0xe0;
	size_t wide = z ? 64 : boot_cpu.fpu_mask & 4 ? 32 : 16;

	for (int n = 0; n < (z ? 32 : 16); n++)
		assert_memory_equal(in[who] + n * REGISTER,
				    out[who] + n * REGISTER, wide);
}

static void fill(int who)
{
	for (size_t n = 0; n < sizeof(in[who]); n++)
		in[who][n] = (uint8_t)rand();
}

static void other(void *arg)
{
	(void)arg;
	for (;;) {
		fill(1);
		go(&second, &first);
		compare(1);
	}
}

static void rounds(bool xsave, uint64_t mask)
{
	boot_cpu.self = &boot_cpu;
	boot_cpu.fsgsbase = true;
	boot_cpu.xsave = xsave;
	boot_cpu.fpu_mask = mask;
	boot_cpu.fpu_size = xsave ? cpuid(13, 0).b : 512;
	assert_in_range(boot_cpu.fpu_size, 512, sizeof(area[0]));
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &boot_cpu), 0);
	memset(area, 0, sizeof(area));
	arch_context_init(&second, stack, sizeof(stack), other, NULL);
	first.fs_base = second.fs_base = 1; /* the same: not touched */
	first.fpu = area[0];
	second.fpu = area[1];
	for (int n = 0; n < ROUNDS; n++) {
		fill(0);
		go(&first, &second);
		compare(0);
	}
}

/* What the host's kernel has switched on (XGETBV). */
static uint64_t offered(void)
{
	uint32_t a, d;

	if (!(cpuid(1, 0).c & 1u << 27))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return ((uint64_t)d << 32 | a) & 0xe7;
}

static void by_fxsave(void **state)
{
	(void)state;
	rounds(false, 0);
}

static void sse_by_xsave(void **state)
{
	(void)state;
	if (!offered())
		skip();
	rounds(true, 3);
}

static void avx(void **state)
{
	(void)state;
	if (!(offered() & 4))
		skip();
	rounds(true, 7);
}

static void avx512(void **state)
{
	(void)state;
	if ((offered() & 0xe0) != 0xe0)
		skip();
	rounds(true, 0xe7);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(by_fxsave),
	cmocka_unit_test(sse_by_xsave),
	cmocka_unit_test(avx),
	cmocka_unit_test(avx512),
};

UNIT_MAIN("context", tests)
