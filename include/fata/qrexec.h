/* SPDX-License-Identifier: ISC */
/*
 * qrexec: services between qubes, by the policy of dom0. A guest serves those
 * that it registers, and calls those of other qubes; each call has a stream
 * both ways and ends with an exit status.
 *
 *     static int echo(struct qrexec_call *c, void *arg)
 *     {
 *             char data[512];
 *             ssize_t n;
 *
 *             while ((n = qrexec_read(c, data, sizeof(data), soon())) > 0)
 *                     qrexec_write(c, data, n, soon());
 *             return n < 0;
 *     }
 *
 *     static const struct qrexec_service services[] = {
 *             {.name = "my.Echo", .serve = echo}, {.name = NULL}};
 *     qrexec_open(services, &q);
 *
 * A service that nobody registered is answered with status 127, except for
 * qubes.SetDateTime and qubes.WaitForSession, which succeed: the guest's clock
 * is Xen's, and there is no session to wait for.
 *
 * Peers are not trusted: what breaks the protocol ends that call, or the
 * connection to dom0, which is then made anew.
 *
 * Source: QubesOS/qubes-core-qrexec, libqrexec/qrexec.h and doc/qrexec.rst;
 * protocol versions 2 and 3 (Qubes OS 3.0 and later).
 */
#ifndef FATA_QREXEC_H
#define FATA_QREXEC_H

#include <fata/base.h>

FATA_BEGIN

/* Statuses of qrexec's own. */
#define QREXEC_PROBLEM   125 /* something is wrong with qrexec itself */
#define QREXEC_REFUSED   126 /* by the policy */
#define QREXEC_NOT_FOUND 127 /* no such service */

/* Calls served at once; further ones are turned away. */
#define QREXEC_CALLS_MAX 32

/* The connection to dom0, and what is served; from qrexec_open. */
struct qrexec;

/* A call: one that is served, until its function returns; or one's own. */
struct qrexec_call;

/* A service; the caller's memory (see qrexec_open). */
struct qrexec_service {
	const char *name; /* NULL ends the list */
	/* on a task of its own; the exit status, 0 to 255 */
	int (*serve)(struct qrexec_call *c, void *arg);
	void *arg;
	size_t stack_size; /* 0: the usual one */
};

/* Who asks for what; valid as long as the call. */
struct qrexec_request {
	const char *user;     /* "user", "root", "DEFAULT" */
	const char *service;  /* without its argument */
	const char *argument; /* behind the '+'; "" if there is none */
	const char *source;   /* the qube that calls */
};

/*
 * Begin to serve; dom0 connects when it likes. The services are the caller's
 * and stay in place until qrexec_close. 0 or -ENOMEM. Does not block.
 */
int qrexec_open(const struct qrexec_service *services, struct qrexec **q);

/*
 * End it: the blocking calls of services that run fail, and when all of those
 * have returned everything is freed. Calls of one's own must have been
 * finished. May be NULL. Can block.
 */
void qrexec_close(struct qrexec *q);

/* Until dom0 is connected: 0, -ENODEV, -ETIMEDOUT, -ECANCELED. Can block. */
int qrexec_wait(struct qrexec *q, uint64_t deadline);

/* What is asked for; for a call of one's own, all fields are "". */
const struct qrexec_request *qrexec_request(const struct qrexec_call *c);

/*
 * Read at least one and at most n bytes of what the other side writes. Their
 * count; 0 at its end; -ETIMEDOUT (nothing is lost), -ECANCELED, -ECONNRESET,
 * -EPROTO or -EIO (it broke the rules). Can block.
 */
ssize_t qrexec_read(struct qrexec_call *c, void *data, size_t n,
		    uint64_t deadline);

/*
 * Write. n, or fewer when an error came in between; or, with none written,
 * -EPIPE (the other side is gone, or qrexec_end_write was called), -ETIMEDOUT,
 * -ECANCELED, -ECONNRESET. Can block.
 */
ssize_t qrexec_write(struct qrexec_call *c, const void *data, size_t n,
		     uint64_t deadline);

/* The same to the caller's standard error; -EINVAL in a call of one's own. */
ssize_t qrexec_write_error(struct qrexec_call *c, const void *data, size_t n,
			   uint64_t deadline);

/* No more will be written; reading goes on. 0 or as of qrexec_write. */
int qrexec_end_write(struct qrexec_call *c, uint64_t deadline);

/*
 * Call a service ("qubes.Name" or "qubes.Name+argument") of a qube ("work",
 * "@default", "@dispvm"), if dom0's policy lets us; the user may be asked. 0;
 * -EACCES: refused; -ENAMETOOLONG, -EINVAL (an empty name), -ECONNRESET,
 * -EPROTO, -ETIMEDOUT, -ECANCELED, -ENOMEM, and errors of vchan.h. Can block.
 */
int qrexec_call(struct qrexec *q, const char *target, const char *service,
		struct qrexec_call **c, uint64_t deadline);

/*
 * End a call of one's own: ends writing, reads and drops what is left, takes
 * the exit status, and frees the call in any case. 0 with *status (may be
 * NULL), or an error as of qrexec_read: -ECONNRESET also if the other side
 * went without a status. Can block.
 */
int qrexec_finish(struct qrexec_call *c, int *status, uint64_t deadline);

FATA_END
#endif
