/* SPDX-License-Identifier: ISC */
/*
 * The CPU: instructions that C has no words for, and per-CPU state.
 *
 * There is one virtual CPU; its state is nevertheless reached through the GS
 * base, so that there can be more later.
 */
#ifndef FATA_ARCH_CPU_H
#define FATA_ARCH_CPU_H

#include <arch/x86_64/regs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first three fields are known to assembly (regs.h, CPU_*). */
struct cpu {
	struct cpu *self;
	uint64_t kernel_stack; /* top of the running task's kernel stack */
	uint64_t user_rsp;     /* scratch of the system-call entry */
	bool fsgsbase, xsave, rdrand, rdseed;
	uint32_t fpu_size;  /* bytes that cpu_fpu_save writes */
	uint64_t fpu_mask;  /* XCR0: the parts that are saved */
	uint32_t phys_bits; /* width of a physical address */
};

extern struct cpu boot_cpu;

static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__("mov %%gs:0, %0" : "=r"(c));
	return c;
}

struct cpuid {
	uint32_t a, b, c, d;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "a"(leaf), "c"(sub));
	return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}

#define CPU_CONTROL_REGISTER(name)                                             \
	static inline uint64_t read_##name(void)                               \
	{                                                                      \
		uint64_t v;                                                    \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v));             \
		return v;                                                      \
	}                                                                      \
	static inline void write_##name(uint64_t v)                            \
	{                                                                      \
		__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory");    \
	}
CPU_CONTROL_REGISTER(cr0)
CPU_CONTROL_REGISTER(cr2)
CPU_CONTROL_REGISTER(cr3)
CPU_CONTROL_REGISTER(cr4)

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline void invlpg(const void *p)
{
	__asm__ volatile("invlpg (%0)" : : "r"(p) : "memory");
}

/* Where Xen (a debug build) and QEMU (-debugcon) take text. */
#define PORT_DEBUG 0xe9

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void cpu_interrupts(bool on)
{
	if (on)
		__asm__ volatile("sti" : : : "memory");
	else
		__asm__ volatile("cli" : : : "memory");
}

/* Features, descriptor tables; before paging and traps. */
void cpu_init(void);

/*
 * Turn interrupts on and sleep until one comes, without a gap between the two;
 * at once when an event is pending. They are off before and after.
 */
void cpu_idle(void);

/* The end where there is no hypervisor to tell. */
static inline __attribute__((noreturn)) void cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* RDSEED or RDRAND; returns how many bytes it got, 0 without either. */
size_t cpu_entropy(void *buffer, size_t n);

/* Thread pointer of the running code. */
void cpu_set_fs_base(uint64_t base);
uint64_t cpu_fs_base(void);

/* All of the FPU's state to or from 64-byte aligned memory of fpu_size. */
void cpu_fpu_save(void *area);
void cpu_fpu_load(const void *area);

/* Use this stack for the interrupt-stack-table entry n (1 to 7). */
void cpu_set_ist(unsigned n, void *top);

#endif
