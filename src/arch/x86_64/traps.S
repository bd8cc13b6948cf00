/* SPDX-License-Identifier: ISC */
/*
 * Entry points of all vectors. Every vector runs on an interrupt stack of its
 * kind (traps.c), because the interrupted code may use a red zone below its
 * stack pointer.
 */
#include <arch/x86_64/regs.h>

	.text
/*
 * Interrupts are off everywhere but in cpu_idle: events are found by looking
 * at shared memory, and an interrupt is only needed to end a sleep. Xen raises
 * the upcall again and again while an event is pending, so the upcall returns
 * with interrupts off; it needs no acknowledgement.
 *
 * While an alarm is to come (alarm.h) interrupts must stay on, so then the
 * upcall takes back what makes Xen raise it, and notes that (traps_quiet).
 *
 * Two mistakes of emulated CPUs (QEMU's SVM) are made good here:
 *  - An interrupt is taken between sti and hlt, which would then sleep with the
 *    event already there. A return address that points at the hlt is moved
 *    behind it.
 *  - An interrupt that Xen injects is taken a second time, some instructions
 *    later and though interrupts are off. Wherever that is, it returns; but
 *    if the first has not returned yet, the second has overwritten its frame:
 *
 *        cpu_idle --upcall--> upcall_entry --again--> upcall_entry
 *                  frame A                   frame B, in A's place
 *
 *    and would return to itself for ever. If the first has come from cpu_idle,
 *    that is where this goes on; otherwise nobody knows where.
 */
	.global upcall_entry
	.type upcall_entry, @function
upcall_entry:
	cmpq $idle_hlt, (%rsp)
	je upcall_at_hlt
	cmpq $upcall_entry, (%rsp)
	jb 1f
	cmpq $upcall_end, (%rsp)
	jb upcall_twice
1:	cmpq $0, traps_quiet(%rip)
	jne upcall_quiet
	jmp upcall_return
upcall_at_hlt:
	incq (%rsp)
upcall_return:
	andq $~RFLAGS_IF, 16(%rsp)
	iretq
upcall_quiet:
	pushq %rax
	movq traps_quiet(%rip), %rax
	movb $0, (%rax)
	movq traps_noted(%rip), %rax
	movb $1, (%rax)
	popq %rax
	iretq
upcall_twice:
	movq idle_stack(%rip), %rsp
	testq %rsp, %rsp
	jnz idle_awake
	movq $traps_early_stack + 4096, %rsp
	call traps_lost
upcall_end:
	.size upcall_entry, . - upcall_entry

	.global cpu_idle
	.type cpu_idle, @function
cpu_idle:
	endbr64
	movq %rsp, idle_stack(%rip)
	sti
	.global idle_hlt
idle_hlt:
	hlt
idle_awake:
	cli /* another interrupt than the upcall may have ended the sleep */
	movq $0, idle_stack(%rip)
	ret
	.size cpu_idle, . - cpu_idle

	.local idle_stack
	.comm idle_stack, 8, 8

	.global alarm_entry
alarm_entry:
	pushq $0
	pushq $0x21 /* TRAP_ALARM */
	jmp trap_common

/* 32 stubs of 16 bytes; those without an error code push 0. */
	.align 16
	.global trap_stubs
trap_stubs:
vector = 0
	.rept 32
	.align 16
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 \
		|| vector == 21 || vector == 29 || vector == 30)
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	vector = vector + 1
	.endr

	/* For debuggers: where the interrupted code's registers are. */
	.cfi_sections .debug_frame
	.macro SAVE reg
	pushq %\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm
	.macro RESTORE reg
	popq %\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm

	.type trap_common, @function
trap_common: /* vector, error code, rip, cs, flags, rsp, ss */
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa rsp, 56
	.cfi_offset rip, -40
	.cfi_offset rsp, -16
	SAVE rax
	SAVE rbx
	SAVE rcx
	SAVE rdx
	SAVE rsi
	SAVE rdi
	SAVE rbp
	SAVE r8
	SAVE r9
	SAVE r10
	SAVE r11
	SAVE r12
	SAVE r13
	SAVE r14
	SAVE r15
	cld
	movq %rsp, %rdi
	call trap_handler
	RESTORE r15
	RESTORE r14
	RESTORE r13
	RESTORE r12
	RESTORE r11
	RESTORE r10
	RESTORE r9
	RESTORE r8
	RESTORE rbp
	RESTORE rdi
	RESTORE rsi
	RESTORE rdx
	RESTORE rcx
	RESTORE rbx
	RESTORE rax
	addq $16, %rsp
	.cfi_adjust_cfa_offset -16
	iretq
	.cfi_endproc
	.size trap_common, . - trap_common
	.section .note.GNU-stack, "", @progbits
