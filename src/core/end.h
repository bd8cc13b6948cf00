/* SPDX-License-Identifier: ISC */
/* The inside of the end: what the boot needs. See fata/end.h. */
#ifndef FATA_CORE_END_H
#define FATA_CORE_END_H

#include <fata/end.h>

/*
 * End before main ran, after --help or a bad parameter: flush, then power off
 * whatever the status.
 */
__attribute__((noreturn)) void end_early(int status);

#endif
