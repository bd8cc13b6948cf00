/* SPDX-License-Identifier: ISC */
/*
 * Socket options: those that change something here, those that are told but
 * change nothing (buffers are as large as they are), and -ENOPROTOOPT.
 */
#include <errno.h>
#include <libc/socket.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>
#include <net/socket.h>
#include <string.h>

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
#define OPT_TCP_QUICKACK 12
#define OPT_TCP_USER_TIMEOUT 18
#define OPT_IP_TOS 1
#define OPT_IP_TTL 2
#define OPT_IPV6_V6ONLY 26

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
	case SO_LINGER:
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
	case OPT_TCP_QUICKACK:
	case OPT_TCP_DEFER_ACCEPT:
	case OPT_TCP_USER_TIMEOUT:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ip(struct socket *s, int name, int v)
{
	struct ip_pcb *p = s->pcb;

	if (name != OPT_IP_TOS && name != OPT_IP_TTL)
		return -ENOPROTOOPT;
	if (v < 0 || v > 255)
		return -EINVAL;
	if (p && name == OPT_IP_TOS)
		p->tos = (u8_t)v;
	if (p && name == OPT_IP_TTL)
		p->ttl = (u8_t)v;
	return 0;
}

int sockopt_set(struct socket *s, int level, int name, const void *value,
		unsigned size)
{
	int v;

	/* Deadlines have a structure of their own; poll serves for them. */
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return -ENOPROTOOPT;
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
		return set_ip(s, name, v);
	case OPT_IPV6:
		if (name != OPT_IPV6_V6ONLY)
			return -ENOPROTOOPT;
		s->v6_only = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_int(struct socket *s, int level, int name)
{
	struct tcp_pcb *t = stream(s);

	if (level == SOL_SOCKET && name == SO_ERROR)
		return socket_take_error(s);
	if (level == SOL_SOCKET && name == SO_TYPE)
		return s->kind == SOCKET_TCP   ? SOCK_STREAM
		       : s->kind == SOCKET_UDP ? SOCK_DGRAM
					       : SOCK_RAW;
	if (level == SOL_SOCKET && name == SO_ACCEPTCONN)
		return s->listening;
	if (level == SOL_SOCKET && name == SO_REUSEADDR)
		return s->reuse;
	if (level == SOL_SOCKET && name == SO_DOMAIN)
		return s->v6 ? AF_INET6 : AF_INET;
	if (level == SOL_SOCKET && name == SO_SNDBUF)
		return TCP_SND_BUF;
	if (level == SOL_SOCKET && name == SO_RCVBUF)
		return TCP_WND;
	if (level == SOL_SOCKET && name == SO_KEEPALIVE)
		return t && ip_get_option(t, SOF_KEEPALIVE);
	if (level == OPT_TCP && name == OPT_TCP_NODELAY)
		return t && tcp_nagle_disabled(t);
	if (level == OPT_TCP && name == OPT_TCP_MAXSEG)
		return t ? t->mss : 536;
	if (level == OPT_IPV6 && name == OPT_IPV6_V6ONLY)
		return s->v6_only;
	return -ENOPROTOOPT;
}

int sockopt_get(struct socket *s, int level, int name, void *value,
		unsigned *size)
{
	int v = get_int(s, level, name);

	if (v < 0)
		return v;
	if (*size > sizeof(v))
		*size = sizeof(v);
	memcpy(value, &v, *size);
	return 0;
}
