/* SPDX-License-Identifier: ISC */
/*
 * Capture files as tcpdump and Wireshark read and write them: a header, then
 * records, each followed by the bytes of its frame.
 *
 *     header   0 magic  4 major 2  6 minor 4  8 zone, accuracy: 0
 *             16 longest frame kept  20 kind of link
 *     record   0 seconds  4 fraction  8 bytes kept  12 bytes on the wire
 *
 * The magic tells the byte order of the writer and whether the fraction counts
 * microseconds or nanoseconds. Both of both are read; what is written is always
 * little-endian, so that a file depends on nothing but its contents.
 * Source: draft-ietf-opsawg-pcap. Nothing here does input or output.
 */
#ifndef FATA_CORE_PCAP_H
#define FATA_CORE_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAP_HEADER   24
#define PCAP_RECORD   16
#define PCAP_LONGEST  262144 /* bytes of a frame, as in libpcap */
#define PCAP_ETHERNET 1

struct pcap {
	bool swapped; /* of another byte order; decoding only */
	bool nano;    /* the fraction counts nanoseconds */
	uint32_t longest;
	uint32_t link;
};

struct pcap_record {
	uint64_t ns;   /* since 1970; cut to 32 bits of seconds in a file */
	uint32_t size; /* bytes that follow */
	uint32_t wire; /* bytes that the frame had */
};

void pcap_encode_header(uint8_t out[PCAP_HEADER], const struct pcap *p);
void pcap_encode_record(uint8_t out[PCAP_RECORD], const struct pcap *p,
			const struct pcap_record *r);

/*
 * Read from the first n bytes of `data`. 0; -EAGAIN when n is too small, also
 * for the bytes that follow a record; -EINVAL for what is no capture file, or
 * a record of more than PCAP_LONGEST bytes.
 */
int pcap_decode_header(const void *data, size_t n, struct pcap *p);
int pcap_decode_record(const void *data, size_t n, const struct pcap *p,
		       struct pcap_record *r);

#endif
