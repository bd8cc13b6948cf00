/* SPDX-License-Identifier: ISC */
/*
 * ASSERT is for our own bugs only, never for what a peer or a user sends. It
 * stays on in release builds.
 */
#ifndef FATA_CORE_ASSERT_H
#define FATA_CORE_ASSERT_H

#include <fata/end.h>

#define ASSERT(cond)                                                           \
	((cond) ? (void)0                                                      \
		: fata_panic("%s:%d: assertion failed: %s", __FILE__,          \
			     __LINE__, #cond))

#endif
