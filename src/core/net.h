/* SPDX-License-Identifier: ISC */
/*
 * What all kinds of network interfaces share (fata/net.h): figures, events, the
 * waiting (net.c), frames and their pages (net_frame.c). A kind embeds struct
 * net at its beginning and brings the rest as struct net_ops; none of these
 * blocks.
 *
 * Interface: a kind signals `readable` whenever there may be a frame after
 * arm_receive has returned false, `writable` likewise for send, and `changed`
 * when info changes.
 */
#ifndef FATA_CORE_NET_H
#define FATA_CORE_NET_H

#include <fata/net.h>
#include <fata/page.h>

/* Pages that are kept for the next frames. */
#define NET_POOL 512

/*
 * Where pages of frames come from and go back to. An interface has its own, so
 * that what stands in the unused part of a page that is sent was never seen by
 * another one's backend; or many share one, if they show no such parts.
 */
struct net_pool {
	unsigned pages;
	void *page[NET_POOL];
};

struct net_events {
	struct event readable, writable, changed;
};

struct net_ops {
	/* Up to max frames that are there now: their number, or an error. */
	int (*receive)(struct net *n, struct net_frame **frames, unsigned max);

	/* Ask to be told of the next frame; true: there is one already. */
	bool (*arm_receive)(struct net *n);

	/* As net_send; 0: no room now. */
	int (*send)(struct net *n, struct net_frame **frames, unsigned count);

	/* Ask to be told of room; true: there is some already. */
	bool (*arm_send)(struct net *n);

	/* As net_info, for what changes without a signal; may be NULL. */
	void (*refresh)(struct net *n);

	/* As net_join and net_filter; without join groups do not matter. */
	int (*join)(struct net *n, const unsigned char *group);
	int (*leave)(struct net *n, const unsigned char *group);
	int (*filter)(struct net *n, bool on);
};

struct net {
	const struct net_ops *ops;
	struct net_pool *pool;
	struct net_events *on;
	struct net_info info;
	struct net_stat stat;
	bool gone; /* for ever: nobody waits any more */
};

/* The page that a piece lies in. */
static inline void *net_page_of(const void *p)
{
	return (void *)((uintptr_t)p & ~(uintptr_t)(PAGE_SIZE - 1));
}

/* A page for a frame: from the pool, else a new one. NULL: memory is short. */
void *net_page_get(struct net_pool *pool);
void net_page_put(struct net_pool *pool, void *page);

/* 0, or why this frame can never be sent there (net_send). */
int net_frame_judge(const struct net *n, const struct net_frame *f);

/* An empty frame without pieces. A piece without data owns no page. */
struct net_frame *net_frame_new(struct net_pool *pool);

#endif
