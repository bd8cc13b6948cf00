/* SPDX-License-Identifier: ISC */
/* Registers and the way here, for a panic. */
#ifndef FATA_ARCH_BACKTRACE_H
#define FATA_ARCH_BACKTRACE_H

/*
 * Write the registers of the trap that is being handled, if any, and the
 * callers by name, with platform_emergency. Reads only memory that is mapped.
 */
void backtrace_dump(void);

#endif
