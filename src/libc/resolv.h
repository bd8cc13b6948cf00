/* SPDX-License-Identifier: ISC */
/* The nameservers, as a file; see resolv.c. */
#ifndef FATA_LIBC_RESOLV_H
#define FATA_LIBC_RESOLV_H

#define RESOLV_CONF "/etc/resolv.conf"

/* Before RESOLV_CONF is opened: bring it up to date. Can block. */
void resolv_prepare(void);

#endif
