/* SPDX-License-Identifier: ISC */
/* dom0's side of tests/lab/net.sh as a node: see there. */
#include <fata/manifest.h>
#include <fata/net.h>

FATA_NET("lan");

/* A node keeps what a guest does not: its own stacks, its console's lines. */
#define SLACK 32768
#include "lab/dom0/net.c"
