/* SPDX-License-Identifier: ISC */
/*
 * Understanding a gcc-like command line as far as `fata cc` must: does it
 * link, what is its output, which compiler is meant.
 */
#ifndef TOOL_CCARGS_H
#define TOOL_CCARGS_H

#include "tool.h"

struct cc_args {
	struct strv args;     /* for the compiler, without our own and -o */
	const char *compiler; /* FATA_CC, --cc=, else gcc or g++ */
	const char *output;   /* -o, or NULL */
	bool inputs;          /* is there anything to compile or link? */
	bool links;           /* no -c, -S, -E ...: an image is made */
	bool asks;            /* --version, -print-...: only a question */
	bool side_files;      /* -MD, -save-temps: named after the output */
	bool verbose, unix_target, help;
};

/* 0, or an exit status after saying what is wrong. `a` keeps pointers. */
int cc_parse(struct cc_args *a, bool cxx, int argc, char **argv);
void cc_args_free(struct cc_args *a);

#endif
