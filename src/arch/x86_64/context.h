/* SPDX-License-Identifier: ISC */
/*
 * The CPU's part of a task, as src/libc needs to see it.
 */
#ifndef FATA_ARCH_CONTEXT_H
#define FATA_ARCH_CONTEXT_H

#include <stdint.h>

struct context {
	uint64_t sp;
	/*
	 * The thread pointer; 0: context_default_fs. While the task runs the
	 * register is the truth; whoever changes the register changes this too.
	 */
	uint64_t fs_base;
	uint64_t kernel_stack; /* top; 0: none yet. Kept in struct cpu while
				  the task runs */
	/*
	 * Non-null only while the task is inside a system call: where a switch
	 * saves the FPU (64-byte aligned, this_cpu()->fpu_size bytes).
	 */
	void *fpu;
};

/*
 * For tasks without a thread pointer of their own: callbacks of the program run
 * on any task's stack and may look at thread-local variables.
 */
extern uint64_t context_default_fs;

#endif
