/* SPDX-License-Identifier: ISC */
/*
 * The first instructions: from Xen's PVH entry, or a multiboot loader's, to C.
 *
 * Both enter in 32-bit protected mode with flat segments, paging off and
 * interrupts off:
 *
 *     PVH        ebx = struct hvm_start_info   (Xen docs/misc/pvh.pandoc)
 *     multiboot  eax = 0x2badb002, ebx = multiboot information
 *
 * Here: a boot stack, page tables that map the first 4 GiB as they are (2 MiB
 * pages, writable and executable, replaced by paging_init), SSE on, 64-bit
 * mode, a random stack canary, then start(eax, ebx). The boot tables and the
 * boot trap stack are given to the page allocator afterwards.
 */
#include <arch/x86_64/regs.h>

#define ELFNOTE_PHYS32_ENTRY 18 /* xen/include/public/elfnote.h */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 0x3 /* page-align modules, give a memory map */

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long entry

	/* The host's kernel finds no such interpreter: not its program. */
	.section .interp.fata, "a"
	.ascii "nonexistent/fata"

	.section .entry, "ax"
	.code32
	.align 4
multiboot_header: /* within the first 8 KiB of the file's image */
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS
	.long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.global entry
entry:
	cld
	cli
	movl %eax, %ebp
	rdtsc /* as early as can be: boot_entry_ns */
	movl %eax, entry_tsc
	movl %edx, entry_tsc + 4
	movl $boot_stack_top, %esp

	/* PML4[0] -> PDPT[0..3] -> 4 x PD of 2 MiB pages */
	movl $boot_pdpt + PTE_P + PTE_W, boot_pml4
	movl $boot_pd + PTE_P + PTE_W, %eax
	movl $boot_pdpt, %edi
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 1b
	movl $PTE_P + PTE_W + PTE_PS, %eax
	movl $boot_pd, %edi
	movl $4 * 512, %ecx
2:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 2b

	movl $boot_pml4, %eax
	movl %eax, %cr3
	movl $CR4_PAE + CR4_OSFXSR + CR4_OSXMMEXCPT, %eax
	movl %eax, %cr4
	movl %ebx, %esi
	movl $0x80000001, %eax
	cpuid
	movl %esi, %ebx
	shrl $9, %edx /* NX, bit 20, to EFER_NXE: without it main.c ends here */
	andl $EFER_NXE, %edx
	movl %edx, %edi
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME + EFER_SCE, %eax
	orl %edi, %eax
	wrmsr
	movl $CR0_PE + CR0_MP + CR0_NE + CR0_WP + CR0_PG, %eax
	movl %eax, %cr0
	lgdt boot_gdtr
	ljmp $8, $entry64

	.code64
entry64:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl $16, %eax
	movl %eax, %ss
	fninit
	ldmxcsr default_mxcsr(%rip)
	call ssp_init /* before the first function with a stack protector */
	movl %ebp, %edi
	movl %ebx, %esi
	xorl %ebp, %ebp
	call start
	ud2

	.section .rodata.entry, "a"
	.align 8
	.global default_mxcsr
default_mxcsr:
	.long 0x1f80
boot_gdtr:
	.word boot_gdt_end - boot_gdt - 1
	.long boot_gdt
	.align 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 8: 64-bit code */
	.quad 0x00cf93000000ffff /* 16: data */
boot_gdt_end:

	.section .data.entry, "aw"
	.align 8
	.global entry_tsc
entry_tsc:
	.quad 0

	.section .bss.boot, "aw", @nobits
	.align 4096
	.global boot_tables
boot_tables:
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.global boot_tables_end
boot_tables_end:
	.global boot_stack
boot_stack:
	.skip 16384
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
