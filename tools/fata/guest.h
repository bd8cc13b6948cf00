/* SPDX-License-Identifier: ISC */
/*
 * One guest, from `xl create` to its end, with its console on stdin and
 * stdout.
 */
#ifndef TOOL_GUEST_H
#define TOOL_GUEST_H

#include "tool.h"

struct guest_options {
	bool lab;     /* xl runs in the lab's dom0 */
	bool verbose; /* show what xl says */
	const char *name;
	bool own_name;        /* nobody else's guest is called so */
	const char *config;   /* the configuration file, where xl runs */
	const char *on_crash; /* destroy, preserve, coredump-destroy */
	const char *core;     /* where the dump goes, where xl runs */
	uint64_t timeout_ms;  /* 0: none */
	const char *capture;  /* tools/capture, where xl runs; NULL: none */
	unsigned capture_card; /* the guest's n-th card, from 0 */
	int pcap;              /* a descriptor for what it captures */
};

/* Runs it to its end; returns the exit status of `fata run`. */
int guest_run(const struct guest_options *o);

#endif
