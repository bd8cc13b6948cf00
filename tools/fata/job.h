/* SPDX-License-Identifier: ISC */
/*
 * Commands on the Xen host, which is this machine or the lab's dom0.
 *
 * Interface: each job is a child process with pipes, in a session of its own,
 * so that a ^C on the terminal reaches the tool alone, which decides what it
 * means. If the tool dies, its jobs are told to end.
 */
#ifndef TOOL_JOB_H
#define TOOL_JOB_H

#include "tool.h"

struct job {
	pid_t pid;        /* 0: not started, or ended */
	int in, out, err; /* our ends; -1: closed; out, err do not block */
	int status;       /* once pid is 0 again */
};

/* `lab` runs it in dom0. 0 or a negative errno. */
int job_start(struct job *j, bool lab, char *const argv[]);

/* Has it ended? Never blocks. */
bool job_ended(struct job *j);

/* Ends it and closes the pipes. */
void job_end(struct job *j);

/*
 * Runs to the end, output dropped; its exit status or a negative errno. When
 * `cancel` (-1: none) becomes readable the job is ended: -EINTR.
 */
int job_run(bool lab, char *const argv[], int cancel);

#endif
