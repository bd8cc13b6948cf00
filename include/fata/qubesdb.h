/* SPDX-License-Identifier: ISC */
/*
 * QubesDB: what Qubes OS tells a qube of itself: its name, its addresses, the
 * firewall's rules of the qubes behind it. dom0 keeps the master; the guest has
 * a copy, which is complete when qubesdb_open returns and is kept up to date
 * from then on. When dom0's daemon restarts, and after a resume elsewhere, the
 * copy stays as it was until a new one has come.
 *
 * What dom0 sends is checked all the same: a message that breaks the rules ends
 * the connection, which is then made anew. The copy has at most
 * QUBESDB_BYTES_MAX; a larger one is never taken in part.
 *
 * Source: QubesOS/qubes-core-qubesdb, include/qubesdb.h.
 */
#ifndef FATA_QUBESDB_H
#define FATA_QUBESDB_H

#include <fata/base.h>
#include <fata/event.h>

FATA_BEGIN

#define QUBESDB_PATH_SIZE 64         /* a path with its NUL, at the most */
#define QUBESDB_VALUE_MAX 3071       /* bytes of a value, none of them NUL */
#define QUBESDB_BYTES_MAX (1u << 20) /* of all paths and values */

/* A connection with its copy; from qubesdb_open. All fields are private. */
struct qubesdb;

/*
 * Connect to dom0's daemon and take the first copy. 0, -ETIMEDOUT,
 * -ECANCELED, -ENOMEM, or -ENODEV (no xenstore: not under Xen). Can block.
 */
int qubesdb_open(struct qubesdb **db, uint64_t deadline);

/* Close and free; not from a commit's function. May be NULL. Can block. */
void qubesdb_close(struct qubesdb *db);

/*
 * The value of a path, with a NUL behind it; the caller's, freed with
 * heap_free. *size may be NULL. 0, -ENOENT, -ENOMEM. Does not block.
 */
int qubesdb_read(struct qubesdb *db, const char *path, char **value,
		 size_t *size);

/* A path with its value, in a list. */
struct qubesdb_entry {
	const char *path, *value; /* each with a NUL behind it */
	size_t size;              /* of the value */
};

/*
 * All entries whose path begins with `prefix`, in order: *list is one block to
 * free with heap_free; *n may be 0. 0 or -ENOMEM. Does not block.
 */
int qubesdb_list(struct qubesdb *db, const char *prefix,
		 struct qubesdb_entry **list, unsigned *n);

/*
 * Write a value of n bytes, in dom0 and here. 0; -EINVAL (a path of other than
 * letters, digits and -_/.:@ or too long, a value with a NUL or too long);
 * -EACCES (dom0 refused); -ECONNRESET (the connection was lost on the way),
 * -ETIMEDOUT, -ECANCELED, -ENOMEM. Waits for the connection if it is lost. Can
 * block.
 */
int qubesdb_write(struct qubesdb *db, const char *path, const void *value,
		  size_t n, uint64_t deadline);

/*
 * Remove a path, in dom0 and here; if it ends in '/', all that is below it. 0;
 * -ENOENT: there is nothing to remove; and errors as of qubesdb_write. Waits
 * for the connection if it is lost. Can block.
 */
int qubesdb_rm(struct qubesdb *db, const char *path, uint64_t deadline);

/* Signalled when anything in the copy has changed. */
struct event *qubesdb_changed(struct qubesdb *db);

/*
 * Commits. Who writes many entries ends with an empty value at their parent
 * (/qubes-firewall/10.137.0.9 after /qubes-firewall/10.137.0.9/0000 and so on).
 * Then fn is called with that path, and with "" after each copy that was taken
 * as a whole later than the first: anything may have changed. The database
 * stands still until fn returns, so that it never sees half of the next
 * change; it may block, but must not call qubesdb_write or _rm. One function;
 * NULL: none.
 */
void qubesdb_on_commit(struct qubesdb *db,
		       void (*fn)(void *arg, const char *path), void *arg);

/*
 * Give the TCP/IP stack's first interface the addresses that Qubes has for it
 * (/qubes-ip, -netmask, -gateway, -primary-dns, -secondary-dns), unless boot
 * parameters name others. To be called before the first socket is made. 0;
 * -ENOENT: no network is given to this qube; -EINVAL: what is given is no
 * address; -EBUSY: too late. Does not block.
 */
int qubesdb_configure(struct qubesdb *db);

FATA_END
#endif
