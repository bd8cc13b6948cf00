/* SPDX-License-Identifier: ISC */
/*
 * A vchan's inside, for its two files: vchan.c moves bytes and ends it,
 * vchan_setup.c makes one, as server or client.
 */
#ifndef FATA_DRIVERS_VCHAN_H
#define FATA_DRIVERS_VCHAN_H

#include <fata/page.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/vchan.h>
#include <xen/io/libxenvchan.h>

#define SMALL_ORDER 10
#define LARGE_ORDER 11
#define ORDER_MAX   20
#define PAGES_MAX   (2u << (ORDER_MAX - PAGE_SHIFT))

enum live { GONE = 0, HERE = 1, NOT_YET = 2 };

struct ring {
	struct ring_shared *shared;
	unsigned char *data;
	uint32_t size;
	uint32_t index; /* ours: cons of what we read, prod of what we write */
};

struct vchan {
	struct vchan_interface *page;
	struct evtchn evtchn;
	struct event event;
	struct ring read, write;
	bool server, broken, met; /* met: the peer has been here */
	uint32_t generation;	  /* of the domain in which it was made */
	char *path;		  /* the server's, to be removed */
	/* the server's pages, first the interface, then the rings' */
	void *block[3];
	unsigned order[3];
	unsigned blocks;
	uint32_t refs[1 + PAGES_MAX];
	unsigned n_refs;
	/* the client's mappings */
	struct gnttab_page *map;
	unsigned mapped;
};

/* The event channel's handler: judges the peer, wakes who waits. */
void vchan_signalled(void *arg);

/* Be told of what the peer does: VCHAN_NOTIFY_WRITE or _READ. */
void vchan_ask(struct vchan *v, uint8_t bit);

#endif
