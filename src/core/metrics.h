/* SPDX-License-Identifier: ISC */
/* The metrics' part in the boot; see fata/metrics.h. */
#ifndef FATA_CORE_METRICS_H
#define FATA_CORE_METRICS_H

#include <fata/metrics.h>

/* Begin the periodic lines, if the boot parameter asks for them. */
void metrics_start(void);

#endif
