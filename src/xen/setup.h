/* SPDX-License-Identifier: ISC */
/*
 * Finding Xen and the pages that it shares with the guest.
 */
#ifndef FATA_XEN_SETUP_H
#define FATA_XEN_SETUP_H

#include <stdint.h>
#include <xen/xen.h>

/* Before 4.8 there is no PVH as we know it. */
#define XEN_VERSION_LEAST 0x00040008u

/*
 * Find Xen and make hypercalls work; *version is major << 16 | minor. 0, or
 * -ENODEV when this is not Xen.
 */
int hypercall_init(unsigned *version);

/* The page that Xen shares with the guest; the same address for ever. */
extern struct shared_info *const setup_shared_info;

/* Make Xen use it: at boot and after a resume. 0 or a negative errno. */
int setup_map_shared_info(void);

/* Have events raise `vector`, without an end-of-interrupt. 0 or -errno. */
int setup_upcall(unsigned vector);

/*
 * The first thing in a new domain after a suspend: the shared page, the clock,
 * event channels, the upcall and the timer as they were at boot. 0 or a
 * negative errno.
 */
int setup_resume(void);

/* A parameter of this domain (hvm/params.h); 0 when it is not set. */
uint64_t setup_hvm_param(unsigned index);

/*
 * Make a page that Xen or the toolstack placed in our address space usable:
 * its address, or NULL.
 */
void *setup_map_special(uint64_t gfn);

/* Start xenstore on the toolstack's ring. 0, -ENODEV without one (dom0). */
int setup_xenstore(void);

#endif
