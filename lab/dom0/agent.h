/* SPDX-License-Identifier: ISC */
/*
 * agent.h - the requests that the lab's agent carries out, one process each.
 *
 * Interface: each function gets a connected socket and a frame that holds the
 * request; it may use the frame for its answers. It returns the number for
 * LAB_RESULT, or -EPIPE when the peer has gone and there is nobody to tell.
 */
#ifndef FATA_LAB_AGENT_H
#define FATA_LAB_AGENT_H

#include "../proto.h"

/*
 * How long a peer may leave us waiting in the midst of a transfer: a day, which
 * a counted lab's clock can be through before a busy host has answered.
 */
#define AGENT_PATIENCE_MS (24 * 3600 * 1000)

int agent_exec(int sock, struct lab_frame *f);
int agent_put(int sock, struct lab_frame *f);
int agent_get(int sock, struct lab_frame *f);

#endif
