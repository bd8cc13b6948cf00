/* SPDX-License-Identifier: ISC */
/*
 * The program's registers as a system call left them (syscall_entry.S pushes
 * and pops them in this order), and the entries that are assembly.
 */
#ifndef FATA_LIBC_FRAME_H
#define FATA_LIBC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

struct frame {
	void *outer_fpu; /* context.fpu as it was before this call */
	uint64_t kernel_stack; /* for %gs:CPU_KERNEL_STACK, on leaving */
	uint64_t r15, r14, r13, r12, bp, bx, r9, r8, r10, dx, si, di;
	uint64_t ax; /* in: the call's number; out: its result */
	uint64_t ip, flags, sp;
};

/* The entry; its address goes into the CPU's LSTAR register. */
extern char syscall_entry[];

/* Leave the kernel: go on in the program with these registers. */
__attribute__((noreturn)) void frame_enter(struct frame *f);

/* The same with every register, and this kernel_stack, from a trap's frame. */
__attribute__((noreturn)) void frame_restore(struct trap_frame *r,
					     uint64_t kernel_stack);

/* What the entry calls; fpu: room for a switch's FPU state, 64-byte aligned. */
void libc_syscall(struct frame *f, void *fpu);

/* The loop's loop_callbacks (core/loop.h). */
void libc_callbacks(bool begin);

#endif
