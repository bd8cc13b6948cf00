/* SPDX-License-Identifier: ISC */
/*
 * For those who bring the host's requests (lifecycle.c).
 */
#ifndef FATA_CORE_LIFECYCLE_H
#define FATA_CORE_LIFECYCLE_H

#include <fata/lifecycle.h>

/* Give a power-off or reboot to whoever has taken over; else the end. */
void lifecycle_tell(enum lifecycle_request r);

#endif
