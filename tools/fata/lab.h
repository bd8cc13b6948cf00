/* SPDX-License-Identifier: ISC */
/*
 * lab.h - the lab: a real Xen with its Linux dom0 and xl, inside QEMU.
 *
 * For machines without Xen, and for tests that need a toolstack. The first
 * lab_up() builds the lab, boots it and saves it; later ones restore that in
 * about half a second, each into a private copy, so that several labs can run
 * from one folder at once.
 *
 * Interface: a function that fails has printed one line that says why, and
 * returns a negative errno. All of them block, with deadlines. Where things
 * are:
 *
 *	FATA_LAB_DIR  what is built and saved; default: `lab` beside the tool,
 *	              or ~/.cache/fata/lab where that cannot be written
 *	FATA_LAB_RUN  the running instance; default: FATA_LAB_DIR/run
 *
 * Two labs at once have one FATA_LAB_DIR and two FATA_LAB_RUN.
 */
#ifndef FATA_TOOL_LAB_H
#define FATA_TOOL_LAB_H

#include <stdio.h>

struct lab_options {
	int memory; /* MiB for Xen and all domains; 0 = 2048 */
	int cpus;   /* physical CPUs that Xen sees; 0 = 1 */
	/*
	 * One emulated instruction is one nanosecond, idle time is skipped,
	 * and results repeat. The lab then runs only while a lab_exec(),
	 * lab_put() or lab_get() does.
	 */
	int counted;
};

/*
 * Starts the lab, unless it runs. `options` may be NULL; a lab that runs with
 * other options is an error (-EBUSY) only if options are given.
 */
int lab_up(const struct lab_options *options);

/* Ends the lab; 0 also when none runs. */
int lab_down(void);

/* Prints what runs, and how. 0: a lab runs; 1: none does. */
int lab_status(FILE *out);

/* 1: a lab runs; 0: none does. Prints nothing. */
int lab_running(void);

/*
 * Runs a command in dom0: `argv` ends with NULL and its first word is looked
 * up in dom0's PATH. Descriptors: `in` feeds its stdin (-1 = empty), `out` and
 * `err` get its streams (-1 = dropped). Returns its exit status, 128 + signal
 * if it was killed, or a negative errno if it could not be run. The command's
 * process group is ended if this process is. With `in` a terminal, keys go to
 * the command one by one if `raw`.
 */
int lab_exec(char *const argv[], int in, int out, int err, int raw);

/*
 * Runs a shell command in dom0 and keeps the first `size` - 1 bytes of what it
 * prints (both streams), as a string. Returns as lab_exec().
 */
int lab_capture(const char *command, char *text, size_t size);

/* Copies a file into dom0, mode kept; or out of it. Whole or not at all. */
int lab_put(const char *host_path, const char *dom0_path);
int lab_get(const char *dom0_path, const char *host_path);

/* Joins the terminal (or stdin and stdout) with a domain's console. */
int lab_console(const char *domain);

/*
 * Makes 127.0.0.1:`port` here reach `guest`, "ADDRESS:PORT" in 10.0.2.0/24,
 * the network of dom0's bridge xenbr0, until the lab ends.
 */
int lab_forward(int port, const char *guest);

/* Ends that; connections that are open stay. */
int lab_unforward(int port);

#endif
