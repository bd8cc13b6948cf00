/* SPDX-License-Identifier: ISC */
/* Waiting for a console's reader; see console.h. */
#include <errno.h>

#include <fata/clock.h>
#include "core/console.h"

int console_await_room(struct event *writable, uint64_t *patience)
{
	uint64_t seen = event_count(writable);
	uint64_t start = clock_mono_ns(), spent;
	int rc = event_wait(writable, &seen, clock_deadline(*patience));

	if (rc == -ECANCELED)
		return rc;
	spent = clock_mono_ns() - start;
	*patience = rc == -ETIMEDOUT || spent >= *patience ? 0
							   : *patience - spent;
	return 0;
}
