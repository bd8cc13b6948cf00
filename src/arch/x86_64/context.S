/* SPDX-License-Identifier: ISC */
/*
 * Switching stacks. Called as a C function, so only what the ABI wants
 * preserved is saved: rbx, rbp, r12 to r15, and the FPU's control words.
 *
 *     void context_switch(uint64_t *save_sp, uint64_t new_sp)
 */
	.text
	.global context_switch
	.type context_switch, @function
context_switch:
	endbr64
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	subq $8, %rsp
	stmxcsr (%rsp)
	fnstcw 4(%rsp)
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	ldmxcsr (%rsp)
	fldcw 4(%rsp)
	addq $8, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size context_switch, . - context_switch

/* A new context "returns" to here with fn in rbx and arg in r12. */
	.global context_start
	.type context_start, @function
context_start:
	movq %r12, %rdi
	xorl %ebp, %ebp
	call *%rbx
	ud2
	.size context_start, . - context_start
	.section .note.GNU-stack, "", @progbits
