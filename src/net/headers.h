/* SPDX-License-Identifier: ISC */
/*
 * What must be there before lwIP may look (headers.c).
 */
#ifndef FATA_NET_HEADERS_H
#define FATA_NET_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Are the headers at the beginning of a received frame, of which n bytes are in
 * one piece, whole? `own` is the interface's IPv4 address as in a header.
 */
bool headers_whole(const unsigned char *p, uint32_t n, uint32_t own);

#endif
