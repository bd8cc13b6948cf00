/* SPDX-License-Identifier: ISC */
/*
 * Libc's random numbers in a simulation: a node's come from its seed, whichever
 * way it asks. Elsewhere they are the host's.
 */
#include "unix/host.h"
#include "unix/io.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/random.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

INSTEAD ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	if (!unix_world->virtual_time)
		return REAL(getrandom)(p, n, flags);
	random_bytes(p, n);
	return (ssize_t)n;
}

INSTEAD int getentropy(void *p, size_t n)
{
	if (!unix_world->virtual_time)
		return REAL(getentropy)(p, n);
	if (n > 256) {
		errno = EIO;
		return -1;
	}
	random_bytes(p, n);
	return 0;
}

INSTEAD uint32_t arc4random(void)
{
	if (!unix_world->virtual_time)
		return REAL(arc4random)();
	return (uint32_t)random_u64();
}

INSTEAD void arc4random_buf(void *p, size_t n)
{
	if (!unix_world->virtual_time)
		REAL(arc4random_buf)(p, n);
	else
		random_bytes(p, n);
}

INSTEAD uint32_t arc4random_uniform(uint32_t bound)
{
	if (!unix_world->virtual_time)
		return REAL(arc4random_uniform)(bound);
	return bound ? (uint32_t)random_below(bound) : 0;
}
