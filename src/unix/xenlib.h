/* SPDX-License-Identifier: ISC */
/*
 * What event channels and grants of a Linux process in dom0 share: how Xen's
 * libraries (libxenevtchn, libxengnttab) tell what they met.
 *
 * Their objects stand in libfata-unix.a under names of our own, so that a
 * program that uses none of this has none of them, and one that uses Xen's
 * libraries besides can. Only libxentoolcore keeps its names: one call of
 * xentoolcore_restrict_all() is for all of them.
 */
#ifndef FATA_UNIX_XENLIB_H
#define FATA_UNIX_XENLIB_H

#include <stddef.h>
#include <sys/types.h>
#include <xentoollog.h>

/* Writes their messages to the log, at level debug: the call's error tells. */
extern struct xentoollog_logger xenlib_logger;

/* The error of opening a device of Xen: -ENOSYS, with a line, without Xen. */
int xenlib_absent(const char *device, const char *module);

/*
 * libxengnttab's mmap (the Makefile renames it): a device's pages go to the
 * address that is set here, once, instead of anywhere.
 */
void *xenlib_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
extern void *xenlib_place;

#endif
