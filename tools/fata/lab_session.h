/* SPDX-License-Identifier: ISC */
/*
 * lab_session.h - one request's connection to dom0's agent: commands
 * (lab_exec.c) and files (lab_copy.c) begin with it and end with it.
 */
#ifndef FATA_TOOL_LAB_SESSION_H
#define FATA_TOOL_LAB_SESSION_H

#include "../../lab/proto.h"
#include "lab_int.h"

/* How long one frame may take. */
#define LAB_MOVE_WAIT_MS 60000

struct lab_session {
	struct lab_paths paths;
	struct lab_instance instance;
	int sock;
	int active; /* counted: the lock that keeps the lab running */
	struct lab_frame rx, tx;
};

/* Connects to the lab that runs; NULL, with *rc set and said, if it cannot. */
struct lab_session *lab_session_open(int *rc);
void lab_session_close(struct lab_session *s);

/* All of it, even to a descriptor that does not block. 0, negative errno. */
int lab_write_all(int fd, const char *p, size_t len);

#endif
