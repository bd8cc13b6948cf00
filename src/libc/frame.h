/* SPDX-License-Identifier: ISC */
/*
 * The program's registers as a system call left them (syscall_entry.S pushes
 * and pops them in this order), and the entries that are assembly.
 */
#ifndef FATA_LIBC_FRAME_H
#define FATA_LIBC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct frame {
	uint64_t unused;
	uint64_t kernel_stack; /* for %gs:CPU_KERNEL_STACK, on leaving */
	uint64_t r15, r14, r13, r12, bp, bx, r9, r8, r10, dx, si, di;
	uint64_t ax; /* in: the call's number; out: its result */
	uint64_t ip, flags, sp;
};

/* The entry; its address goes into the CPU's LSTAR register. */
extern char syscall_entry[];

/* Leave the kernel: go on in the program with these registers. */
__attribute__((noreturn)) void frame_enter(struct frame *f);

/* What the entry calls; fpu: room for a switch's FPU state, 64-byte aligned. */
void libc_syscall(struct frame *f, void *fpu);

/* The loop's loop_callbacks (core/loop.h). */
void libc_callbacks(bool begin);

#endif
