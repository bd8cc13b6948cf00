/* SPDX-License-Identifier: ISC */
/*
 * Socket options: those that change something here, those that are told but
 * change nothing (buffers are as large as they are), and -ENOPROTOOPT.
 *
 * SO_LINGER: a close never waits, what was sent is still delivered; with a
 * time of 0 it resets the connection, as anywhere.
 */
#include <errno.h>
#include <fata/clock.h>
#include <libc/socket.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>
#include <net/socket.h>
#include <net/stack.h>
#include <string.h>
#include <sys/time.h>

#define OPT_TCP 6
#define OPT_IP 0
#define OPT_IPV6 41
#define OPT_TCP_NODELAY 1
#define OPT_TCP_MAXSEG 2
#define OPT_TCP_CORK 3
#define OPT_TCP_KEEPIDLE 4
#define OPT_TCP_KEEPINTVL 5
#define OPT_TCP_KEEPCNT 6
#define OPT_TCP_DEFER_ACCEPT 9
#define OPT_TCP_INFO 11
#define OPT_TCP_QUICKACK 12
#define OPT_TCP_CONGESTION 13
#define OPT_TCP_USER_TIMEOUT 18
#define OPT_IP_TOS 1
#define OPT_IP_TTL 2
#define OPT_IP_MTU_DISCOVER 10
#define OPT_IP_RECVERR 11
#define OPT_IPV6_UNICAST_HOPS 16
#define OPT_IPV6_MTU_DISCOVER 23
#define OPT_IPV6_RECVERR 25
#define OPT_IPV6_V6ONLY 26
#define OPT_IPV6_TCLASS 67

static struct tcp_pcb *stream(const struct socket *s)
{
	return s->kind == SOCKET_TCP && !s->listening ? s->pcb : NULL;
}

static void set_flag(struct socket *s, u8_t flag, bool on)
{
	struct ip_pcb *p = s->pcb;

	if (p && on)
		ip_set_option(p, flag);
	else if (p)
		ip_reset_option(p, flag);
}

