/* SPDX-License-Identifier: ISC */
/*
 * What a node of the simulator and its coordinator (`fata sim`) say to each
 * other, over a stream socket whose descriptor stands in the environment
 * variable FATA_SIM. They take turns:
 *
 *     coordinator                                    node
 *     message: time T, records: what happened   ->   runs until all tasks wait
 *                                               <-   message: next deadline,
 *     (T' = the least of all deadlines                records: what it did
 *      and arrivals; only then the next turn)
 *
 * So a node's clock stands still while it runs, and nothing reaches it but by
 * these messages: what it does depends on them alone. The first message holds
 * all that a node starts with (SIM_SEED to SIM_NAME). A node's end is SIM_END
 * in a last message, then the end of the stream; without SIM_END it died.
 *
 * Both ends are of one build on one machine: integers are the machine's.
 * Neither trusts the other: a size is checked before it is believed.
 */
#ifndef FATA_UNIX_SIM_WIRE_H
#define FATA_UNIX_SIM_WIRE_H

#include <stdint.h>

#define SIM_ENV           "FATA_SIM"
#define SIM_LONGEST       (64u << 20) /* bytes of records in a message */
#define SIM_FRAME_LONGEST 65535
#define SIM_NAME_SIZE     32

/* A message: this, then `size` bytes of records. */
struct sim_message {
	uint32_t size;
	uint32_t zero;
	uint64_t time; /* to a node: the clock; from it: the next deadline */
};

enum sim_type {
	/* in the first message */
	SIM_SEED = 1, /* 32 bytes that all randomness comes from */
	SIM_WALL,     /* uint64_t: nanoseconds since 1970 at time 0 */
	SIM_NET,      /* struct sim_net: interface 0, 1, ... in order */
	SIM_NAME,     /* the node's name */
	/* to a node */
	SIM_LINK,    /* one byte: the interface's link is there */
	SIM_REQUEST, /* one byte: enum lifecycle_request */
	/* both ways */
	SIM_FRAME, /* an Ethernet frame, on interface `net` */
	/* from a node */
	SIM_END, /* struct sim_end */
};

/* A record: this, then `size` bytes. */
struct sim_record {
	uint16_t type;
	uint16_t net;
	uint32_t size;
};

struct sim_net {
	char name[SIM_NAME_SIZE]; /* NUL-ended */
	uint8_t mac[6];
	uint16_t mtu;
};

struct sim_end {
	int32_t reason; /* enum end_reason */
	int32_t status;
};

#endif
