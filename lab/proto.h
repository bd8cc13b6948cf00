/* SPDX-License-Identifier: ISC */
/*
 * proto.h - what the `fata` tool and the agent in the lab's dom0 say to each
 * other, over one stream socket for each request.
 *
 * Both ends run the same code on x86, so numbers are little-endian as they
 * stand in memory. A frame:
 *
 *	 0        4      5          8
 *	+--------+------+----------+------------- - - -+
 *	| length | type | 0  0  0  | length bytes      |
 *	+--------+------+----------+------------- - - -+
 *
 * A session: both ends send LAB_HELLO, then the tool sends one request.
 *
 *	request            then from the tool      from the agent
 *	LAB_EXEC argv      LAB_STDIN* LAB_SIGNAL*  LAB_STDOUT* LAB_STDERR*
 *						   LAB_RESULT
 *	LAB_PUT mode path  LAB_DATA* (last empty)  LAB_RESULT
 *	LAB_GET path                               LAB_DATA* (last empty)
 *						   LAB_RESULT
 *	LAB_TIME seconds                           LAB_RESULT
 *
 * Interface: an empty LAB_STDIN is end of file. LAB_RESULT carries an int32_t:
 * the exit status (128 + signal for a killed command), or a negative errno
 * where the request could not be carried out. A peer that closes its end has
 * given up: the agent then ends the command's process group.
 */
#ifndef FATA_LAB_PROTO_H
#define FATA_LAB_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define LAB_PORT      7071
#define LAB_GREETING  "fata-lab 1"
#define LAB_FRAME_MAX 65536

enum lab_type {
	LAB_HELLO = 'H',
	LAB_EXEC = 'X',
	LAB_PUT = 'P',
	LAB_GET = 'G',
	LAB_TIME = 'T',
	LAB_STDIN = 'I',
	LAB_SIGNAL = 'K',
	LAB_STDOUT = 'O',
	LAB_STDERR = 'E',
	LAB_DATA = 'D',
	LAB_RESULT = 'R',
};

struct lab_header {
	uint32_t len;
	uint8_t type;
	uint8_t zero[3];
};

/* One frame, coming in or going out; `done` bytes of it have passed. */
struct lab_frame {
	struct lab_header head;
	char data[LAB_FRAME_MAX];
	size_t done;
	size_t total; /* outgoing: header and data; 0 = nothing to send */
};

/* Makes `f` an outgoing frame; `len` <= LAB_FRAME_MAX; `data` may be f->data.
 */
void lab_frame_set(struct lab_frame *f, enum lab_type type, const void *data,
		   size_t len);

/*
 * Moves what can be moved without blocking. 1: the frame is complete (for
 * another, set f->done to 0); 0: the socket would block; -EPROTO: not a frame;
 * -EPIPE: the peer has closed; else a negative errno. `fd` may be blocking.
 */
int lab_frame_recv(int fd, struct lab_frame *f);
int lab_frame_send(int fd, struct lab_frame *f);

/* The same, waiting up to `ms` milliseconds: 0, -ETIMEDOUT, or as above. */
int lab_frame_recv_wait(int fd, struct lab_frame *f, int ms);
int lab_frame_send_wait(int fd, struct lab_frame *f, int ms);

/* Sends one frame and waits: 0 or as above. */
int lab_send(int fd, struct lab_frame *f, enum lab_type type, const void *data,
	     size_t len, int ms);

/* The number that a LAB_RESULT carries; -EPROTO if `f` is something else. */
int lab_result(const struct lab_frame *f);

#endif
