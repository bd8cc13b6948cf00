/* SPDX-License-Identifier: ISC */
/*
 * Mutual exclusion, conditions and channels between tasks.
 *
 * Because nothing is preempted, a mutex is needed only around a section that
 * itself blocks. Waiters are served in the order of their arrival. Objects
 * are valid when zero-initialised (channels need chan_init) and must stay in
 * place while tasks wait on them.
 */
#ifndef FATA_SYNC_H
#define FATA_SYNC_H

#include <fata/event.h>

FATA_BEGIN

/* task.h's; and, private, one that waits. */
struct task;
struct sync_waiter;

/* Tasks that wait, in the order of their arrival. Private. */
struct sync_queue {
	struct sync_waiter *first, *last;
};

/* All fields are private. */
struct mutex {
	struct task *owner;
	struct sync_queue waiters;
};

/*
 * Take the mutex; it is handed over in order of arrival. Returns 0,
 * -ETIMEDOUT, -ECANCELED, or -EDEADLK when the caller holds it already.
 * Can block.
 */
int mutex_lock(struct mutex *m, uint64_t deadline);

/* Take it if it is free: 0, -EBUSY or -EDEADLK. Does not block. */
int mutex_trylock(struct mutex *m);

/* Give it to the first waiter, or free it. Only the owner may. */
void mutex_unlock(struct mutex *m);

/* All fields are private. */
struct cond {
	struct sync_queue waiters;
};

/*
 * Release m, wait for a signal, take m again (always, without a deadline, even
 * after an error). Returns 0, -ETIMEDOUT or -ECANCELED. No spurious wake-ups.
 * Can block.
 */
int cond_wait(struct cond *c, struct mutex *m, uint64_t deadline);

/* Wake the first waiter, or nobody. */
void cond_signal(struct cond *c);

/* Wake all who wait now. */
void cond_broadcast(struct cond *c);

/*
 * A channel: a queue of up to `capacity` messages of `size` bytes each, copied
 * in and out. With capacity 0 a sender waits until a receiver has the message.
 * All fields are private.
 */
struct chan {
	size_t size;
	unsigned capacity, used, head;
	bool closed;
	unsigned char *slots;
	struct sync_queue senders, receivers;
	struct event readable, writable;
};

/* Make *c an empty channel. Returns 0, -ENOMEM or -EINVAL (size 0). */
int chan_init(struct chan *c, size_t size, unsigned capacity);

/* Free what the channel holds. Nobody may be waiting on it. */
void chan_destroy(struct chan *c);

/*
 * Send a copy of *message. Returns 0, -ETIMEDOUT, -ECANCELED, or -EPIPE when
 * the channel is closed. Can block.
 */
int chan_send(struct chan *c, const void *message, uint64_t deadline);

/*
 * Receive into *message. Returns 0, -ETIMEDOUT, -ECANCELED, or -EPIPE when the
 * channel is closed and empty. Can block.
 */
int chan_recv(struct chan *c, void *message, uint64_t deadline);

/*
 * Wake everybody; sends fail from now on, those that wait included, receives
 * drain what is left.
 */
void chan_close(struct chan *c);

/*
 * Signalled when a receive may now succeed, or the channel is closed; for
 * event_wait_any, followed by chan_recv with deadline 0. With capacity 0 that
 * succeeds only while a sender waits. The channel's, valid as long as it.
 */
struct event *chan_readable(struct chan *c);

/*
 * The same for sending: signalled when a message was taken and nobody waited to
 * send another; with capacity 0, when a receiver begins to wait.
 */
struct event *chan_writable(struct chan *c);

FATA_END
#endif
