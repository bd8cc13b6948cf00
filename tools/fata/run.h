/* SPDX-License-Identifier: ISC */
/*
 * What the parts of `fata run` share: the options (run.c), a guest of Xen
 * (run_guest.c), a Linux process (run_unix.c). All return the status that
 * `fata run` ends with, after a line on stderr if it is not the program's.
 */
#ifndef FATA_TOOL_RUN_H
#define FATA_TOOL_RUN_H

#include "domain.h"
#include "forward.h"
#include "guest.h"

struct run {
	struct domain domain;
	struct guest_options guest;
	struct forwards forwards;
	const char *pcap; /* a file, or NAME=FILE */
	bool xl, lab, unix_target;
	struct strv devices; /* for a Linux process: as it takes them */
};

/* run.c */
bool run_is_source(const char *path);
/* A C file becomes an image in our temporary folder; *path then names it. */
int run_compile(const char **path, bool unix_target);

/* run_guest.c */
int run_in_lab(struct run *r);
int run_on_xen(struct run *r);
/* Which card is captured, and the file: before anything boots. 0 or 1. */
int run_open_pcap(struct run *r);

/* run_unix.c */
/* Is the target unix? It must be known before the other options are read. */
bool run_unix_wanted(int argc, char **argv);
/* The program's own parameters for its devices; -1: no such option. */
int run_unix_option(struct run *r, int code, const char *value);
/* argv[0] is the program or its source, its words follow. */
int run_unix(const struct run *r, char **argv);

#endif
