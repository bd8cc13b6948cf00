/* SPDX-License-Identifier: ISC */
/*
 * Bits of the CPU's registers and page tables (Intel SDM vol. 3A, AMD APM 2);
 * for C and assembly.
 */
#ifndef FATA_ARCH_REGS_H
#define FATA_ARCH_REGS_H

#define CR0_PE 0x1
#define CR0_MP 0x2
#define CR0_NE 0x20
#define CR0_WP 0x10000
#define CR0_PG 0x80000000

#define CR4_PAE 0x20
#define CR4_PGE 0x80
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400
#define CR4_UMIP 0x800
#define CR4_FSGSBASE 0x10000
#define CR4_OSXSAVE 0x40000
#define CR4_SMEP 0x100000
#define CR4_SMAP 0x200000

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC 0xc00 /* on, and in that mode */
#define MSR_EFER 0xc0000080
#define EFER_SCE 0x1
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101

#define PTE_P 0x1
#define PTE_W 0x2
#define PTE_U 0x4
#define PTE_PS 0x80
#define PTE_NX 0x8000000000000000

#define RFLAGS_IF 0x200

/* Page-fault error code. */
#define PF_PRESENT 0x1
#define PF_WRITE 0x2
#define PF_FETCH 0x10

/* Selectors of cpu.c's descriptor table. */
#define SEL_CODE 8
#define SEL_DATA 16
#define SEL_TSS 24

/* Offsets into struct cpu (cpu.h), reached through %gs. */
#define CPU_SELF 0
#define CPU_KERNEL_STACK 8
#define CPU_USER_RSP 16
#define CPU_FPU_SIZE 28

#endif
