/* SPDX-License-Identifier: ISC */
/*
 * The hypercalls that Fata makes, as plain functions.
 *
 * The image links hypercall.c, whose functions execute the instruction; the
 * test simulator links its own. Each returns what Xen returns: 0 or a count,
 * or a negative errno (Xen's numbers are Linux's). Arguments are structures
 * of Xen's public headers, at addresses that are identity mapped; nothing
 * here blocks, except that the scheduler's SHUTDOWN operations may not return.
 */
#ifndef FATA_XEN_HYPERCALL_H
#define FATA_XEN_HYPERCALL_H

#include <stdint.h>

/* event_channel.h: EVTCHNOP_* */
long hypercall_event_channel_op(int cmd, void *arg);

/* grant_table.h: GNTTABOP_*, `count` structures at args */
long hypercall_grant_table_op(unsigned int cmd, void *args, unsigned int count);

/* memory.h: XENMEM_* */
long hypercall_memory_op(unsigned int cmd, void *arg);

/* hvm/hvm_op.h: HVMOP_* */
long hypercall_hvm_op(int cmd, void *arg);

/* sched.h: SCHEDOP_* */
long hypercall_sched_op(int cmd, void *arg);

/* xen.h: CONSOLEIO_*, the hypervisor's own console */
long hypercall_console_io(int cmd, unsigned int count, char *text);

/*
 * Raise VIRQ_TIMER at this system time (ns); 0 stops it. A time in the past
 * fires at once.
 */
long hypercall_set_timer_op(uint64_t timeout);

#endif
