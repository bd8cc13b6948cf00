/* SPDX-License-Identifier: ISC */
/* Giving the trace to dom0; see fata/trace.h. */
#ifndef FATA_XEN_TRACE_EXPORT_H
#define FATA_XEN_TRACE_EXPORT_H

/*
 * Grant the ring's pages to dom0 and say so in xenstore, if the trace is on;
 * again after each resume in a new domain. On a task; can block.
 */
void trace_export(void);

#endif
