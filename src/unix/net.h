/* SPDX-License-Identifier: ISC */
/* The kinds of wires, and what they share; see net.c. */
#ifndef FATA_UNIX_NET_H
#define FATA_UNIX_NET_H

#include "unix/wire.h"

/* Does the program have interfaces of its own (or else the host's sockets)? */
bool unix_net_wanted(void);

/*
 * Open a wire of this kind: 0 or an error. What the options mean is told at
 * the head of each file.
 */
int wire_open_tap(const char *options, struct wire **w);
int wire_open_packet(const char *options, struct wire **w);
int wire_open_pcap(const char *options, struct wire **w);
int wire_open_user(const char *options, struct wire **w);

/* Make up the program's own address. */
void wire_address(struct wire *w);

/* A capture file that is written (wire_pcap.c). */
struct dump;

int dump_open(const char *path, struct dump **d);
void dump_frame(struct dump *d, const struct iovec *v, unsigned n);

#endif
