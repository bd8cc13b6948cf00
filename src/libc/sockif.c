/* SPDX-License-Identifier: ISC */
/*
 * What programs ask of interfaces (netdevice(7)): if_nametoindex() and its
 * like come here. Number 1 is "lo", the others are as the image's FATA_NET
 * names them, 2 being the first, as on Linux.
 */
#include <errno.h>
#include <libc/socket.h>
#include <libc/user.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/stack.h>
#include <string.h>
#include <sys/ioctl.h>

/* As Linux has it in memory; musl's has the same parts. */
_Static_assert(sizeof(struct ifreq) == 40, "struct ifreq");

static const char *name_of(const struct netif *n)
{
	const struct link *l = n->state;

	return l ? l->name : "lo";
}

static struct netif *by_name(const char *name)
{
	struct netif *n;

	NETIF_FOREACH(n)
	if (!strncmp(name_of(n), name, IFNAMSIZ - 1))
		return n;
	return NULL;
}

static struct netif *find(unsigned command, const struct ifreq *r)
{
	return command == SIOCGIFNAME ? netif_get_by_index((u8_t)r->ifr_ifindex)
				      : by_name(r->ifr_name);
}

static void give_name(const struct netif *n, char *name)
{
	memset(name, 0, IFNAMSIZ);
	strncpy(name, name_of(n), IFNAMSIZ - 1);
}

static long give_address(const ip4_addr_t *address, struct sockaddr *a)
{
	memset(a, 0, sizeof(*a));
	a->sa_family = AF_INET;
	memcpy(a->sa_data + 2, &address->addr, 4); /* behind the port */
	return 0;
}

static long give_flags(const struct netif *n, struct ifreq *r)
{
	int flags = n->state ? IFF_BROADCAST | IFF_MULTICAST : IFF_LOOPBACK;

	if (netif_is_up(n))
		flags |= IFF_UP;
	if (netif_is_link_up(n))
		flags |= IFF_RUNNING;
	r->ifr_flags = (short)flags;
	return 0;
}

static long give_hardware(const struct netif *n, struct ifreq *r)
{
	memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
	r->ifr_hwaddr.sa_family = n->state ? ARPHRD_ETHER : ARPHRD_LOOPBACK;
	memcpy(r->ifr_hwaddr.sa_data, n->hwaddr, n->hwaddr_len);
	return 0;
}

/* All interfaces with their IPv4 addresses; without room, how much it takes. */
static long give_all(struct ifconf *c)
{
	struct ifreq *out;
	struct netif *n;
	int used = 0;

	if (!user_writable(c, sizeof(*c)))
		return -EFAULT;
	out = c->ifc_req;
	NETIF_FOREACH(n)
	{
		if (out && used + (int)sizeof(*out) > c->ifc_len)
			break;
		if (out && !user_writable(out, sizeof(*out)))
			return -EFAULT;
		if (out) {
			memset(out, 0, sizeof(*out));
			give_name(n, out->ifr_name);
			give_address(netif_ip4_addr(n), &out->ifr_addr);
			out++;
		}
		used += (int)sizeof(*out);
	}
	c->ifc_len = used;
	return 0;
}

static long ask(const struct netif *n, unsigned command, struct ifreq *r)
{
	ip4_addr_t all;

	switch (command) {
	case SIOCGIFINDEX:
		r->ifr_ifindex = netif_get_index(n);
		return 0;
	case SIOCGIFFLAGS:
		return give_flags(n, r);
	case SIOCGIFADDR:
		return give_address(netif_ip4_addr(n), &r->ifr_addr);
	case SIOCGIFNETMASK:
		return give_address(netif_ip4_netmask(n), &r->ifr_netmask);
	case SIOCGIFBRDADDR:
		all.addr =
			netif_ip4_addr(n)->addr | ~netif_ip4_netmask(n)->addr;
		return give_address(&all, &r->ifr_broadaddr);
	case SIOCGIFMTU:
		r->ifr_mtu = n->mtu;
		return 0;
	case SIOCGIFHWADDR:
		return give_hardware(n, r);
	default:
		return -ENOTTY;
	}
}

long sockif_ioctl(unsigned command, void *arg)
{
	struct ifreq *r = arg;
	struct netif *n;

	if (command < SIOCGIFNAME || command > SIOCGIFINDEX)
		return -ENOTTY;
	if (command == SIOCGIFCONF) {
		stack_wait_links();
		return give_all(arg);
	}
	if (!user_writable(r, sizeof(*r)))
		return -EFAULT;
	n = find(command, r);
	if (!n) {
		stack_wait_links(); /* it may be about to come */
		n = find(command, r);
	}
	if (!n)
		return -ENODEV;
	if (command != SIOCGIFNAME)
		return ask(n, command, r);
	give_name(n, r->ifr_name);
	return 0;
}
