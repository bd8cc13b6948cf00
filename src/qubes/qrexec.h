/* SPDX-License-Identifier: ISC */
/*
 * qrexec's inside. Two kinds of connections, and messages of one form on both:
 *
 *     control   vchan 512, the guest serves, dom0's daemon is the client:
 *               what is to be run, and what we ask for
 *     data      one vchan for each call, its domain and port named on the
 *               first: the service's side is the client, the caller's serves
 *
 *     message   type (4)  size (4), then so many bytes
 *     params    domain (4)  port (4), then a text with its NUL
 *
 * Both begin with a HELLO (4 bytes: the version) each way; the lower version
 * counts.
 *
 * Files: qrexec_wire.c what may come (nothing else touches a peer's bytes),
 * qrexec.c the control connection, qrexec_call.c data connections,
 * qrexec_serve.c what is asked of us.
 *
 * Source: QubesOS/qubes-core-qrexec, libqrexec/qrexec.h, agent/.
 */
#ifndef FATA_QUBES_QREXEC_H
#define FATA_QUBES_QREXEC_H

#include <core/list.h>
#include <fata/event.h>
#include <fata/qrexec.h>
#include <fata/sync.h>
#include <qubes/link.h>

enum qrexec_type {
	QREXEC_STDIN = 0x190,
	QREXEC_STDOUT = 0x191,
	QREXEC_STDERR = 0x192,
	QREXEC_EXIT_CODE = 0x193,
	QREXEC_EXEC = 0x200,
	QREXEC_JUST_EXEC = 0x201, /* without a stream */
	QREXEC_CONNECT = 0x202,   /* our request was granted */
	QREXEC_REFUSE = 0x203,
	QREXEC_TRIGGER = 0x210,
	QREXEC_TERMINATED = 0x211,
	QREXEC_TRIGGER3 = 0x212,
	QREXEC_HELLO = 0x300,
};

#define QREXEC_PORT       512
#define QREXEC_VERSION    3 /* ours */
#define QREXEC_IDENT      32
#define QREXEC_TEXT_MAX   65535 /* of params */
#define QREXEC_NAME_MAX   65000 /* of a service that is called */
#define QREXEC_RING       65536 /* of a data connection */
#define QREXEC_MSG_NS     (30 * FATA_NS_PER_S)
#define QREXEC_CONNECT_NS (120 * FATA_NS_PER_S) /* as Qubes' agent */

struct qrexec_header {
	uint32_t type, size;
};

struct qrexec_params {
	uint32_t domain, port;
};

/* --- qrexec_wire.c ------------------------------------------------------ */

enum qrexec_side {
	QREXEC_CONTROL, /* we read what dom0's daemon says */
	QREXEC_SERVING, /* what the caller of our service says */
	QREXEC_CALLING, /* what the service that we call says */
};

/* Bytes of one message of data, by the version. */
uint32_t qrexec_chunk(uint32_t version);

/* 0, or -EPROTO: no message for this side, or of a wrong size. */
int qrexec_check(const struct qrexec_header *h, enum qrexec_side side,
		 uint32_t version);

/* The version that both speak: 2, 3, or -EPROTO. */
int qrexec_version(const struct qrexec_header *h, uint32_t theirs);

/* A text of n bytes ends in its only NUL. */
bool qrexec_is_text(const char *text, size_t n);

/*
 * Take "USER:[nogui:]QUBESRPC SERVICE[+ARGUMENT] SOURCE ..." apart, in place.
 * 0; -ENOENT: a command, not a service; -EINVAL: neither.
 */
int qrexec_parse(char *text, struct qrexec_request *r);

/* The number in an ident of ours, or -EINVAL. */
int64_t qrexec_ident(const char *text, size_t n);

/* --- connections -------------------------------------------------------- */

/* A HELLO each way; the version or an error. */
int qrexec_hello(struct link *l, uint64_t deadline);

/* A message whole or not at all, if it fits into the ring. */
int qrexec_send(struct link *l, uint32_t type, const void *data, size_t n,
		uint64_t deadline);

struct qrexec {
	struct link link; /* control */
	struct task *task;
	const struct qrexec_service *services;
	struct event state; /* connected, a request answered, a call ended */
	bool closing, connected;
	int error; /* why the task ended */
	uint32_t version, session, next_ident;
	struct mutex sending;
	struct list requests; /* of ours, that dom0 has not answered */
	struct list calls;    /* that are being served */
	unsigned n_calls;
};

/* A request of ours, on its task's stack. */
struct qrexec_asked {
	struct list entry;
	uint32_t ident;
	int result; /* -EINPROGRESS: no answer yet */
	struct qrexec_params where;
};

struct qrexec_call {
	struct list entry;
	struct qrexec *q;
	struct link link;
	struct task *task; /* of a call that is served */
	struct qrexec_params where;
	uint32_t session; /* of the control connection that named the port */
	enum qrexec_side side;
	uint32_t version;
	bool just;  /* no stream */
	bool ended; /* our stream's end has been sent */
	bool eof;   /* theirs has come */
	/* what the service gave; of a call of ours: -EINPROGRESS: not known */
	int status;
	uint32_t code; /* that status as it comes in */
	struct qrexec_request request;
	const struct qrexec_service *service; /* NULL: there is none */
	struct qrexec_header header; /* of the message that comes in ... */
	uint32_t have;               /* ... so many bytes of it are here */
	uint32_t left;               /* of its data are still to come */
	char *text;                  /* what request points into */
};

/*
 * A control message, once it is its turn (until the deadline); one that goes
 * through in part cuts the connection.
 */
int qrexec_control(struct qrexec *q, uint32_t type, const void *data, size_t n,
		   uint64_t deadline);

/* The port of a call is free again, if that session is still there. */
void qrexec_terminated(struct qrexec *q, uint32_t session,
		       struct qrexec_params where);

/* Serve EXEC or JUST_EXEC; text is taken. 0 or -ENOMEM, -EBUSY. */
int qrexec_serve(struct qrexec *q, bool just, struct qrexec_params where,
		 char *text);

#endif
