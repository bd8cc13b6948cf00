/* SPDX-License-Identifier: ISC */
/*
 * Large segments of TCP: how large they are cut, and when they leave.
 *
 * lwIP cuts data when it is queued, into segments of pcb->mss bytes. Before
 * each queueing we set mss to a multiple of the real segment size that the
 * peer's window and the congestion window can take twice. The real one is kept
 * as each connection's extra word; offload.c tells it to the interface.
 */
#include <lwip/priv/tcp_priv.h>
#include <net/stack.h>

/* With headers below 64 KiB - 1; at 1460 bytes each it is 44 segments. */
#define LARGE_MAX 65000

/* So much not acknowledged yet: a stream, which is sent in large pieces. */
#define STREAM 65536

uint16_t tcp_cut_real_mss(const struct tcp_pcb *pcb)
{
	return (uint16_t)(uintptr_t)tcp_ext_arg_get(pcb, 0);
}

/* Beside the segment size: nothing was queued on this connection yet. */
#define FRESH 0x10000u

void tcp_cut_connected(struct tcp_pcb *pcb)
{
	tcp_ext_arg_set(pcb, 0, (void *)(uintptr_t)(pcb->mss | FRESH));
}

/* Ten segments to begin with (RFC 6928); lwIP has set its own after accept. */
static void open_window(struct tcp_pcb *pcb)
{
	uintptr_t word = (uintptr_t)tcp_ext_arg_get(pcb, 0);

	if (!(word & FRESH))
		return;
	tcp_ext_arg_set(pcb, 0, (void *)(word & ~(uintptr_t)FRESH));
	if (pcb->cwnd < 10u * pcb->mss)
		pcb->cwnd = 10u * pcb->mss;
}

static const struct tcp_seg *last_unsent(const struct tcp_pcb *pcb)
{
	const struct tcp_seg *seg = pcb->unsent;

	while (seg && seg->next)
		seg = seg->next;
	return seg;
}

unsigned tcp_cut_prepare(struct tcp_pcb *pcb)
{
	const struct netif *netif = ip_route(&pcb->local_ip, &pcb->remote_ip);
	const struct tcp_seg *last = last_unsent(pcb);
	uint32_t mss = tcp_cut_real_mss(pcb), room, n;
	const struct link *l;

	open_window(pcb);
	if (!mss || !netif || netif->linkoutput == NULL || !netif->state)
		return pcb->mss;
	l = netif->state;
	if (!(IP_IS_V6(&pcb->remote_ip) ? l->info.send_gso6
					: l->info.send_gso4))
		return pcb->mss;
	room = pcb->cwnd < pcb->snd_wnd_max ? pcb->cwnd : pcb->snd_wnd_max;
	n = room / 2 / mss;
	if (n > LARGE_MAX / mss)
		n = LARGE_MAX / mss;
	/* lwIP fills the last segment up: never below what it has already */
	if (last && n < (last->len + mss - 1) / mss)
		n = (last->len + mss - 1) / mss;
	pcb->mss = (u16_t)(mss * (n ? n : 1));
	return pcb->mss;
}

size_t tcp_cut_room(const struct tcp_pcb *pcb)
{
	size_t queued = pcb->snd_lbb - pcb->lastack;
	size_t limit = 2 * (size_t)pcb->cwnd + STREAM;

	if (limit > TCP_SND_BUF)
		limit = TCP_SND_BUF;
	limit = queued < limit ? limit - queued : 0;
	return limit < pcb->snd_buf ? limit : pcb->snd_buf;
}

/*
 * When to send. To lwIP the last, unfinished large segment is a small one, and
 * Nagle's algorithm would hold it back until all else is acknowledged. What it
 * must hold back is less than a real segment. But in a stream the next write
 * fills the segment up, if that is not long in coming: then it waits until the
 * program blocks, that is until the link's task runs (stack.c).
 */
static struct tcp_pcb *held;

static void output_whole(struct tcp_pcb *pcb)
{
	tcp_cut_acked(pcb);
	tcp_output(pcb);
}

void tcp_cut_acked(struct tcp_pcb *pcb)
{
	const struct tcp_seg *last = last_unsent(pcb);

	/* this flag of lwIP's suspends the algorithm for one tcp_output */
	if (last && last->len >= tcp_cut_real_mss(pcb))
		tcp_set_flags(pcb, TF_NAGLEMEMERR);
}

bool tcp_cut_output(struct tcp_pcb *pcb)
{
	const struct tcp_seg *last = last_unsent(pcb);
	tcpflags_t nodelay = pcb->flags & TF_NODELAY;

	if (!last || last->len >= pcb->mss ||
	    pcb->snd_lbb - pcb->lastack < STREAM) {
		output_whole(pcb);
		return false;
	}
	tcp_clear_flags(pcb, TF_NODELAY);
	tcp_output(pcb);
	tcp_set_flags(pcb, nodelay);
	if (!pcb->unsent || held == pcb)
		return held == pcb;
	tcp_cut_push();
	held = pcb;
	return true;
}

void tcp_cut_push(void)
{
	struct tcp_pcb *pcb = held;

	held = NULL;
	if (pcb)
		output_whole(pcb);
}

void tcp_cut_forget(const struct tcp_pcb *pcb)
{
	if (held == pcb)
		held = NULL;
}
