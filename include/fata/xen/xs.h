/* SPDX-License-Identifier: ISC */
/*
 * Xenstore: the host's small tree of strings, through which domains, the
 * toolstack and devices tell each other what they want
 * (xen/include/public/io/xs_wire.h, Xen's docs/misc/xenstore.txt).
 *
 * Paths: absolute ("/local/domain/3/name") or relative to the guest's own
 * directory ("device/vif/0"). At most 3071 bytes absolute, 2047 relative;
 * a request carries at most 4096 bytes. What is longer is refused with -E2BIG
 * before anything is sent.
 *
 * Every call that asks xenstore something can block, takes a deadline and can
 * be cancelled (-ETIMEDOUT, -ECANCELED: whether it took effect is then
 * unknown). Many tasks may ask at once; requests are told apart by number. All
 * of them may also return:
 *
 *     -ENODEV      this guest has no xenstore
 *     -ENOMEM      no memory for the request or for the answer
 *     -E2BIG       too long (see above); or a quota of xenstored's
 *     -EINVAL      a malformed path
 *     -ECONNRESET  the connection was reset (xenstored restarted, or the guest
 *                  was resumed elsewhere) while a request that cannot simply
 *                  be sent again was under way
 *     -EIO         xenstored broke the protocol and cannot be reconnected to
 *
 * and what xenstored says, which depends on the call: -ENOENT, -EACCES,
 * -EEXIST, -ENOSPC, -EAGAIN, -EDQUOT, ... (-EPROTO for an answer that makes no
 * sense). Strings that a call gives are the caller's, freed with heap_free (or
 * free); nothing is given when it fails.
 */
#ifndef FATA_XEN_XS_H
#define FATA_XEN_XS_H

#include <fata/event.h>

FATA_BEGIN

/* Bytes for any path with its NUL. */
#define XS_PATH_SIZE 3072

struct xs_call;

/*
 * A transaction; NULL stands for none wherever one is asked for. All fields
 * are private.
 */
struct xs_transaction {
	uint32_t id, connection;
	struct xs_call *end;
};

/* --- values ------------------------------------------------------------ */

/*
 * The value at path, with a NUL added behind it; *size (may be NULL) is its
 * length without that NUL, for values that contain NULs themselves.
 */
int xs_read(const struct xs_transaction *t, const char *path, char **value,
	    size_t *size, uint64_t deadline);

/* Set the value to n bytes; the node and its parents are made if needed. */
int xs_write(const struct xs_transaction *t, const char *path,
	     const void *value, size_t n, uint64_t deadline);

/* xs_write of a formatted value (log.h lists the formats). */
int xs_printf(const struct xs_transaction *t, const char *path,
	      uint64_t deadline, const char *format, ...) FATA_PRINTF(4, 5);

/*
 * The value as a decimal number from 0 to max and nothing else: -EINVAL for an
 * empty value, a sign, blanks or letters; -ERANGE for more than max.
 */
int xs_read_u64(const struct xs_transaction *t, const char *path, uint64_t max,
		uint64_t *value, uint64_t deadline);

/* The same parser for a string that one has: 0, -EINVAL or -ERANGE. */
int xs_parse_u64(const char *text, uint64_t max, uint64_t *value);

/* Make an empty node, and its parents. It may exist. */
int xs_mkdir(const struct xs_transaction *t, const char *path,
	     uint64_t deadline);

/* Remove a node and all below; -ENOENT only if its parent is missing, too. */
int xs_rm(const struct xs_transaction *t, const char *path, uint64_t deadline);

/*
 * The names of the children. *names and what it points to are one block to
 * free; *n is their count. A directory of more than 1 MiB is -E2BIG. A large
 * one that changes again and again while it is read in parts is -EAGAIN.
 */
int xs_directory(const struct xs_transaction *t, const char *path,
		 char ***names, unsigned *n, uint64_t deadline);

/* "%s/..." into a buffer of XS_PATH_SIZE: 0 or -E2BIG. Does not block. */
int xs_path(char *path, const char *format, ...) FATA_PRINTF(2, 3);

/* --- permissions ------------------------------------------------------- */

/* What a domain may do; flags (xenstore_lib.h). */
#define XS_PERM_NONE  0u
#define XS_PERM_READ  1u
#define XS_PERM_WRITE 2u

/*
 * The first entry names the owner, who may do everything, and what all others
 * may do; each later entry says what one domain may do.
 */
struct xs_permission {
	uint16_t domid;
	unsigned access; /* XS_PERM_* */
};

/* Read them: *list is one block to free, with *n >= 1 entries. */
int xs_get_permissions(const struct xs_transaction *t, const char *path,
		       struct xs_permission **list, unsigned *n,
		       uint64_t deadline);

