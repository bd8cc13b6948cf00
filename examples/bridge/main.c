/* SPDX-License-Identifier: ISC */
/*
 * A bridge of two ports: whatever comes in at one side goes out at the other,
 * in batches and without being copied. Large frames stay whole and unfinished
 * checksums unfinished, where both sides can do that.
 *
 *     fata cc main.c -o bridge.xen
 *     fata run --net left=xenbr0 --net right=xenbr1 bridge.xen
 *
 * --metrics=10s shows the counters of both ports together.
 */
#include <fata/manifest.h>
#include <fata/net.h>
#include <fata/task.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

FATA_NET("left");
FATA_NET("right");

#define BATCH 64

static struct net *port[2];

/* A full ring drops, as a switch does; so does a frame that cannot be sent. */
static void forward(struct net *to, struct net_frame **frames, int n)
{
	for (int done = 0; done < n;) {
		int sent = net_send(to, frames + done, (unsigned)(n - done), 0);

		if (sent <= 0) {
			net_frame_free(frames[done]);
			sent = 1;
		}
		done += sent;
	}
}

static void *carry(void *arg)
{
	struct net **from = arg, *to = from == port ? port[1] : port[0];
	struct net_frame *frames[BATCH];

	for (;;) {
		int n = net_receive(*from, frames, BATCH, FATA_FOREVER);

		if (n > 0)
			forward(to, frames, n);
	}
	return NULL;
}

int main(void)
{
	static const char *const names[] = {"left", "right"};
	pthread_t t;

	for (int i = 0; i < 2; i++) {
		int error = net_open(names[i], &port[i], FATA_FOREVER);

		if (error) {
			fprintf(stderr, "bridge: no %s: error %d\n", names[i],
				-error);
			return 1;
		}
	}
	if (pthread_create(&t, NULL, carry, &port[1])) {
		fputs("bridge: no memory\n", stderr);
		return 1;
	}
	puts("bridge: up");
	carry(&port[0]);
	return 0;
}
