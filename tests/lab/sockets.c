/* SPDX-License-Identifier: ISC */
/*
 * Sockets as servers use them, between threads of a guest that has no network
 * card: options, deadlines, non-blocking connections with poll and epoll,
 * messages of many buffers, shutdown, linger, raw sockets, IPv6.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <lib/guest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in here(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static struct sockaddr_in6 here6(int port)
{
	return (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_port = htons((unsigned short)port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
}

static int port_of(int s)
{
	struct sockaddr_in a;
	socklen_t size = sizeof(a);

	check_equal(getsockname(s, (struct sockaddr *)&a, &size), 0);
	return ntohs(a.sin_port);
}

static int listener(int *port)
{
	struct sockaddr_in a = here(0);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	check_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(listen(l, 16), 0);
	*port = port_of(l);
	check(*port > 0);
	return l;
}

/* Two ends of a connection. */
static void pair(int ends[2])
{
	int port, l = listener(&port);
	struct sockaddr_in a = here(port);

	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	check_equal(connect(ends[0], (struct sockaddr *)&a, sizeof(a)), 0);
	ends[1] = accept(l, NULL, NULL);
	check(ends[1] >= 0);
	close(l);
}

static void close_both(int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 +
	       (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* --- options --------------------------------------------------------- */

static void kept(int s, int level, int name, int value)
{
	int got = -1;
	socklen_t size = sizeof(got);

	check_equal(setsockopt(s, level, name, &value, sizeof(value)), 0);
	check_equal(getsockopt(s, level, name, &got, &size), 0);
	check_equal(got, value);
	check_equal(size, sizeof(got));
}

static int option(int s, int level, int name)
{
	int got = -1;
	socklen_t size = sizeof(got);

	check_equal(getsockopt(s, level, name, &got, &size), 0);
	return got;
}

static void options(void)
{
	static const int taken[] = {SO_SNDBUF, SO_RCVBUF, SO_PRIORITY,
				    SO_OOBINLINE, SO_RCVLOWAT};
	int t = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	int u = socket(AF_INET6, SOCK_DGRAM, 0);
	struct tcp_info info;
	socklen_t size = sizeof(info);

	kept(t, SOL_SOCKET, SO_REUSEADDR, 1);
	kept(t, SOL_SOCKET, SO_REUSEPORT, 1);
	kept(t, SOL_SOCKET, SO_KEEPALIVE, 1);
	kept(u, SOL_SOCKET, SO_BROADCAST, 1);
	kept(t, IPPROTO_TCP, TCP_NODELAY, 1);
	kept(t, IPPROTO_TCP, TCP_NODELAY, 0);
	kept(t, IPPROTO_TCP, TCP_CORK, 1);
	kept(t, IPPROTO_TCP, TCP_KEEPIDLE, 30);
	kept(t, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	kept(t, IPPROTO_TCP, TCP_KEEPCNT, 3);
	kept(t, IPPROTO_IP, IP_TTL, 17);
	kept(t, IPPROTO_IP, IP_TOS, 0x10);
	kept(u, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
	kept(u, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	for (unsigned i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		check_equal(setsockopt(t, SOL_SOCKET, taken[i], &on,
				       sizeof(on)),
			    0);
	check_equal(option(t, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	check_equal(option(u, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	check_equal(option(u, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	check_equal(option(u, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	check_equal(option(t, SOL_SOCKET, SO_ACCEPTCONN), 0);
	check_equal(option(t, SOL_SOCKET, SO_ERROR), 0);
	check(option(t, SOL_SOCKET, SO_SNDBUF) > 0);
	check_equal(getsockopt(t, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	check_equal(info.tcpi_state, TCP_CLOSE);
	check_equal(setsockopt(t, SOL_SOCKET, 9999, &on, sizeof(on)), -1);
	check_equal(errno, ENOPROTOOPT);
	check_equal(setsockopt(u, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)),
		    -1);
	check_equal(setsockopt(t, SOL_SOCKET, SO_KEEPALIVE, &on, 1), -1);
	check_equal(errno, EINVAL);
	check_equal(setsockopt(0, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)),
		    -1);
	check_equal(errno, ENOTSOCK);
	close(t);
	close(u);
}

/* --- deadlines ------------------------------------------------------- */

static void deadlines(void)
{
	struct timeval t = {.tv_usec = 150000}, got;
	socklen_t size = sizeof(got);
	static char big[1 << 20];
	struct timespec start;
	char c;
	int p[2];
	ssize_t n;

	pair(p);
	check_equal(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)),
		    0);
	check_equal(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)),
		    0);
	check_equal(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size), 0);
	check(got.tv_usec >= 145000 && got.tv_usec <= 155000); /* HZ */
	clock_gettime(CLOCK_MONOTONIC, &start);
	check_equal(recv(p[0], &c, 1, 0), -1);
	check_equal(errno, EAGAIN);
	check(ms_since(&start) >= 149);
	clock_gettime(CLOCK_MONOTONIC, &start);
	check_equal(read(p[0], &c, 1), -1);
	check_equal(errno, EAGAIN);
	check(ms_since(&start) >= 149);
	/* nobody reads: what fits is taken, then the deadline passes */
	for (n = 1; n > 0;)
		n = write(p[0], big, sizeof(big));
	check_equal(errno, EAGAIN);
	t.tv_usec = 1000000;
	check_equal(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)),
		    -1);
	check_equal(errno, EDOM);
	close_both(p);
}

/* --- without blocking ------------------------------------------------ */

static void nonblocking(void)
{
	int port, l = listener(&port), on = 1, c, a;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in there = here(port);
	struct pollfd p = {.fd = s, .events = POLLOUT};
	char byte;

	check_equal(ioctl(l, FIONBIO, &on), 0);
	check_equal(accept(l, NULL, NULL), -1);
	check_equal(errno, EAGAIN);
	c = connect(s, (struct sockaddr *)&there, sizeof(there));
	check(c == 0 || errno == EINPROGRESS);
	check_equal(poll(&p, 1, 1000), 1);
	check_equal(p.revents, POLLOUT);
	check_equal(option(s, SOL_SOCKET, SO_ERROR), 0);
	check_equal(recv(s, &byte, 1, 0), -1);
	check_equal(errno, EAGAIN);
	p = (struct pollfd){.fd = l, .events = POLLIN};
	check_equal(poll(&p, 1, 1000), 1);
	a = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	check(a >= 0);
	check(fcntl(a, F_GETFL) & O_NONBLOCK);
	check_equal(fcntl(a, F_GETFD), FD_CLOEXEC);
	check_equal(recv(s, &byte, 1, MSG_DONTWAIT), -1);
	check_equal(send(a, "xy", 2, 0), 2);
	p = (struct pollfd){.fd = s, .events = POLLIN};
	check_equal(poll(&p, 1, 1000), 1);
	check_equal(ioctl(s, FIONREAD, &on), 0);
	check_equal(on, 2);
	check_equal(recv(s, &byte, 1, MSG_PEEK), 1);
	check_equal(byte, 'x');
	check_equal(read(s, &byte, 1), 1);
	check_equal(byte, 'x');
	close(a);
	close(s);
	close(l);
	/* nobody listens */
	s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c = connect(s, (struct sockaddr *)&there, sizeof(there));
	p = (struct pollfd){.fd = s, .events = POLLOUT};
	check_equal(poll(&p, 1, 1000), 1);
	check(p.revents & POLLERR);
	check_equal(option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	close(s);
}

static void with_epoll(void)
{
	int port, l = listener(&port), set = epoll_create1(0), c[8], n = 0;
	struct epoll_event e = {.events = EPOLLIN, .data.fd = l}, got[4];
	struct sockaddr_in there = here(port);
	char byte;

	check_equal(epoll_ctl(set, EPOLL_CTL_ADD, l, &e), 0);
	check_equal(epoll_wait(set, got, 4, 0), 0);
	for (int i = 0; i < 8; i++) {
		c[i] = socket(AF_INET, SOCK_STREAM, 0);
		check_equal(connect(c[i], (struct sockaddr *)&there,
				    sizeof(there)),
			    0);
		check_equal(send(c[i], &i, 1, 0), 1);
	}
	while (n < 8) {
		int k = epoll_wait(set, got, 4, 1000);

		check(k > 0);
		for (int i = 0; i < k; i++) {
			if (got[i].data.fd == l) {
				int a = accept(l, NULL, NULL);

				e.events = EPOLLIN | EPOLLET | EPOLLRDHUP;
				e.data.fd = a;
				epoll_ctl(set, EPOLL_CTL_ADD, a, &e);
				continue;
			}
			check_equal(read(got[i].data.fd, &byte, 1), 1);
			n++;
		}
	}
	check_equal(epoll_wait(set, got, 4, 0), 0);
	close(c[3]);
	check_equal(epoll_wait(set, got, 4, 1000), 1);
	check(got[0].events & EPOLLRDHUP);
	check_equal(read(got[0].data.fd, &byte, 1), 0);
	for (int i = 0; i < 8; i++)
		if (i != 3)
			close(c[i]);
	close(set);
	close(l);
}

static void *set_later(void *flag)
{
	usleep(1000);
	*(volatile int *)flag = 1;
	return NULL;
}

/* A program that always has something to do does not keep others waiting. */
static void turns(void)
{
	pthread_t t;
	char c;
	int p[2];

	pair(p);
	for (int how = 0; how < 2; how++) {
		struct pollfd w = {.fd = p[0], .events = POLLOUT};
		volatile int flag = 0;

		pthread_create(&t, NULL, set_later, (void *)&flag);
		for (int i = 0; !flag && i < 10000000; i++)
			check_equal(how ? poll(&w, 1, -1)
					: recv(p[0], &c, 1, MSG_DONTWAIT),
				    how ? 1 : -1);
		check(flag);
		pthread_join(t, NULL);
	}
	close_both(p);
}

static void with_select(void)
{
	struct timeval t = {.tv_sec = 1};
	fd_set in;
	int p[2];

	pair(p);
	check_equal(write(p[1], "x", 1), 1);
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	check_equal(select(p[0] + 1, &in, NULL, NULL, &t), 1);
	check(FD_ISSET(p[0], &in));
	close_both(p);
}

/* --- messages -------------------------------------------------------- */

static void stream_messages(void)
{
	char a[3] = "", b[10] = "";
	struct iovec out[3] = {{"one", 3}, {"", 0}, {"two", 3}};
	struct iovec in[2] = {{a, sizeof(a)}, {b, sizeof(b)}};
	struct msghdr m = {.msg_iov = out, .msg_iovlen = 3};
	int p[2];

	pair(p);
	check_equal(sendmsg(p[0], &m, MSG_NOSIGNAL), 6);
	m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
	check_equal(recvmsg(p[1], &m, 0), 6);
	check_equal(memcmp(a, "one", 3), 0);
	check_equal(memcmp(b, "two", 3), 0);
	check_equal(writev(p[0], out, 3), 6);
	check_equal(recv(p[1], b, 6, MSG_WAITALL), 6);
	check_equal(memcmp(b, "onetwo", 6), 0);
	/* all that there will ever be, and its end, are there already */
	check_equal(write(p[0], "three", 5), 5);
	close(p[0]);
	usleep(50000);
	check_equal(recv(p[1], b, sizeof(b), MSG_WAITALL), 5);
	close(p[1]);
}

static void datagram_messages(void)
{
	struct sockaddr_in a = here(0), from;
	int in = socket(AF_INET, SOCK_DGRAM, 0);
	int out = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t size;
	char first[4], second[4];
	struct iovec parts[3] = {{"alpha", 5}, {"-", 1}, {"beta", 4}};
	struct iovec room[2] = {{first, 4}, {second, 4}};
	struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof(a),
			   .msg_iov = parts, .msg_iovlen = 3};
	char whole[20];

	check_equal(bind(in, (struct sockaddr *)&a, sizeof(a)), 0);
	a = here(port_of(in));
	for (int i = 0; i < 3; i++)
		check_equal(sendmsg(out, &m, 0), 10);
	check_equal(recv(in, whole, sizeof(whole), 0), 10);
	check_equal(memcmp(whole, "alpha-beta", 10), 0);
	m = (struct msghdr){.msg_name = &from, .msg_namelen = sizeof(from),
			    .msg_iov = room, .msg_iovlen = 2};
	check_equal(recvmsg(in, &m, 0), 8);
	check_equal(memcmp(first, "alph", 4), 0);
	check_equal(memcmp(second, "a-be", 4), 0);
	check(m.msg_flags & MSG_TRUNC);
	check_equal(from.sin_port, htons((unsigned short)port_of(out)));
	check_equal(recv(in, whole, 3, MSG_TRUNC), 10);
	/* a datagram without anything in it */
	check_equal(sendto(out, "", 0, 0, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(recv(in, whole, sizeof(whole), 0), 0);
	/* a peer for all */
	check_equal(send(out, "x", 1, 0), -1);
	check_equal(errno, EDESTADDRREQ);
	check_equal(connect(out, (struct sockaddr *)&a, sizeof(a)), 0);
	size = sizeof(from);
	check_equal(getsockname(out, (struct sockaddr *)&from, &size), 0);
	check_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	check_equal(send(out, "x", 1, 0), 1);
	check_equal(recv(in, whole, sizeof(whole), 0), 1);
	close(in);
	close(out);
}

/* --- the end of a connection ----------------------------------------- */

static void shutdowns(void)
{
	struct pollfd w;
	char c;
	int p[2];

	pair(p);
	check_equal(write(p[0], "x", 1), 1);
	check_equal(shutdown(p[0], SHUT_WR), 0);
	check_equal(send(p[0], "y", 1, MSG_NOSIGNAL), -1);
	check_equal(errno, EPIPE);
	check_equal(read(p[1], &c, 1), 1);
	check_equal(read(p[1], &c, 1), 0);
	check_equal(read(p[1], &c, 1), 0);
	w = (struct pollfd){.fd = p[1], .events = POLLIN | POLLRDHUP};
	check_equal(poll(&w, 1, 1000), 1);
	check(w.revents & POLLRDHUP);
	/* the other half still works */
	check_equal(write(p[1], "z", 1), 1);
	check_equal(read(p[0], &c, 1), 1);
	check_equal(shutdown(p[0], SHUT_RD), 0);
	check_equal(read(p[0], &c, 1), 0);
	close_both(p);
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	check_equal(shutdown(p[0], SHUT_WR), -1);
	check_equal(errno, ENOTCONN);
	close(p[0]);
}

static void lingers(void)
{
	struct linger l = {1, 0}, got;
	socklen_t size = sizeof(got);
	char c;
	int p[2];

	pair(p);
	check_equal(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	check_equal(getsockopt(p[0], SOL_SOCKET, SO_LINGER, &got, &size), 0);
	check_equal(got.l_onoff, 1);
	close(p[0]);
	check_equal(read(p[1], &c, 1), -1);
	check_equal(errno, ECONNRESET);
	close(p[1]);
	/* without: all that was written arrives */
	pair(p);
	check_equal(write(p[0], "last", 4), 4);
	close(p[0]);
	for (int i = 0; i < 4; i++)
		check_equal(read(p[1], &c, 1), 1);
	check_equal(read(p[1], &c, 1), 0);
	close(p[1]);
}

static volatile int pipes;

static void broken_pipe(int signal)
{
	(void)signal;
	pipes++;
}

static void signals(void)
{
	int p[2];

	signal(SIGPIPE, broken_pipe);
	pair(p);
	shutdown(p[0], SHUT_WR);
	check_equal(send(p[0], "y", 1, MSG_NOSIGNAL), -1);
	check_equal(pipes, 0);
	check_equal(write(p[0], "y", 1), -1);
	check_equal(errno, EPIPE);
	check_equal(pipes, 1);
	signal(SIGPIPE, SIG_IGN);
	check_equal(write(p[0], "y", 1), -1);
	close_both(p);
}

/* --- addresses ------------------------------------------------------- */

static void addresses(void)
{
	struct sockaddr_in6 a = here6(0), peer;
	struct sockaddr_in v4;
	socklen_t size = sizeof(peer);
	int l = socket(AF_INET6, SOCK_STREAM, 0), c, s;

	a.sin6_addr = in6addr_any;
	check_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	check_equal(listen(l, 5), 0);
	check_equal(getsockname(l, (struct sockaddr *)&a, &size), 0);
	/* the same socket serves both families */
	v4 = here(ntohs(a.sin6_port));
	c = socket(AF_INET, SOCK_STREAM, 0);
	check_equal(connect(c, (struct sockaddr *)&v4, sizeof(v4)), 0);
	s = accept(l, (struct sockaddr *)&peer, &size);
	check(s >= 0);
	check_equal(size, sizeof(peer));
	check(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
	close(c);
	close(s);
	a = here6(ntohs(a.sin6_port));
	c = socket(AF_INET6, SOCK_STREAM, 0);
	check_equal(connect(c, (struct sockaddr *)&a, sizeof(a)), 0);
	s = accept(l, (struct sockaddr *)&peer, &size);
	check(s >= 0);
	check(IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
	size = sizeof(peer);
	check_equal(getpeername(c, (struct sockaddr *)&peer, &size), 0);
	check_equal(peer.sin6_port, a.sin6_port);
	/* taken */
	close(s);
	s = socket(AF_INET6, SOCK_STREAM, 0);
	check_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), -1);
	check_equal(errno, EADDRINUSE);
	check_equal(bind(s, (struct sockaddr *)&v4, sizeof(v4)), -1);
	close(s);
	close(c);
	close(l);
}

static void interfaces(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	char name[IF_NAMESIZE];
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	check_equal(if_nametoindex("lo"), 1);
	check_equal(strcmp(if_indextoname(1, name), "lo"), 0);
	check_equal(ioctl(s, SIOCGIFADDR, &r), 0);
	check_equal(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr,
		    htonl(INADDR_LOOPBACK));
	check_equal(ioctl(s, SIOCGIFFLAGS, &r), 0);
	check(r.ifr_flags & IFF_LOOPBACK && r.ifr_flags & IFF_UP);
	close(s);
}

/* --- raw ------------------------------------------------------------- */

static unsigned short sum(const void *data, size_t n)
{
	const unsigned char *p = data;
	unsigned s = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		s += (unsigned)p[i] << 8 | p[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((unsigned short)~s);
}

/* An echo request to ourselves: the answer comes with its IP header. */
static void raw(void)
{
	struct timeval limit = {.tv_sec = 2};
	struct sockaddr_in a = here(0);
	struct icmphdr ask = {.type = ICMP_ECHO, .un.echo = {7, 1}};
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), seen = 0;
	unsigned char got[200];

	check(s >= 0);
	ask.checksum = sum(&ask, sizeof(ask));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	check_equal(sendto(s, &ask, sizeof(ask), 0, (struct sockaddr *)&a,
			   sizeof(a)),
		    sizeof(ask));
	while (!seen) {
		ssize_t n = recv(s, got, sizeof(got), 0);
		struct icmphdr h;

		check(n >= 28);
		memcpy(&h, got + (got[0] & 15) * 4, sizeof(h));
		seen = h.type == ICMP_ECHOREPLY && h.un.echo.id == 7;
	}
	close(s);
}

/* The last name is that of the one that hangs. */
#define RUN(what) (puts(#what), what())

int main(void)
{
	RUN(options);
	RUN(deadlines);
	RUN(nonblocking);
	RUN(with_epoll);
	RUN(with_select);
	RUN(turns);
	RUN(stream_messages);
	RUN(datagram_messages);
	RUN(shutdowns);
	RUN(lingers);
	RUN(signals);
	RUN(addresses);
	RUN(interfaces);
	RUN(raw);
	puts("sockets: as they should be");
	return 0;
}
