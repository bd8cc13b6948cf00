/* SPDX-License-Identifier: ISC */
/*
 * How long TCP waits for an acknowledgement (RFC 6298), and for a peer that
 * says nothing at all. lwIP counts in ticks of 100 ms; on its own it waits 3 s
 * for the first answer, takes all the time that a program says nothing after
 * connecting for a round trip, takes a repetition's answer for one, too, so
 * that everything is sent twice on a line that has become slow, and gives up
 * within 18 s (a new connection) or four minutes.
 *
 *                    first time-out      then              given up
 *     a new one      1 s                 doubled           127 s, as Linux
 *     in use         200 to 300 ms,      doubled, up to    15 minutes and more
 *                    or what the line    128 times
 *                    takes
 *
 * Interface: stack.h. The socket's callbacks call in; `before` is what the
 * connection was when lwIP got the segment that it is working on.
 */
#include <lwip/priv/tcp_priv.h>
#include <net/lwip/hooks.h>
#include <net/socket.h>
#include <net/stack.h>

#define TICKS(ms) ((ms) / TCP_SLOW_INTERVAL)
#define FIRST	  TICKS(1000)
#define UNKNOWN	  TICKS(3000) /* no round trip was measured: RFC 6298, 5.7 */
#define LEAST	  3	      /* the first of them is a part of one */
#define MOST	  TICKS(60000)
#define LOOK	  TICKS(10000)
#define GIVE_UP	  TICKS(15 * 60 * 1000)
#define KEEP	  9 /* repetitions that are counted until then */

static struct {
	const struct tcp_pcb *pcb;
	u32_t rttest;
	s16_t rto, sa, sv;
	u8_t nrtx;
} before;

/* lwIP itself does not wait longer each time. */
static err_t look_connecting(void *arg, struct tcp_pcb *pcb)
{
	(void)arg;
	pcb->rto = (s16_t)(FIRST << pcb->nrtx);
	return ERR_OK;
}

void tcp_time_connect(struct tcp_pcb *pcb)
{
	pcb->rto = pcb->sv = FIRST;
	tcp_poll(pcb, look_connecting, 1);
}

static err_t passive_open(u8_t id, struct tcp_pcb_listen *l,
			  struct tcp_pcb *pcb)
{
	(void)id;
	(void)l;
	pcb->rto = pcb->sv = FIRST;
	return ERR_OK;
}

void tcp_time_listen(struct tcp_pcb *listener)
{
	static const struct tcp_ext_arg_callbacks callbacks = {
		.passive_open = passive_open};

	tcp_ext_arg_set_callbacks(listener, 0, &callbacks);
}

/*
 * lwIP gives up after twelve repetitions, which may be four minutes: a backend
 * that starts anew may take longer.
 */
static err_t look(void *arg, struct tcp_pcb *pcb)
{
	struct socket *s = arg;

	if (!pcb->nrtx && !pcb->persist_probe)
		s->heard = tcp_ticks;
	if (tcp_ticks - s->heard < GIVE_UP) {
		if (pcb->nrtx > KEEP)
			pcb->nrtx = KEEP;
		if (pcb->persist_probe > KEEP)
			pcb->persist_probe = KEEP;
	}
	return ERR_OK;
}

void tcp_time_connected(struct socket *s, struct tcp_pcb *pcb)
{
	s16_t trip = (s16_t)(tcp_ticks - pcb->rttest);

	if (pcb->nrtx) { /* it may have been the first, or a later one */
		pcb->sa = 0;
		pcb->sv = UNKNOWN;
	} else {
		pcb->sa = (s16_t)(trip << 3);
		pcb->sv = trip * 2 > LEAST ? (s16_t)(trip * 2) : LEAST;
	}
	pcb->rto = (s16_t)((pcb->sa >> 3) + pcb->sv);
	pcb->rttest = 0;
	pcb->nrtx = 0;
	s->heard = tcp_ticks;
	tcp_poll(pcb, look, LOOK);
}

err_t tcp_time_before(const struct tcp_pcb *pcb)
{
	if (tcp_quiet)
		tcp_timer_needed();
	before.pcb = NULL;
	if (pcb->state == LISTEN || pcb->state == TIME_WAIT)
		return ERR_OK;
	before.pcb = pcb;
	before.rttest = pcb->rttest;
	before.rto = pcb->rto;
	before.sa = pcb->sa;
	before.sv = pcb->sv;
	before.nrtx = pcb->nrtx;
	return ERR_OK;
}

/* As lwIP does: RFC 6298, 2.3; sa is 8 round trips, sv 4 variances. */
static void learn(struct tcp_pcb *pcb, s16_t trip)
{
	s16_t error = (s16_t)(trip - (pcb->sa >> 3));

	pcb->sa = (s16_t)(pcb->sa + error);
	error = (s16_t)((error < 0 ? -error : error) - (pcb->sv >> 2));
	pcb->sv = (s16_t)(pcb->sv + error);
	pcb->rto = (s16_t)((pcb->sa >> 3) + pcb->sv);
}

/*
 * Nobody knows which of several is acknowledged, so that no round trip was
 * measured (Karn's algorithm), and what was doubled stays so until one is.
 */
void tcp_time_acked(struct socket *s, struct tcp_pcb *pcb)
{
	if (before.pcb != pcb)
		return;
	if (before.nrtx) {
		if (!s->doubled) {
			s->sa = before.sa;
			s->sv = before.sv;
		}
		/* the next time-outs are doubled from this, too */
		s->doubled = before.rto < MOST ? before.rto : MOST;
		pcb->sa = before.sa;
		pcb->sv = (s16_t)(s->doubled - (before.sa >> 3));
	} else if (before.rttest && !pcb->rttest && s->doubled) {
		s->doubled = 0;
		pcb->sa = s->sa;
		pcb->sv = s->sv;
		learn(pcb, (s16_t)(tcp_ticks - before.rttest));
	}
	if (s->doubled)
		pcb->rto = s->doubled;
}
