/* SPDX-License-Identifier: ISC */
/*
 * Each step that reads or writes memory which Xen or a peer can change at the
 * same moment begins with SHARED_STEP. In an image it is nothing. In the
 * simulator somebody else may run there, so that every interleaving of the
 * steps can happen in a test, and a number replays it.
 */
#ifndef FATA_XEN_SHARED_H
#define FATA_XEN_SHARED_H

#if defined(__FATA_XEN__) || defined(__FATA_UNIX__)
#define SHARED_STEP() ((void)0)
#else
void sim_step(void);
#define SHARED_STEP() sim_step()
#endif

#endif
