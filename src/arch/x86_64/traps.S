/* SPDX-License-Identifier: ISC */
/*
 * Entry points of all vectors. Every vector but the upcall's runs on an
 * interrupt stack of its kind (traps.c), because the interrupted code may use a
 * red zone below its stack pointer.
 */
#include <arch/x86_64/regs.h>

	.text
/*
 * Interrupts are off everywhere but in cpu_idle: events are found by looking
 * at shared memory, and an interrupt is only needed to end a sleep. Xen raises
 * the upcall again and again while an event is pending, so the upcall returns
 * with interrupts off; it needs no acknowledgement.
 *
 * Some emulated CPUs take an interrupt between sti and hlt and would then
 * sleep with the event already there, so a return address that points at
 * cpu_idle's hlt is moved behind it.
 *
 * They also deliver the upcall twice now and then, the second time before the
 * first instruction here and with interrupts off. So it stays on the stack of
 * cpu_idle, which has no red zone: each delivery has a frame of its own, and
 * the second returns into the first. On an interrupt stack the second frame
 * would overwrite the first and return to itself for ever.
 */
	.global upcall_entry
	.type upcall_entry, @function
upcall_entry:
	andq $~RFLAGS_IF, 16(%rsp)
	cmpq $idle_hlt, (%rsp)
	jne 1f
	incq (%rsp)
1:	iretq
	.size upcall_entry, . - upcall_entry

	.global cpu_idle
	.type cpu_idle, @function
cpu_idle:
	endbr64
	sti
idle_hlt:
	hlt
	cli /* another interrupt than the upcall may have ended the sleep */
	ret
	.size cpu_idle, . - cpu_idle

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

	.type trap_common, @function
trap_common:
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	call trap_handler
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rbp
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rbx
	popq %rax
	addq $16, %rsp
	iretq
	.size trap_common, . - trap_common
	.section .note.GNU-stack, "", @progbits
