/* SPDX-License-Identifier: ISC */
/*
 * Who takes a power-off or a reboot (fata/lifecycle.h): a task that awaits it,
 * else a function that was registered, else the program ends. How the host
 * asks is the platform's: keys in xenstore, signals.
 */
#include "core/lifecycle.h"

#include <fata/end.h>
#include <fata/event.h>

static struct {
	struct event event; /* a request for those who await */
	enum lifecycle_request request;
	bool awaited; /* somebody has taken over by awaiting */
	bool pending; /* the request is not taken yet */
	bool (*fn)(void *arg, enum lifecycle_request r);
	void *arg;
} taken;

int lifecycle_await(enum lifecycle_request *request, uint64_t deadline)
{
	int err;

	taken.awaited = true;
	while (!taken.pending) {
		uint64_t seen = event_count(&taken.event);

		err = event_wait(&taken.event, &seen, deadline);
		if (err)
			return err;
	}
	taken.pending = false;
	*request = taken.request;
	return 0;
}

void lifecycle_on_request(bool (*fn)(void *arg, enum lifecycle_request r),
			  void *arg)
{
	taken.fn = fn;
	taken.arg = arg;
}

void lifecycle_tell(enum lifecycle_request r)
{
	if (taken.awaited) {
		taken.request = r;
		taken.pending = true;
		event_signal(&taken.event);
		return;
	}
	if (taken.fn && taken.fn(taken.arg, r))
		return;
	fata_end(r == LIFECYCLE_REBOOT ? END_REBOOT : END_POWEROFF, 0);
}
