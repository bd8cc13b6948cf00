/* SPDX-License-Identifier: ISC */
/*
 * The CPU's start: what it offers is switched on, its tables are ours.
 */
#include <arch/x86_64/cpu.h>
#include <arch/x86_64/traps.h>
#include <string.h>

struct cpu boot_cpu = {.self = &boot_cpu};

/* Hardware's task state segment: here only the interrupt stacks. */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

static struct tss tss = {.io_map = sizeof(struct tss)};

/* null, 64-bit code, data, and the TSS's two slots. */
static uint64_t gdt[5] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

void cpu_set_ist(unsigned n, void *top)
{
	tss.ist[n - 1] = (uint64_t)top;
}

static void load_tables(void)
{
	struct table t = {sizeof(gdt) - 1, (uint64_t)gdt};
	uint64_t base = (uint64_t)&tss;

	gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	__asm__ volatile("lgdt %0" : : "m"(t));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	__asm__ volatile("lidt (%0)" : : "r"(traps_table()) : "memory");
}

/* XSAVE with whatever of x87, SSE, AVX and AVX-512 the CPU has. */
static void fpu_init(struct cpu *c, const struct cpuid *one)
{
	struct cpuid x;

	c->fpu_size = 512;
	c->xsave = one->c & (1u << 26);
	if (!c->xsave)
		return;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	x = cpuid(13, 0);
	c->fpu_mask = ((uint64_t)x.d << 32 | x.a) & 0xe7;
	if ((c->fpu_mask & 0xe0) != 0xe0)
		c->fpu_mask &= 0x7; /* AVX-512 comes as a whole */
	if (!(one->c & (1u << 28)))
		c->fpu_mask &= 0x3;
	__asm__ volatile("xsetbv"
			 :
			 : "c"(0), "a"((uint32_t)c->fpu_mask),
			   "d"((uint32_t)(c->fpu_mask >> 32)));
	c->fpu_size = cpuid(13, 0).b;
}

void cpu_init(void)
{
	struct cpu *c = &boot_cpu;
	uint32_t last = cpuid(0, 0).a;
	struct cpuid one = cpuid(1, 0), seven = {0, 0, 0, 0};
	uint64_t cr4 = read_cr4();

	wrmsr(MSR_GS_BASE, (uint64_t)c);
	load_tables();
	if (last >= 7)
		seven = cpuid(7, 0);
	c->rdrand = one.c & (1u << 30);
	c->rdseed = seven.b & (1u << 18);
	c->fsgsbase = seven.b & 1;
	c->phys_bits = 36;
	if (cpuid(0x80000000, 0).a >= 0x80000008)
		c->phys_bits = cpuid(0x80000008, 0).a & 0xff;
	if (c->fsgsbase)
		cr4 |= CR4_FSGSBASE;
	if (seven.b & (1u << 7))
		cr4 |= CR4_SMEP;
	if (seven.b & (1u << 20))
		cr4 |= CR4_SMAP;
	if (seven.c & (1u << 2))
		cr4 |= CR4_UMIP;
	write_cr4(cr4);
	fpu_init(c, &one);
}

static bool rdseed64(uint64_t *v)
{
	bool ok;

	__asm__ volatile("rdseed %0; setc %1" : "=r"(*v), "=qm"(ok) : : "cc");
	return ok;
}

static bool rdrand64(uint64_t *v)
{
	bool ok;

	__asm__ volatile("rdrand %0; setc %1" : "=r"(*v), "=qm"(ok) : : "cc");
	return ok;
}

/* The generators may run dry for a moment (SDM 7.3.17): a few tries each. */
static bool entropy64(uint64_t *v)
{
	for (int i = 0; boot_cpu.rdseed && i < 32; i++) {
		if (rdseed64(v))
			return true;
		__asm__ volatile("pause");
	}
	for (int i = 0; boot_cpu.rdrand && i < 16; i++)
		if (rdrand64(v))
			return true;
	return false;
}

size_t cpu_entropy(void *buffer, size_t n)
{
	unsigned char *p = buffer;
	size_t done = 0;
	uint64_t v;

	while (done < n && entropy64(&v)) {
		size_t part = n - done < 8 ? n - done : 8;

		memcpy(p + done, &v, part);
		done += part;
	}
	return done;
}

void cpu_set_fs_base(uint64_t base)
{
	if (boot_cpu.fsgsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		wrmsr(MSR_FS_BASE, base);
}

uint64_t cpu_fs_base(void)
{
	uint64_t base;

	if (!boot_cpu.fsgsbase)
		return rdmsr(MSR_FS_BASE);
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

void cpu_fpu_save(void *area)
{
	const struct cpu *c = this_cpu();

	if (c->xsave)
		__asm__ volatile("xsave64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)c->fpu_mask),
				   "d"((uint32_t)(c->fpu_mask >> 32))
				 : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void cpu_fpu_load(const void *area)
{
	const struct cpu *c = this_cpu();

	if (c->xsave)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)c->fpu_mask),
				   "d"((uint32_t)(c->fpu_mask >> 32))
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}