static int set_socket(struct socket *s, int name, int v)
{
	switch (name) {
	case SO_REUSEADDR:
	case SO_REUSEPORT:
		s->reuse = v;
		return 0;
	case SO_KEEPALIVE:
		set_flag(s, SOF_KEEPALIVE, v);
		return 0;
	case SO_BROADCAST:
		set_flag(s, SOF_BROADCAST, v);
		return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_RCVLOWAT:
	case SO_PRIORITY:
	case SO_OOBINLINE:
	case SO_DONTROUTE:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_tcp(struct socket *s, int name, int v)
{
	struct tcp_pcb *t = stream(s);

	switch (name) {
	case OPT_TCP_NODELAY:
		if (t && v)
			tcp_nagle_disable(t);
		else if (t)
			tcp_nagle_enable(t);
		return 0;
	case OPT_TCP_KEEPIDLE:
	case OPT_TCP_KEEPINTVL:
	case OPT_TCP_KEEPCNT:
		if (v < 1 || v > 32767)
			return -EINVAL;
		if (t && name == OPT_TCP_KEEPIDLE)
			t->keep_idle = (u32_t)v * 1000;
		if (t && name == OPT_TCP_KEEPINTVL)
			t->keep_intvl = (u32_t)v * 1000;
		if (t && name == OPT_TCP_KEEPCNT)
			t->keep_cnt = (u32_t)v;
		return 0;
	case OPT_TCP_CORK:
		s->corked = v;
		if (!v && t && s->connected) {
			tcp_output(t);
			stack_flush();
		}
		return 0;
	case OPT_TCP_QUICKACK:
	case OPT_TCP_DEFER_ACCEPT:
	case OPT_TCP_USER_TIMEOUT:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ip(struct socket *s, bool v6, int name, int v)
{
	struct ip_pcb *p = s->pcb;

	if (v6 ? name == OPT_IPV6_MTU_DISCOVER || name == OPT_IPV6_RECVERR
	       : name == OPT_IP_MTU_DISCOVER || name == OPT_IP_RECVERR)
		return 0;
	if (v6 && name == OPT_IPV6_V6ONLY) {
		s->v6_only = v;
		return 0;
	}
	if (v6 ? name != OPT_IPV6_TCLASS && name != OPT_IPV6_UNICAST_HOPS
	       : name != OPT_IP_TOS && name != OPT_IP_TTL)
		return -ENOPROTOOPT;
	if (v6 && v == -1) /* the default */
		v = name == OPT_IPV6_TCLASS ? 0 : 64;
	if (v < 0 || v > 255)
		return -EINVAL;
	if (p && name == (v6 ? OPT_IPV6_TCLASS : OPT_IP_TOS))
		p->tos = (u8_t)v;
	else if (p)
		p->ttl = (u8_t)v;
	return 0;
}

int sockopt_set_time(uint64_t *ns, const void *value, unsigned size)
{
	struct timeval t;

	if (size < sizeof(t))
		return -EINVAL;
	memcpy(&t, value, sizeof(t));
	if (t.tv_usec < 0 || t.tv_usec >= 1000000)
		return -EDOM;
	*ns = t.tv_sec < 0 ? 0
	      : t.tv_sec > 1000000000
		      ? 0
		      : (uint64_t)t.tv_sec * FATA_NS_PER_S +
				(uint64_t)t.tv_usec * 1000;
	return 0;
}

static int set_linger(struct socket *s, const void *value, unsigned size)
{
	struct linger l;

	if (size < sizeof(l))
		return -EINVAL;
	memcpy(&l, value, sizeof(l));
	s->linger = l.l_onoff;
	s->linger_s = l.l_linger;
	s->reset_at_close = l.l_onoff && !l.l_linger;
	return 0;
}

int sockopt_set(struct socket *s, int level, int name, const void *value,
		unsigned size)
{
	int v;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, size);
	if (level == OPT_TCP && name == OPT_TCP_CONGESTION)
		return -ENOENT; /* there is one, of no name */
	if (size < sizeof(v))
		return -EINVAL;
	memcpy(&v, value, sizeof(v));
	switch (level) {
	case SOL_SOCKET:
		return set_socket(s, name, v);
	case OPT_TCP:
		return s->kind == SOCKET_TCP ? set_tcp(s, name, v)
					     : -ENOPROTOOPT;
	case OPT_IP:
		return set_ip(s, false, name, v);
	case OPT_IPV6:
		return s->v6 ? set_ip(s, true, name, v) : -ENOPROTOOPT;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_socket(struct socket *s, int name)
{
	struct ip_pcb *p = s->pcb;

	switch (name) {
	case SO_ERROR:
		return socket_take_error(s);
	case SO_TYPE:
		return s->kind == SOCKET_TCP   ? SOCK_STREAM
		       : s->kind == SOCKET_UDP ? SOCK_DGRAM
					       : SOCK_RAW;
	case SO_PROTOCOL:
		return s->kind == SOCKET_TCP   ? 6
		       : s->kind == SOCKET_UDP ? 17
					       : s->protocol;
	case SO_ACCEPTCONN:
		return s->listening;
	case SO_REUSEADDR:
	case SO_REUSEPORT:
		return s->reuse;
	case SO_DOMAIN:
		return s->v6 ? AF_INET6 : AF_INET;
	case SO_SNDBUF:
		return TCP_SND_BUF;
	case SO_RCVBUF:
		return TCP_WND;
	case SO_RCVLOWAT:
		return 1;
	case SO_KEEPALIVE:
		return p && ip_get_option(p, SOF_KEEPALIVE);
	case SO_BROADCAST:
		return p && ip_get_option(p, SOF_BROADCAST);
	default:
		return -ENOPROTOOPT;
	}
}

static int get_tcp(struct socket *s, int name)
{
	struct tcp_pcb *t = stream(s);

	switch (name) {
	case OPT_TCP_NODELAY:
		return t && tcp_nagle_disabled(t);
	case OPT_TCP_MAXSEG:
		return t ? t->mss : 536;
	case OPT_TCP_CORK:
		return s->corked;
	case OPT_TCP_KEEPIDLE:
		return t ? (int)(t->keep_idle / 1000) : 7200;
	case OPT_TCP_KEEPINTVL:
		return t ? (int)(t->keep_intvl / 1000) : 75;
	case OPT_TCP_KEEPCNT:
		return t ? (int)t->keep_cnt : 9;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_int(struct socket *s, int level, int name)
{
	struct ip_pcb *p = s->pcb;

	if (level == SOL_SOCKET)
		return get_socket(s, name);
	if (level == OPT_TCP)
		return s->kind == SOCKET_TCP ? get_tcp(s, name) : -ENOPROTOOPT;
	if (level == OPT_IPV6 && name == OPT_IPV6_V6ONLY)
		return s->v6_only;
	if ((level == OPT_IP && name == OPT_IP_TOS) ||
	    (level == OPT_IPV6 && name == OPT_IPV6_TCLASS))
		return p ? p->tos : 0;
	if ((level == OPT_IP && name == OPT_IP_TTL) ||
	    (level == OPT_IPV6 && name == OPT_IPV6_UNICAST_HOPS))
		return p ? p->ttl : 64;
	return -ENOPROTOOPT;
}

static int give(const void *from, unsigned n, void *value, unsigned *size)
{
	if (*size > n)
		*size = n;
	memcpy(value, from, *size);
	return 0;
}

int sockopt_get_time(uint64_t ns, void *value, unsigned *size)
{
	struct timeval t = {
		.tv_sec = (time_t)(ns / FATA_NS_PER_S),
		.tv_usec = (suseconds_t)(ns % FATA_NS_PER_S / 1000),
	};

	return give(&t, sizeof(t), value, size);
}

/* lwIP counts so. */
#define TICK_US (TCP_SLOW_INTERVAL * 1000)

/* What servers log of struct tcp_info; all else is 0. */
static int give_info(struct socket *s, void *value, unsigned *size)
{
	static const uint8_t linux_state[] = {
		[CLOSED] = 7,	  [LISTEN] = 10,     [SYN_SENT] = 2,
		[SYN_RCVD] = 3,	  [ESTABLISHED] = 1, [FIN_WAIT_1] = 4,
		[FIN_WAIT_2] = 5, [CLOSE_WAIT] = 8,  [CLOSING] = 11,
		[LAST_ACK] = 9,	  [TIME_WAIT] = 6,
	};
	const struct tcp_pcb *t = s->pcb;
	uint32_t info[26] = {7}; /* the first byte is the state */

	if (t)
		info[0] = linux_state[t->state];
	if (t && !s->listening) {
		info[2] = (uint32_t)t->rto * TICK_US;
		info[4] = info[5] = t->mss;
		info[17] = (uint32_t)(t->sa > 0 ? t->sa : 0) * TICK_US / 8;
		info[20] = t->cwnd / (t->mss ? t->mss : 1);
	}
	return give(info, sizeof(info), value, size);
}

int sockopt_get(struct socket *s, int level, int name, void *value,
		unsigned *size)
{
	struct linger l = {s->linger, s->linger_s};
	int v;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return give(&l, sizeof(l), value, size);
	if (level == OPT_TCP && name == OPT_TCP_INFO && s->kind == SOCKET_TCP)
		return give_info(s, value, size);
	if (level == OPT_TCP && name == OPT_TCP_CONGESTION)
		return give("reno", 5, value, size);
	v = get_int(s, level, name);
	return v < 0 ? v : give(&v, sizeof(v), value, size);
}
