/* SPDX-License-Identifier: ISC */
/* lwIP's port: the compiler and the platform. */
#ifndef FATA_LWIP_CC_H
#define FATA_LWIP_CC_H

#include <errno.h>
#include <fata/end.h>
#include <fata/random.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_RAND() ((u32_t)random_u64())
#define LWIP_NO_CTYPE_H 1
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) fata_panic("lwip: %s", x)
#define LWIP_CHKSUM_ALGORITHM 3

#endif
