/* SPDX-License-Identifier: ISC */
/*
 * What the tests of netfront share: one backend, one interface, and frames
 * whose content is `noise`. Tests named class_NN are the classes of what a
 * frontend must survive (docs/simulator.md).
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <fata/clock.h>
#include <fata/net.h>

#include "lib/sim.h"
#include "lib/sim_netback.h"

#define MS   FATA_NS_PER_MS
#define SOON clock_deadline(FATA_NS_PER_S)
#define RING 256

extern struct sim_netback nb;
extern struct net *net;
extern unsigned char noise[65536];

/* A backend that offers all that is usual, and new noise. */
void offer_net(void);

/* Plug it in and open the interface; unplug it. */
void open_net(void);
void close_net(void);

/* The first two of those; a backend that will break the rules. */
void start_net(void);
void start_wrong(void);

bool net_is_up(void);
struct net_stat net_figures(void);

/* The device is BROKEN; it works, both ways. */
void expect_broken(void);
void expect_working(void);

void fill_frame(struct net_frame *f, const unsigned char *from);
bool same_frame(const struct net_frame *f, const unsigned char *as);

/* One frame; larger than 1514 with GSO. net_send's result, or -ENOMEM. */
int send_frame(uint32_t size, uint64_t deadline);

/* NULL: none came. */
struct net_frame *receive_frame(uint64_t deadline);

/* Receive and free whatever there is. */
void drain_net(void);

/* The size of a frame that this backend takes. */
uint32_t some_size(void);

/* Some frames each way that nobody has answered or received. */
void leave_in_flight(void);

#endif
