/* SPDX-License-Identifier: ISC */
/*
 * Sockets within the guest: AF_UNIX.
 *
 *     local.c       their lives, names and connections; never waits
 *     local_queue.c what is sent to them; never waits
 *     local_call.c  the system calls, for these and for the network's sockets
 *     local_data.c  those that send and receive
 *     local_msg.c   sendmsg and recvmsg, with files sent along (SCM_RIGHTS)
 *     local_opt.c   options
 *
 * A socket holds its peer's structure, which can outlive the peer's file:
 *
 *     file -- local -- peer --> local -- file         a pair
 *               ^                 ^
 *             queue             queue     what has been sent to it
 *
 * Linked only into programs that call socketpair() or socket(): table.c refers
 * to the calls weakly, local_call.c to all of them.
 */
#ifndef FATA_LIBC_LOCAL_H
#define FATA_LIBC_LOCAL_H

#include <core/list.h>
#include <fata/event.h>
#include <libc/file.h>
#include <libc/socket.h>
#include <sys/un.h>

#define LOCAL_LIMIT 212992 /* bytes in a queue; Linux's default */
#define LOCAL_FILES 253	   /* that one message may carry; Linux's SCM_MAX_FD */

struct node;

/* What follows sun_family; size 0: nameless. A first byte of 0: abstract. */
struct local_name {
	unsigned size;
	char path[108];
};

struct local {
	unsigned refs;
	int type;	    /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	struct local *peer; /* or NULL */
	struct list queue;  /* of struct message */
	size_t queued;	    /* bytes in it */
	struct event event; /* whenever anything of this changes */
	struct local_name name;
	struct node *node;	   /* the name's, in the name space */
	struct list bound;	   /* all that have names */
	struct list waiting, link; /* for accept; in the listener's list */
	struct list senders, sending; /* datagram sockets connected to this */
	unsigned n_waiting, backlog;
	bool listening, connected, closed, no_read, no_write, credentials;
};

/* Bytes to be sent, or room for them, in several pieces. */
struct pieces {
	const struct iovec *v;
	int n;
	size_t at; /* in the first one */
};

/* What comes with a message, beside its bytes. */
struct extras {
	struct local_name from;
	struct file *files[LOCAL_FILES]; /* each with a reference */
	unsigned n;
	size_t whole; /* the message's size */
};

extern const struct file_ops local_ops;

/* The socket of this number, with a reference to its file, or NULL. */
struct file *local_get(int fd);

static inline struct local *local_of(const struct file *f)
{
	return f->data;
}

struct local *local_new(int type);

/* A file for it, and a number: a system call's result. */
long local_add(struct local *s, int flags);

/* Give back a reference; the last file's end is local_ops.close. */
void local_put(struct local *s);

int local_bind(struct local *s, const struct local_name *name);
int local_listen(struct local *s, int backlog);

/* -EAGAIN: the listener's list is full. *at: who to wait for then. */
int local_connect(struct local *s, const struct local_name *name,
		  struct local **at);
void local_pair(struct local *a, struct local *b);

/* The next that wants to be accepted; -EAGAIN. */
int local_accept(struct local *s, struct local **out);

/* Who has this name, with a reference: 0, -ECONNREFUSED, -ENOENT. */
int local_find(const struct local_name *name, int type, struct local **out);

void local_shutdown(struct local *s, bool read, bool write);

/*
 * Send to `to`, or to the peer. Takes the extras' files when it succeeds. A
 * count, -EAGAIN, -EPIPE (no signal yet), -ECONNREFUSED, -ENOTCONN, -EMSGSIZE.
 */
ssize_t local_send(struct local *s, struct local *to, struct pieces *p,
		   struct extras *x);

/* A count, 0 at the end, -EAGAIN, -ENOTCONN. Without x files are closed. */
ssize_t local_receive(struct local *s, struct pieces *p, bool peek,
		      struct extras *x);

short local_poll(struct local *s);

/* Bytes that the next read could give; of datagrams the first one's. */
size_t local_readable(const struct local *s);

/* Drop what is in the queue. */
void local_empty(struct local *s);

/* --- local_call.c --------------------------------------------------------- */

/* socket(AF_UNIX, type, protocol). */
long local_socket(int type, int protocol);

/* A program's sockaddr_un. 0, -EFAULT, -EINVAL. */
int local_name_in(const void *address, unsigned size, struct local_name *n);
int local_name_out(const struct local_name *n, void *address, unsigned *size);

/* Until when this file may wait: SO_RCVTIMEO, SO_SNDTIMEO. */
uint64_t local_deadline(const struct file *f, bool write);

/* What there is to say of a number when there is no network. */
long not_a_socket(int fd);

/* The network's call, if the program has a network. */
#define NETWORK(call, fd, ...)                                                 \
	((call) ? (call)(fd, ##__VA_ARGS__) : not_a_socket(fd))

/* Wait for s to change. 0, -EAGAIN (not allowed, or too long), -EINTR. */
int local_wait(struct file *f, struct local *s, int flags, uint64_t *seen,
	       uint64_t deadline);
ssize_t local_send_all(struct file *f, const struct local_name *to,
		       struct pieces p, int flags, struct extras *x);
ssize_t local_receive_some(struct file *f, struct pieces p, int flags,
			   struct extras *x);

long call_socket(int domain, int type, int protocol);
long call_socketpair(int domain, int type, int protocol, int *fds);
long call_bind(int fd, const void *address, unsigned size);
long call_listen(int fd, int backlog);
long call_accept(int fd, void *address, unsigned *size);
long call_accept4(int fd, void *address, unsigned *size, int flags);
long call_connect(int fd, const void *address, unsigned size);
long call_getsockname(int fd, void *address, unsigned *size);
long call_getpeername(int fd, void *address, unsigned *size);
long call_sendto(int fd, const void *p, size_t n, int flags, const void *to,
		 unsigned size);
long call_recvfrom(int fd, void *p, size_t n, int flags, void *from,
		   unsigned *size);
long call_shutdown(int fd, int how);
long call_setsockopt(int fd, int level, int name, const void *value,
		     unsigned size);
long call_getsockopt(int fd, int level, int name, void *value,
		     unsigned *size);

/* --- local_msg.c ---------------------------------------------------------- */

/* Close the files that nobody took. */
void extras_drop(struct extras *x);

long call_sendmsg(int fd, const struct msghdr *m, int flags);
long call_recvmsg(int fd, struct msghdr *m, int flags);
long call_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
long call_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags,
		   const struct timespec *time);

#endif
