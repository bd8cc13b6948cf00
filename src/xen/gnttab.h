/* SPDX-License-Identifier: ISC */
/*
 * Grants inside src/xen: the table's two formats, the quarantine, and the
 * window of addresses that no memory backs.
 *
 * Interface: everything starts by itself at the first use. Only a resume has
 * to be told.
 */
#ifndef FATA_XEN_GNTTAB_PRIV_H
#define FATA_XEN_GNTTAB_PRIV_H

#include <fata/xen/gnttab.h>

/* A format of the table (gnttab_table.c). */
struct gnttab_format {
	unsigned int version;
	unsigned int per_frame; /* references in a page of the table */
	/* make entry `ref` grant this frame */
	void (*grant)(uint32_t ref, uint16_t domid, uint64_t frame,
		      bool writable);
	/* does the entry grant anything? */
	bool (*active)(uint32_t ref);
	/* end it in one atomic step; false while the peer has it mapped */
	bool (*end)(uint32_t ref);
};

/*
 * Find out the format and the limit, and find addresses for the table. Returns
 * the format, or NULL with *error set.
 */
const struct gnttab_format *gnttab_table_init(unsigned int *max_frames,
					      int *error);

/* Have Xen put one more frame into the table. 0 or an error. */
int gnttab_table_grow(unsigned int frame);

/* After a resume: put `frames` frames back where they were. */
int gnttab_table_resume(unsigned int frames);

/*
 * The guest was resumed in a new domain: our table is empty again, foreign
 * mappings are gone. Pages that are still granted have to be granted anew by
 * their owners. Returns 0 or an error.
 */
int gnttab_resume(void);

/* The part of it that concerns foreign mappings. */
void gntmap_resume(void);

/* Start at the first use: 0 or an error. */
int gnttab_start(void);

/* May the entry be reused? Ends it if it can. */
bool gnttab_try_end(uint32_t ref);

/* The quarantine's part of gnttab_stat. */
void gnttab_quarantine_stat(unsigned int *refs, size_t *pages);

/* Try all quarantined grants soon: a peer may have let go of something. */
void gnttab_quarantine_kick(void);

/* A number of foreign pages mapped now. */
unsigned int gnttab_mapped(void);

/*
 * n consecutive pages of guest-physical address space, mapped one to one, that
 * no memory backs; NULL when there are none.
 */
void *gnttab_window_alloc(size_t n);
void gnttab_window_free(void *p, size_t n);

/* Xen's GNTST_* as an errno. */
int gnttab_errno(int status);

/*
 * Sleep before another try: 1 ms, then twice as long each time up to 256 ms.
 * Returns 0, -EAGAIN when the deadline leaves no time, or -ECANCELED.
 */
int gnttab_backoff(unsigned int attempt, uint64_t deadline);

#endif
