/* SPDX-License-Identifier: ISC */
/*
 * The guest of net_scope.sh: what calls say of addresses that mean something on
 * one link only, for each scope, a line each. It knows nothing of Xen: with the
 * names of two interfaces, Linux runs it, and prints the same.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __FATA__
#include <fata/manifest.h>
FATA_NET("lan");
FATA_NET("wan");
#endif

static unsigned a, b;
static struct in6_addr own; /* of the first */

static const char *scope_name(unsigned n)
{
	static char text[16];

	if (n == a || n == b)
		return n == a ? "A" : "B";
	if (n == a + 256)
		return "A+256";
	snprintf(text, sizeof(text), "%u", n);
	return text;
}

static void say(const char *what, unsigned scope, int rc)
{
	const char *why = "0";

	if (rc < 0)
		why = errno == EINVAL	       ? "EINVAL"
		      : errno == ENODEV	       ? "ENODEV"
		      : errno == ENXIO	       ? "ENXIO"
		      : errno == EADDRNOTAVAIL ? "EADDRNOTAVAIL"
		      : errno == ENETUNREACH   ? "ENETUNREACH"
		      : errno == EHOSTUNREACH  ? "EHOSTUNREACH"
		      : errno == EINPROGRESS   ? "EINPROGRESS"
					       : strerror(errno);
	printf("%s %%%s: %s\n", what, scope_name(scope), why);
}

static struct sockaddr_in6 at(const char *text, unsigned scope)
{
	struct sockaddr_in6 s = {.sin6_family = AF_INET6,
				 .sin6_port = htons(9),
				 .sin6_scope_id = scope};

	inet_pton(AF_INET6, text, &s.sin6_addr);
	return s;
}

static int open_one(int type)
{
	return socket(AF_INET6, type | SOCK_NONBLOCK, 0);
}

static void try_connect(int type, const char *text, unsigned scope)
{
	struct sockaddr_in6 to = at(text, scope);
	int s = open_one(type);

	printf("%s ", type == SOCK_STREAM ? "tcp" : "udp");
	say(text, scope, connect(s, (void *)&to, sizeof(to)));
	close(s);
}

static void try_send(const char *text, unsigned scope)
{
	struct sockaddr_in6 to = at(text, scope);
	int s = open_one(SOCK_DGRAM);

	printf("send ");
	say(text, scope,
	    sendto(s, "x", 1, 0, (void *)&to, sizeof(to)) == 1 ? 0 : -1);
	close(s);
}

/* Where a socket sends from, whose peer is on the first link. */
static void find_own(void)
{
	struct sockaddr_in6 to = at("fe80::99", a), me;
	socklen_t size = sizeof(me);
	int s = open_one(SOCK_DGRAM);

	say("find", a, connect(s, (void *)&to, sizeof(to)));
	say("own", a, getsockname(s, (void *)&me, &size));
	printf("from fe80::/10 %d, its scope %s\n",
	       IN6_IS_ADDR_LINKLOCAL(&me.sin6_addr),
	       scope_name(me.sin6_scope_id));
	size = sizeof(me);
	getpeername(s, (void *)&to, &size);
	printf("to scope %s\n", scope_name(to.sin6_scope_id));
	own = me.sin6_addr;
	close(s);
}

static void try_bind(int type, unsigned scope)
{
	struct sockaddr_in6 me = {.sin6_family = AF_INET6,
				  .sin6_addr = own,
				  .sin6_scope_id = scope};
	socklen_t size = sizeof(me);
	int s = open_one(type), rc = bind(s, (void *)&me, sizeof(me));

	say(type == SOCK_STREAM ? "tcp bind" : "udp bind", scope, rc);
	if (!rc && !getsockname(s, (void *)&me, &size))
		printf("bound to scope %s\n", scope_name(me.sin6_scope_id));
	if (!rc) {
		unsigned scopes[] = {b, 0};

		for (int i = 0; i < 2; i++) {
			struct sockaddr_in6 to = at("fe80::99", scopes[i]);

			printf("then ");
			say("connect", scopes[i],
			    connect(s, (void *)&to, sizeof(to)));
		}
	}
	close(s);
}

#ifdef __FATA__
static void try_name(const char *text)
{
	struct addrinfo ask = {.ai_flags = AI_NUMERICHOST,
			       .ai_socktype = SOCK_DGRAM},
			*got;
	char back[64] = "";
	int rc = getaddrinfo(text, "9", &ask, &got);

	if (rc) {
		printf("name of no interface: %s\n",
		       rc == EAI_NONAME ? "EAI_NONAME" : gai_strerror(rc));
		return;
	}
	rc = getnameinfo(got->ai_addr, got->ai_addrlen, back, sizeof(back),
			 NULL, 0, NI_NUMERICHOST);
	printf("name: scope %s, back %s\n",
	       scope_name(((struct sockaddr_in6 *)got->ai_addr)->sin6_scope_id),
	       rc ? gai_strerror(rc) : strcmp(back, text) ? back : "the same");
	freeaddrinfo(got);
}
#endif

int main(int argc, char **argv)
{
	char name[IF_NAMESIZE];

	if (argc != 3)
		return 2;
	a = if_nametoindex(argv[1]);
	b = if_nametoindex(argv[2]);
	printf("two indices %d\n", a && b && a != b);
	printf("name of the first %d\n",
	       if_indextoname(a, name) && !strcmp(name, argv[1]));
	say("no name", 77, if_indextoname(77, name) ? 0 : -1);
	say("no index", 0, if_nametoindex("nobody") ? 0 : -1);
#ifdef __FATA__ /* glibc has no getaddrinfo for static programs */
	try_name("fe80::1%lan");
	try_name("fe80::1%nobody");
#endif
	unsigned scopes[] = {a, b, 0, 77, 256 + a};
	find_own();
	for (int i = 0; i < 5; i++) {
		try_connect(SOCK_STREAM, "fe80::99", scopes[i]);
		try_connect(SOCK_DGRAM, "fe80::99", scopes[i]);
		try_connect(SOCK_DGRAM, "ff02::1", scopes[i]);
		try_send("fe80::99", scopes[i]);
		try_send("ff02::1", scopes[i]);
		try_bind(SOCK_STREAM, scopes[i]);
		try_bind(SOCK_DGRAM, scopes[i]);
	}
	/* it means nothing to others */
	try_connect(SOCK_DGRAM, "::1", 77);
	return 0;
}