/* Replace them, the owner first. -EACCES: only the owner may. */
int xs_set_permissions(const struct xs_transaction *t, const char *path,
		       const struct xs_permission *list, unsigned n,
		       uint64_t deadline);

/* --- transactions ------------------------------------------------------ */

/* Begin. On success end it with xs_transaction_end, exactly once. */
int xs_transaction_start(struct xs_transaction *t, uint64_t deadline);

/*
 * Commit or drop all that was done in t. A commit returns -EAGAIN when
 * somebody else changed what t saw: begin anew. So does every call with a
 * transaction that the connection's reset has ended, and the end, of either
 * kind, of one that xenstored has lost. After any result t is over.
 */
int xs_transaction_end(struct xs_transaction *t, bool commit,
		       uint64_t deadline);

/*
 * Run fn in a transaction and commit if it returns 0; once more after -EAGAIN
 * (from fn or the commit), with growing pauses, at most 50 times and until the
 * deadline. Another value of fn drops the transaction and is returned; so is
 * -EAGAIN after the last time. fn may run several times: it should do nothing
 * but ask xenstore.
 */
int xs_transaction(int (*fn)(struct xs_transaction *t, void *arg), void *arg,
		   uint64_t deadline);

/* --- watches ----------------------------------------------------------- */

/* A watch; from xs_watch, until xs_unwatch. All fields are private. */
struct xs_watch;

/*
 * Watch path and all below it. The first event comes at once, without any
 * change; so does one after a resume or a reconnection, since changes may have
 * been missed. path may be "@introduceDomain" or "@releaseDomain".
 *
 * With fn, it is called from the loop for each event and must not block; path
 * is what changed, valid during the call, or NULL when events were lost. fn
 * may call xs_unwatch, also for its own watch. With fn == NULL, events are
 * queued for xs_watch_next.
 */
int xs_watch(struct xs_watch **w, const char *path,
	     void (*fn)(void *arg, const char *path), void *arg,
	     uint64_t deadline);

/*
 * End a watch: no event comes any more, w is gone. Never fails, does not
 * block, needs no memory. No task may be waiting on it.
 */
void xs_unwatch(struct xs_watch *w);

/*
 * The path of the oldest queued event (*path is the caller's). -EOVERFLOW when
 * more came than the queue holds (64 different ones; equal ones in a row
 * count once) or memory was short: the queue is empty then, and the caller
 * should look at everything anew. Else -ETIMEDOUT, -ECANCELED. Can block.
 */
int xs_watch_next(struct xs_watch *w, char **path, uint64_t deadline);

/* Signalled for each event, with and without fn. */
struct event *xs_watch_event(struct xs_watch *w);

/*
 * Watch the n paths and call fn (on this task; it may block) at first and
 * after each event, until it returns anything but -EAGAIN; that is returned.
 * All is unwatched at any return.
 */
int xs_wait(const char *const *paths, unsigned n, int (*fn)(void *arg),
	    void *arg, uint64_t deadline);

/* --- domains (privileged guests, most of them) ------------------------- */

/* The directory of a domain, "/local/domain/N"; it need not exist. */
int xs_get_domain_path(uint16_t domid, char **path, uint64_t deadline);

/* Does xenstored serve this domain? */
int xs_is_domain_introduced(uint16_t domid, bool *yes, uint64_t deadline);

/* Make xenstored serve a domain through its ring page and channel. */
int xs_introduce(uint16_t domid, uint64_t gfn, uint32_t port,
		 uint64_t deadline);

/* Stop serving a domain. */
int xs_release(uint16_t domid, uint64_t deadline);

/* Tell that a domain was resumed after a suspend that was cancelled. */
int xs_resume(uint16_t domid, uint64_t deadline);

/* Let domid do what target may do. */
int xs_set_target(uint16_t domid, uint16_t target, uint64_t deadline);

/*
 * Have xenstored forget all watches and transactions of this guest; ours are
 * registered again. Done at boot by itself.
 */
int xs_reset_watches(uint64_t deadline);

/*
 * A command to xenstored itself (docs/misc/xenstore.txt, CONTROL), with its
 * arguments; *answer as of xs_read.
 */
int xs_control(const char *const *words, unsigned n, char **answer,
	       uint64_t deadline);

/* --- state ------------------------------------------------------------- */

/* The connection, and what went over it. */
struct xs_stat {
	bool present, connected;
	uint64_t requests, replies, events; /* since the start */
	uint64_t unknown;  /* messages that answered no request of ours */
	uint64_t lost;     /* watch events that found no room */
	uint64_t resets;   /* reconnections and resumes */
	unsigned watches;  /* registered now */
	unsigned underway; /* requests sent and not answered yet */
};

/* Fill *s with it. Does not block. */
void xs_stat(struct xs_stat *s);

FATA_END
#endif
