/* SPDX-License-Identifier: ISC */
/*
 * All of grants_map.c again, with version 2 of the grant table.
 */
#define VERSION 2
#include "grants_map.c"
