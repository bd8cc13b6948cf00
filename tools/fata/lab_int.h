/* SPDX-License-Identifier: ISC */
/*
 * lab_int.h - what the files of the lab's host side share.
 *
 *	lab.c          up, down, status: the instance
 *	lab_paths.c    where it is, its lock
 *	lab_snap.c     the saved dom0 that instances start from
 *	lab_qemu.c     QEMU's command line, its process
 *	lab_session.c  the connection to dom0's agent
 *	lab_exec.c     commands by way of it
 *	lab_copy.c     files
 *	lab_cmd.c      `fata lab ...`
 *	qmp.c          QEMU's control socket
 *
 * Files of an instance, in its run folder:
 *
 *	lock        held while the lab is started or ended
 *	active      locked (shared) by each session of a counted lab
 *	instance    pid, its start time, port, memory, cpus, counted, kvm
 *	qmp.sock    QEMU's control socket
 *	serial.log  what Xen and dom0 print
 *	qemu.log    what QEMU prints
 */
#ifndef FATA_TOOL_LAB_INT_H
#define FATA_TOOL_LAB_INT_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab.h"

struct lab_paths {
	char dir[PATH_MAX];    /* built and saved things */
	char run[PATH_MAX];    /* the instance */
	char script[PATH_MAX]; /* lab/build.sh */
};

/* What runs; pid 0 = nothing. */
struct lab_instance {
	pid_t pid;
	unsigned long long started; /* the process's, to know it again */
	int port;                   /* of the agent, on 127.0.0.1 */
	struct lab_options options;
	int kvm;
};

/* lab_paths.c */
int64_t lab_now_ms(void);
void lab_sleep_ms(int ms);
/* Prints "fata: lab: ..." and returns `rc`. */
int lab_error(int rc, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void lab_progress(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
int lab_find_paths(struct lab_paths *p);
/* Finds the instance that runs: 0, or -ESRCH. */
int lab_find_instance(const struct lab_paths *p, struct lab_instance *i);
int lab_write_instance(const struct lab_paths *p, const struct lab_instance *i);
/* Opens DIR/NAME and locks it; returns the descriptor. Waits, and says so. */
int lab_lock(const char *dir, const char *name);

/* lab_qemu.c */
int lab_have_kvm(void);
/* When the process was started; 0 if it does not run. */
unsigned long long lab_process_start(pid_t pid);
struct lab_qemu {
	const char *dir; /* the lab's */
	struct lab_options options;
	int kvm;
	const char *cwd; /* gets qmp.sock, serial.log, qemu.log */
	const char *ram; /* the file that is the machine's memory */
	int boot;        /* 1: boots, writes to `ram`; 0: waits for a state */
	int fd;          /* handed on as descriptor LAB_STATE_FD; -1 = none */
};
#define LAB_STATE_FD 7
/* Starts QEMU; waits until its control socket answers. pid or error. */
pid_t lab_qemu_start(const struct lab_qemu *q);
void lab_qemu_kill(pid_t pid);
int lab_qemu_mark(pid_t pid, char *text, size_t size);
/* Prints the last lines of a log, indented. */
void lab_show_tail(const char *dir, const char *name, int lines);

/* lab_snap.c */
/* Makes the saved dom0 for these options if there is none; `snap`, PATH_MAX
 * long, gets its folder: files ram, state, key. */
int lab_snapshot(const struct lab_paths *p, const struct lab_options *o,
		 int kvm, char *snap);
/* 1: the QEMU `pid` is the one that saved it. */
int lab_snapshot_fits(const char *snap, pid_t pid);
/* Forgets it, so that the next lab_snapshot() makes it anew. */
void lab_snapshot_drop(const char *snap);

/* lab_session.c */
/* Waits until the agent answers; sets dom0's clock if `set_clock`. */
int lab_wait_agent(int port, int ms, int set_clock);

/* Lets a counted lab run, or stops it if no session needs it. */
int lab_let_run(const struct lab_paths *p, int run);

#endif
