/* SPDX-License-Identifier: ISC */
/*
 * Traps and interrupts: what the CPU reports, and where it goes.
 */
#ifndef FATA_ARCH_TRAPS_H
#define FATA_ARCH_TRAPS_H

#include <stdbool.h>
#include <stdint.h>

/* The vector on which the platform's events arrive. */
#define TRAP_UPCALL 0x20
/* The alarm's (alarm.h). */
#define TRAP_ALARM 0x21
#define TRAP_VECTORS 0x22

/* Registers at a trap, as traps.S pushes them. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t bp, di, si, dx, cx, bx, ax;
	uint64_t vector, error; /* error: 0 where the CPU gives none */
	uint64_t ip, cs, flags, sp, ss;
};

/* For the lidt instruction: limit and base of the interrupt table. */
const void *traps_table(void);

/* The size of an interrupt stack. */
#define TRAP_STACK 8192

/* Fill the table; every vector on the boot trap stack. */
void traps_init(void);

/* Give each kind of vector a guarded stack of its own. 0 or -ENOMEM. */
int traps_stacks_init(void);

/* Give the alarm its stack: the top, or NULL when memory is short. */
char *traps_alarm_stack(void);

/* The trap that is being handled, or NULL; for the panic's dump. */
const struct trap_frame *traps_current(void);

/*
 * While not NULL, interrupts stay on: an upcall that does not end a sleep
 * clears *traps_quiet, which has Xen raise it, and sets *traps_noted.
 */
extern uint8_t *traps_quiet, *traps_noted;

/* An interrupt has overwritten where another came from: the end. */
__attribute__((noreturn)) void traps_lost(void);

/*
 * Called for what is not a page that comes at the first touch; it may turn a
 * program's fault into a signal: true when the frame, which it has changed, is
 * to be gone on from. The address means something for page faults only.
 */
extern bool (*traps_fault)(struct trap_frame *f, uint64_t address);

#endif
