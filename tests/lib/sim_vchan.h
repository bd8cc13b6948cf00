/* SPDX-License-Identifier: ISC */
/*
 * dom0's end of vchans, by hand on the shared pages: code of its own, so that
 * it shares no mistake with src/drivers/vchan.c.
 *
 * Interface: the caller is a task of the guest; what waits lets the guest's
 * other tasks run, and gives up after ten virtual seconds.
 */
#ifndef SIM_VCHAN_H
#define SIM_VCHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vchan_interface;

struct sim_vchan_ring {
	uint32_t *prod, *cons;
	unsigned char *page[16];
	uint32_t size;
};

struct sim_vchan {
	struct vchan_interface *shared; /* NULL: closed */
	bool server;
	int port;
	uint32_t ref[33];
	unsigned refs;
	struct sim_vchan_ring in, out;
	char folder[96];
};

/* dom0 serves a port to the guest: rings of 1024 bytes in, 2048 out. */
void sim_vchan_serve(struct sim_vchan *v, unsigned port);

/* dom0 connects to the guest's port: false, if the guest does not serve it. */
bool sim_vchan_connect(struct sim_vchan *v, unsigned port);

/* Close; the guest may come back to a server's folder: that is gone, too. */
void sim_vchan_close(struct sim_vchan *v);

/* Until all bytes are there or written: false if the guest went or waits. */
bool sim_vchan_get(struct sim_vchan *v, void *data, size_t n);
bool sim_vchan_put(struct sim_vchan *v, const void *data, size_t n);

/* Until the guest is there; until it has gone. */
bool sim_vchan_met(struct sim_vchan *v);
bool sim_vchan_left(struct sim_vchan *v);

#endif
