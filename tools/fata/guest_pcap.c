/* SPDX-License-Identifier: ISC */
/*
 * A guest's traffic, captured (guest_int.h): tools/capture runs where xl does,
 * on the backend's end of the card, and what it writes goes into a file here.
 *
 *     xl: domid known -> capture starts -> its header comes -> xl unpause
 *                                          ... frames ...
 *     guest has ended -> stdin closed   -> the rest comes   -> xl destroy
 */
#include "guest_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REST_MS 5000 /* for the rest to come */

void guest_capture_start(struct guest *g)
{
	char *card, *argv[] = {(char *)g->o->capture, NULL, NULL};
	int err;

	if (!g->o->capture)
		return;
	card = xasprintf("vif%s.%u", g->id, g->o->capture_card);
	argv[1] = card;
	err = job_start(&g->capture, g->o->lab, argv);
	if (err)
		g->complaint = xasprintf("--pcap: %s", strerror(-err));
	free(card);
}

bool guest_read_capture(struct guest *g)
{
	static char buffer[1 << 16];
	ssize_t n = read(g->capture.out, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	g->capturing = true;
	for (ssize_t done = 0, k; done < n; done += k) {
		k = write(g->o->pcap, buffer + done, n - done);
		if (k < 0 && errno == EINTR)
			k = 0;
		if (k < 0) {
			fail("--pcap: %s; the rest is not captured",
			     strerror(errno));
			return false;
		}
	}
	return true;
}

bool guest_read_capture_notice(struct guest *g)
{
	char buffer[256];
	ssize_t n = read(g->capture.err, buffer, sizeof(buffer) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	buffer[n] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
	if (g->capturing)
		fail("--pcap: %s", buffer);
	else if (!g->complaint)
		g->complaint = xasprintf("--pcap: %s", buffer);
	return true;
}

void guest_capture_end(struct guest *g)
{
	struct pollfd p = {.fd = g->capture.out, .events = POLLIN};

	if (g->capture.in >= 0)
		close(g->capture.in);
	g->capture.in = -1;
	while (p.fd >= 0 && poll(&p, 1, REST_MS) > 0 && guest_read_capture(g))
		;
	if (g->capture.err >= 0)
		guest_read_capture_notice(g);
	job_end(&g->capture);
}
