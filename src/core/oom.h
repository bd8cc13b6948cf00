/* SPDX-License-Identifier: ISC */
/* What becomes of a guest whose heap has no memory to give. */
#ifndef FATA_CORE_OOM_H
#define FATA_CORE_OOM_H

/*
 * The heap is about to refuse a request. Returns if boot parameter `oom` is
 * "error", as it is by default; else the guest ends.
 */
void oom_refused(void);

#endif
