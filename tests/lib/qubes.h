/* SPDX-License-Identifier: ISC */
/*
 * Messages of Qubes OS on a vchan, for those who play its dom0: QubesDB's, and
 * qrexec's, each of which begins with its type and the size of what follows (32
 * bits each). Written from the protocols, so that it shares no mistake with
 * src/qubes.
 */
#ifndef FATA_TESTS_QUBES_H
#define FATA_TESTS_QUBES_H

#include <stdint.h>

/* QubesDB; `size` bytes follow. */
struct db_message {
	uint8_t type;
	char path[64];
	char zero[3];
	uint32_t size;
} __attribute__((packed));

enum {
	WRITE = 1,
	MULTIREAD = 2,
	RM = 4,
	OK = 7,
	NOENT = 8,
	ERROR = 9,
	ENTRY = 11,
};

/* qrexec. */
enum {
	STDIN = 0x190,
	STDOUT = 0x191,
	STDERR = 0x192,
	EXIT_CODE = 0x193,
	EXEC = 0x200,
	JUST_EXEC = 0x201,
	CONNECT = 0x202,
	REFUSED = 0x203,
	TRIGGER = 0x210,
	TERMINATED = 0x211,
	TRIGGER3 = 0x212,
	HELLO = 0x300,
};

#endif
