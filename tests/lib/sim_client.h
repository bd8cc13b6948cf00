/* SPDX-License-Identifier: ISC */
/*
 * What the tests of netback share: one client, its interface as the program has
 * it, and frames whose content is `noise`. Tests named class_NN are the classes
 * of docs/simulator.md.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include <fata/clock.h>
#include <fata/net.h>
#include <fata/xen/netback.h>

#include "lib/sim.h"
#include "lib/sim_net.h"
#include "lib/sim_netfront.h"

extern struct sim_netfront cl;
extern struct net *client;

/* For group setups: the guest serves. */
int client_setup(void **state);

/* A client that takes all that is usual, and new noise; the same, connected. */
void offer_client(void);
void open_client(void);
void start_client(void);

/* It is taken away, and the program lets go of it. */
void close_client(void);

bool client_is_up(void);

/* A size of frame that this client may send. */
uint32_t some_client_size(void);

/* A frame of that size each way. */
void expect_client_works(uint32_t size);

/* It is disconnected; nothing of it is left. Then another one is served. */
void expect_client_broken(void);

#endif
