/* SPDX-License-Identifier: ISC */
/*
 * The alarm: an interrupt at a given moment, of the CPU's own timer (the local
 * APIC's), that takes a computing program out of what it does.
 *
 * Only for a signal that is due while its program makes no system call; nothing
 * else is ever preempted. While no alarm is set the timer stands still and
 * interrupts are off as ever (traps.S). The platform's own code is never
 * interrupted: an alarm that finds it at work (by its address, fata$kernel_end)
 * comes again a little later, until it finds the program.
 *
 *     set --> interrupt --+--> in the program: alarm_program, once
 *                         |
 *                         +--> in the platform: again after 50 us
 *                         |
 *                         +--> asleep: nothing, the loop's timers see to it
 */
#ifndef FATA_ARCH_ALARM_H
#define FATA_ARCH_ALARM_H

#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

/*
 * Make it usable: 0, -ENOTSUP when the CPU has no x2APIC, -ENOMEM. Again: does
 * nothing.
 */
int alarm_init(void);

/* Ring once, so many nanoseconds from now; 0: never. Interrupts must be on. */
void alarm_set(uint64_t ns);

/*
 * Called on the alarm's stack, for code of the program; what it changes in the
 * registers holds on return. False: not now, again a little later.
 */
extern bool (*alarm_program)(struct trap_frame *r);

/* The interrupt (traps.c). */
void alarm_interrupt(struct trap_frame *r);

#endif
