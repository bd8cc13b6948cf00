/* SPDX-License-Identifier: ISC */
/*
 * lwIP's clocks: functions that it wants called at an interval. By itself it
 * calls them for ever, ten times a second for multicast groups alone; here only
 * while there is something to wait for, so that an idle guest sleeps:
 *
 *     TCP             while a connection waits for something; else its clock
 *                     is moved on with the last ones below
 *     IGMP, MLD       while a report is due
 *     DHCP            with a lease, and while it waits for an answer
 *     ARP, ND, ...    always: once a second, all at the same time
 *
 * Interface: stack.h.
 */
#include <fata/clock.h>
#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <net/stack.h>

/*
 * TCP: 20 times a second while a connection waits for an answer, for room, for
 * the end of a delay. When none does, TCP is quiet: its clock tcp_ticks, which
 * says when connections that stand still end, needs a look once a second only.
 * It is right again before the next segment comes or is made (hooks.h), because
 * round trips are measured by it.
 */
bool tcp_quiet;
static uint32_t counted; /* tcp_ticks has counted up to here, while quiet */

static bool tcp_needed(void)
{
	return (tcp_active_pcbs || tcp_tw_pcbs) && !tcp_quiet;
}

static bool waits(const struct tcp_pcb *p)
{
	if (p->state != ESTABLISHED && p->state != CLOSE_WAIT &&
	    p->state != FIN_WAIT_2)
		return true;
	return p->unacked || p->unsent || p->ooseq || p->refused_data ||
	       p->persist_backoff ||
	       (p->flags & (TF_ACK_DELAY | TF_ACK_NOW | TF_CLOSEPEND));
}

static void tcp_tick(void)
{
	tcp_tmr();
	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		if (waits(p))
			return;
	tcp_quiet = true;
	counted = sys_now();
}

/* The ticks since it was looked at last. */
static uint32_t missed(void)
{
	uint32_t n = (sys_now() - counted) / TCP_SLOW_INTERVAL;

	counted += n * TCP_SLOW_INTERVAL;
	return n;
}

static void tcp_look(void)
{
	uint32_t n = tcp_quiet ? missed() : 0;

	if (!n)
		return;
	tcp_ticks += n - 1; /* tcp_slowtmr counts, too */
	tcp_slowtmr();
}

static bool igmp_needed(void)
{
	for (struct netif *n = netif_list; n; n = n->next)
		for (struct igmp_group *g = netif_igmp_data(n); g; g = g->next)
			if (g->timer)
				return true;
	return false;
}

static bool mld_needed(void)
{
	for (struct netif *n = netif_list; n; n = n->next)
		for (struct mld_group *g = netif_mld6_data(n); g; g = g->next)
			if (g->timer)
				return true;
	return false;
}

static bool lease_needed(void)
{
	for (struct netif *n = netif_list; n; n = n->next)
		if (netif_dhcp_data(n))
			return true;
	return false;
}

static bool answer_needed(void)
{
	for (struct netif *n = netif_list; n; n = n->next)
		if (netif_dhcp_data(n) && netif_dhcp_data(n)->request_timeout)
			return true;
	return false;
}

static struct tick {
	void (*run)(void);
	bool (*needed)(void); /* NULL: always */
	uint32_t ms;
	uint32_t last; /* when it was run, or needed again */
	bool on;
} ticks[] = {
	{tcp_tick, tcp_needed, TCP_TMR_INTERVAL, 0, false},
	{igmp_tmr, igmp_needed, IGMP_TMR_INTERVAL, 0, false},
	{mld6_tmr, mld_needed, MLD6_TMR_INTERVAL, 0, false},
	{dhcp_fine_tmr, answer_needed, DHCP_FINE_TIMER_MSECS, 0, false},
	{dhcp_coarse_tmr, lease_needed, DHCP_COARSE_TIMER_MSECS, 0, false},
	{tcp_look, NULL, ARP_TMR_INTERVAL, 0, false},
	{ip_reass_tmr, NULL, IP_TMR_INTERVAL, 0, false},
	{ip6_reass_tmr, NULL, IP6_REASS_TMR_INTERVAL, 0, false},
	{etharp_tmr, NULL, ARP_TMR_INTERVAL, 0, false},
	{nd6_tmr, NULL, ND6_TMR_INTERVAL, 0, false},
};
#define TICKS (sizeof(ticks) / sizeof(ticks[0]))

/* Is it going? One that was not begins now. */
static bool going(struct tick *t, uint32_t now)
{
	bool needed = !t->needed || t->needed();

	if (needed && !t->on)
		t->last = now;
	t->on = needed;
	return needed;
}

void ticks_run(void)
{
	uint32_t now = sys_now();

	for (struct tick *t = ticks; t < ticks + TICKS; t++) {
		if (!going(t, now) || now - t->last < t->ms)
			continue;
		/* what was missed by more than one is not made up for */
		t->last = now - t->last < 2 * t->ms ? t->last + t->ms : now;
		t->run();
	}
}

uint64_t ticks_deadline(void)
{
	uint32_t now = sys_now(), least = UINT32_MAX;

	for (struct tick *t = ticks; t < ticks + TICKS; t++) {
		uint32_t passed;

		if (!going(t, now))
			continue;
		passed = now - t->last < t->ms ? now - t->last : t->ms;
		if (t->ms - passed < least)
			least = t->ms - passed;
	}
	return clock_deadline(least * FATA_NS_PER_MS);
}

/* Who sleeps until another deadline is woken. */
void tcp_timer_needed(void)
{
	if (tcp_quiet)
		tcp_ticks += missed();
	tcp_quiet = false;
	if (!ticks[0].on)
		stack_wake();
}
