/* SPDX-License-Identifier: ISC */
/*
 * All of grants.c again, with version 2 of the grant table: what we write and
 * what Xen writes are apart, and ending a grant is another race.
 */
#define VERSION 2
#include "grants.c"
