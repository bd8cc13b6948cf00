/* SPDX-License-Identifier: ISC */
/*
 * The suspend event channel: the toolstack asks for a suspend by an event
 * instead of through control/shutdown, and Xen tells it by the same channel
 * when the guest is suspended. It saves a live migration the way through
 * xenstore while the guest already waits.
 *
 *     guest: port for dom0 -> device/suspend/event-channel = its number
 *     xl:    binds it, has Xen raise it when the domain is suspended, notifies
 *
 * A new domain has no ports, so it is opened anew after each resume. A
 * toolstack that knows nothing of it, or a directory that the guest may not
 * write, is no error: there is control/shutdown.
 */
#include <fata/log.h>
#include <fata/xen/evtchn.h>
#include "core/fmt.h"
#include "xen/lifecycle.h"
#include "xen/xenstore.h"

FATA_LOG_SOURCE("lifecycle");

#define TOOLSTACK 0 /* dom0 */
#define KEY       "device/suspend/event-channel"

static struct evtchn port;
static bool asked; /* the event alone also says that the port was closed */

struct event *suspend_port_event(void)
{
	return evtchn_event(&port);
}

static void knocked(void *arg)
{
	(void)arg;
	asked = true;
}

void suspend_port_open(void)
{
	char text[12];
	size_t n;
	int err;

	evtchn_close(&port);
	err = evtchn_bind_unbound(&port, TOOLSTACK);
	n = fmt(text, sizeof(text), "%d", evtchn_port(&port));
	if (!err)
		err = xs_tell(KEY, text, n);
	if (!err)
		err = evtchn_handle(&port, knocked, NULL);
	if (!err)
		err = evtchn_unmask(&port);
	if (err) {
		log_debug("%s: error %d", KEY, err);
		evtchn_close(&port);
	}
}

bool suspend_port_asked(void)
{
	bool was = asked;

	asked = false;
	return was;
}
