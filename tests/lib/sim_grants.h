/* SPDX-License-Identifier: ISC */
/*
 * What grants.c and grants_map.c share. Each is built once more with the other
 * version of the grant table, by a file that defines VERSION and includes it.
 */
#ifndef SIM_GRANTS_H
#define SIM_GRANTS_H

#include <fata/clock.h>
#include <fata/xen/gnttab.h>

#include "core/param.h"
#include "lib/sim.h"
#include "lib/sim_hypercall.h"
#include "xen/gnttab.h"

#ifndef VERSION
#define VERSION 1
#endif

static inline uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

static inline void *page(void)
{
	void *p = page_alloc(0);

	CHECK(p);
	return p;
}

/* For the group: a guest with that version. */
static inline int setup(void **state)
{
	char *argv[] = {"test", VERSION == 2 ? "--gnttab-v2" : NULL, NULL};
	int argc = VERSION;

	return param_apply(&argc, argv, NULL) ? -1 : sim_setup(state);
}

#endif
