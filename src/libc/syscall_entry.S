/* SPDX-License-Identifier: ISC */
/*
 * Where libc's `syscall` instructions land, and the way back.
 *
 * The program runs in ring 0 as we do, so this is less than a system-call entry
 * elsewhere: no swapgs (GS is always ours), no sysret (it would go to ring 3),
 * and interrupts stay as they are, because each of them has a stack of its own.
 * What is left is the stack: the program's may have a red zone below its stack
 * pointer, and a thread of libc's unmaps its own stack before it ends.
 *
 *     %gs:CPU_KERNEL_STACK   top of the stack for system calls; 0 while a call
 *                            is being served, and for tasks that run on a
 *                            stack of ours anyway: then we stay on the stack
 *                            we are on, behind the red zone.
 *
 * What is pushed is struct frame (frame.h), highest address first. Below it
 * there is room for the FPU's registers, which only a switch of tasks inside
 * the call fills (struct context).
 */
#include <arch/x86_64/regs.h>

	.text
	.global syscall_entry
	.type syscall_entry, @function
syscall_entry:
	endbr64
	movq %rsp, %gs:CPU_USER_RSP
	cmpq $0, %gs:CPU_KERNEL_STACK
	je 1f
	movq %gs:CPU_KERNEL_STACK, %rsp
	jmp 2f
1:	leaq -128(%rsp), %rsp
	andq $-16, %rsp
2:	pushq %gs:CPU_USER_RSP
	pushq %r11 /* flags */
	pushq %rcx /* instruction pointer */
	pushq %rax
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %r10
	pushq %r8
	pushq %r9
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %gs:CPU_KERNEL_STACK
	pushq $0 /* outer_fpu */
	movq $0, %gs:CPU_KERNEL_STACK
	movq %rsp, %rbp
	movq %rsp, %rdi
	movl %gs:CPU_FPU_SIZE, %eax
	subq %rax, %rsp
	andq $-64, %rsp
	movq %rsp, %rsi
	call libc_syscall
	movq %rbp, %rsp
	jmp leave

/* void frame_enter(struct frame *): go on in the program. */
	.global frame_enter
	.type frame_enter, @function
frame_enter:
	endbr64
	movq %rdi, %rsp
leave:
	addq $8, %rsp
	popq %gs:CPU_KERNEL_STACK
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r9
	popq %r8
	popq %r10
	popq %rdx
	popq %rsi
	popq %rdi
	popq %rax
	popq %rcx
	popfq
	popq %rsp
	jmp *%rcx
	.size syscall_entry, . - syscall_entry
/*
 * void frame_restore(struct trap_frame *, uint64_t kernel_stack): iretq loads
 * ip, flags and sp at once and touches nothing below the program's sp.
 */
	.global frame_restore
	.type frame_restore, @function
frame_restore:
	endbr64
	movq %rsi, %gs:CPU_KERNEL_STACK
	movq %rdi, %rsp
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
	addq $16, %rsp /* vector, error */
	iretq
	.size frame_restore, . - frame_restore
	.section .note.GNU-stack, "", @progbits
