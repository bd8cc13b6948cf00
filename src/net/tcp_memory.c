/* SPDX-License-Identifier: ISC */
/*
 * Memory for what TCP receives: how much each peer may send (windows), and
 * which data is left to be sent again.
 *
 *     free memory, in reserves
 *        more   a connection that the program has not asked for data yet gets a
 *               64th of what others like it leave, up to 64 KiB
 *     8  .....
 *               a listener with connections that wait gets no more (tcp_ask.c)
 *     6  .....
 *               data that was not asked for waits if it comes too early, or is
 *               not the first
 *     5  .....
 *               what was asked for, too, if it comes too early, or would be
 *               added to what was not read yet
 *     4  .....
 *        less   any data waits but the next segment of what was asked for; no
 *               new connections
 *
 * Each connection that is read may have a 16th of what is above the fifth
 * reserve on its way, up to 1 MiB.
 *
 * A window follows memory at each quarter of it that is read; so one that is
 * little used stays as it began. What was announced is never taken back: a
 * window shrinks by not being opened again. A connection whose data is all read
 * always has a window of LEAST, so that none waits for memory to return.
 *
 *     read      announced            not yet
 *     ---------+-------------------+-----------
 *              rcv_nxt             rcv_ann_right_edge
 *              <--- rcv_wnd: what lwIP takes ---> (part of it not told yet)
 *
 * lwIP tells of rcv_wnd whenever it sends, if it has grown by a segment; alone,
 * a quarter of the window is told of.
 *
 * Interface: stack.h, tcp_find.h.
 */
#include <fata/heap.h>
#include <net/socket.h>
#include <net/stack.h>
#include <net/tcp_find.h>

/* What is left to the program, and to the interface, in such parts. */
#define RESERVE (1u << 18) /* or a 64th of a smaller memory */

#define PROMISE 8
#define UNASKED 6
#define ASKED   5

#define LEAST 4096
#define UNIT  (1u << TCP_RCV_SCALE)
#define FIRST (0xffff / UNIT * UNIT) /* a SYN can say no more */

/* A page holds one segment of Ethernet's, or a part of a larger one. */
#define PAGES 3

/* Units that peers may still send that the program has not asked for. */
static uint64_t unasked;

static size_t reserve(const struct heap_stat *h)
{
	return h->total / 64 < RESERVE ? h->total / 64 : RESERVE;
}

bool tcp_memory_short(unsigned reserves)
{
	struct heap_stat h;

	heap_quick_stat(&h);
	return h.free < reserves * reserve(&h);
}

/* What is free, less so many reserves and what was promised. */
static uint64_t spare(unsigned reserves, uint64_t promised)
{
	struct heap_stat h;

	heap_quick_stat(&h);
	promised += reserves * reserve(&h);
	return h.free > promised ? h.free - promised : 0;
}

bool tcp_memory_promised(void)
{
	return spare(PROMISE, PAGES * unasked * UNIT) < PAGES * LEAST;
}

/* --- windows -------------------------------------------------------------- */

static uint32_t limit(uint64_t n, uint32_t most)
{
	return n < LEAST ? LEAST : n < most ? (uint32_t)n : most;
}

static void promise(struct known *k, uint32_t bytes)
{
	unasked -= k->unasked;
	k->unasked = (uint16_t)(bytes / UNIT);
	unasked += k->unasked;
}

void tcp_memory_first(struct known *k)
{
	struct tcp_pcb *pcb = k->pcb;

	promise(k, limit(spare(PROMISE, PAGES * unasked * UNIT) / 64, FIRST));
	pcb->rcv_wnd = pcb->rcv_ann_wnd = k->unasked * UNIT;
}

void tcp_memory_over(struct known *k)
{
	promise(k, 0);
}

void tcp_memory_came(const struct socket *s, const struct tcp_pcb *pcb)
{
	struct known *k = tcp_find_known(pcb);

	if (!s->asked && k->unasked)
		promise(k, pcb->rcv_wnd);
}

void tcp_memory_asked(struct socket *s)
{
	s->asked = true;
	if (s->pcb)
		tcp_memory_over(tcp_find_known(s->pcb));
}

void tcp_memory_start(struct socket *s, struct tcp_pcb *pcb)
{
	if (pcb->rcv_wnd > 0xffff) /* our SYN has said that, not more */
		pcb->rcv_wnd = pcb->rcv_ann_wnd = 0xffff;
	s->window = pcb->rcv_wnd;
}

/* A quarter of it was read: what memory allows, in steps. */
static void resize(struct socket *s, const struct tcp_pcb *pcb)
{
	uint32_t most = limit(spare(ASKED, 0) / 16, TCP_WND_MAX(pcb));

	s->window = most < 4 * s->window ? most : 4 * s->window;
	s->taken = 0;
}

void tcp_memory_read(struct socket *s, size_t n)
{
	struct tcp_pcb *pcb = s->pcb;
	uint32_t room, untold;

	if (!pcb)
		return;
	s->taken += (uint32_t)n;
	if (s->taken >= s->window / 4)
		resize(s, pcb);
	room = s->window > s->queued ? s->window - s->queued : 0;
	if (room > pcb->rcv_wnd)
		pcb->rcv_wnd = room;
	untold = pcb->rcv_nxt + pcb->rcv_wnd - pcb->rcv_ann_right_edge;
	if ((int32_t)untold < LEAST / 2 || untold < s->window / 4)
		return;
	pcb->rcv_ann_wnd = pcb->rcv_wnd;
	tcp_ack_now(pcb);
	tcp_output(pcb);
}

void tcp_memory_close(struct tcp_pcb *pcb)
{
	struct known *k = tcp_find_known(pcb);

	if (k)
		tcp_memory_over(k);
	pcb->rcv_wnd = TCP_WND_MAX(pcb);
}

/* --- data that waits -------------------------------------------------------
 */

bool tcp_memory_waits(const struct tcp_pcb *pcb, const struct tcp_hdr *h,
		      const struct pbuf *p)
{
	/* one that was only asked for has its listener's, as it was then */
	const struct socket *s =
		pcb->state == SYN_RCVD ? NULL : pcb->callback_arg;
	unsigned head = TCPH_HDRLEN_BYTES(h);

	if (p->tot_len <= head)
		return false;
	if (!s || s->queued || lwip_ntohl(h->seqno) != pcb->rcv_nxt)
		return tcp_memory_short(s && s->asked ? ASKED : UNASKED);
	/* the program waits for it, or will */
	return (!s->asked || p->tot_len - head > TCP_MSS) &&
	       tcp_memory_short(TCP_MEMORY_LEAST);
}
