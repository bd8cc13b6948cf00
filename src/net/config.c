/* SPDX-License-Identifier: ISC */
/*
 * Addresses. For each interface: what `ip` says, else what the host names in
 * xenstore (xl's `ip=`), else DHCP; IPv6 by router advertisements besides.
 *
 *     --ip 10.0.2.20/24            the first interface
 *     --ip uplink=10.0.2.20/24     the interface of that name
 *     --ip uplink=fd00::20/64      one more address
 *     --ip uplink=dhcp, --ip uplink=none
 *     --gateway 10.0.2.2           --dns 10.0.2.3 --dns fd00::3
 *
 * Nameservers: --dns, else what DHCP and router advertisements name. lwIP tells
 * of those by dns_setserver; it has no resolver of its own here.
 */
#include <core/fmt.h>
#include <core/param.h>
#include <errno.h>
#include <fata/log.h>
#include <fata/param.h>
#include <lwip/dhcp.h>
#include <net/stack.h>
#include <string.h>

FATA_LOG_SOURCE("ip");

#define SETTINGS 16
#define SERVERS  3 /* as many as musl's resolver asks */

static struct setting {
	const char *name; /* not ended: see name_size; NULL: the first */
	size_t name_size;
	enum { DHCP, FIXED, NONE } kind;
	const char *text; /* FIXED: address/bits */
} settings[SETTINGS];
static unsigned n_settings;
static ip4_addr_t gateway;

static ip_addr_t given[SERVERS], learnt4[SERVERS], learnt6[SERVERS];
static unsigned n_given;

/* --- reading ---------------------------------------------------------------
 */

/* "a.b.c.d/bits" or IPv6; without bits those of the usual network. */
static int parse_fixed(const char *text, size_t n, ip_addr_t *a, unsigned *bits)
{
	const char *slash = memchr(text, '/', n);
	size_t size = slash ? (size_t)(slash - text) : n;
	char copy[IPADDR_STRLEN_MAX];

	if (size >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (!ipaddr_aton(copy, a))
		return -EINVAL;
	*bits = IP_IS_V6(a) ? 64 : 24;
	if (!slash)
		return 0;
	if (n == size + 1 || n - size - 1 > 3)
		return -EINVAL;
	*bits = 0;
	for (const char *p = slash + 1; p < text + n; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		*bits = *bits * 10 + (unsigned)(*p - '0');
	}
	/* lwIP takes a network of IPv6 to be a /64 */
	return *bits > 32 && !(IP_IS_V6(a) && *bits == 64) ? -EINVAL : 0;
}

static int parse_ip(const char *value)
{
	const char *equal = strchr(value, '=');
	struct setting *s = &settings[n_settings];
	ip_addr_t a;
	unsigned bits;

	if (n_settings == SETTINGS)
		return param_bad("more than %d addresses", SETTINGS);
	*s = (struct setting){.name = NULL};
	if (equal) {
		s->name = value;
		s->name_size = (size_t)(equal - value);
		value = equal + 1;
	}
	s->text = value;
	if (strcmp(value, "dhcp") == 0)
		s->kind = DHCP;
	else if (strcmp(value, "none") == 0)
		s->kind = NONE;
	else if (strchr(value, '/') &&
		 !parse_fixed(value, strlen(value), &a, &bits))
		s->kind = FIXED;
	else
		return param_bad("bad address '%s' (expected "
				 "[NAME=]ADDRESS/BITS, dhcp or none)",
				 value);
	n_settings++;
	return 0;
}
FATA_PARAM_LIST(parse_ip, "ip", "dhcp",
		"address of an interface: [NAME=]ADDRESS/BITS, dhcp, none");

static int parse_gateway(const char *value)
{
	return ip4addr_aton(value, &gateway) ? 0 : -EINVAL;
}
FATA_PARAM_LIST(parse_gateway, "gateway", "from DHCP", "the default router");

static int parse_dns(const char *value)
{
	if (n_given == SERVERS)
		return param_bad("more than %d nameservers", SERVERS);
	return ipaddr_aton(value, &given[n_given]) ? (n_given++, 0) : -EINVAL;
}
FATA_PARAM_LIST(parse_dns, "dns", "from DHCP", "a nameserver");

/* --- applying --------------------------------------------------------------
 */

static bool concerns(const struct setting *s, const struct link *l)
{
	return s->name ? strlen(l->name) == s->name_size &&
				 !memcmp(l->name, s->name, s->name_size)
		       : l == stack_links;
}

/* Whether it was an IPv4 address: then there is no need for DHCP. */
static bool add_address(struct link *l, const ip_addr_t *a, unsigned bits)
{
	ip4_addr_t mask;
	s8_t slot = -1;

	log_info("interface %s: %s/%u", l->name, ipaddr_ntoa(a), bits);
	if (IP_IS_V4(a)) {
		ip4_addr_set_u32(&mask,
				 lwip_htonl(bits ? ~0u << (32 - bits) : 0));
		netif_set_addr(&l->netif, ip_2_ip4(a), &mask, &gateway);
		return true;
	}
	if (netif_add_ip6_address(&l->netif, ip_2_ip6(a), &slot) == ERR_OK)
		netif_ip6_addr_set_state(&l->netif, slot, IP6_ADDR_TENTATIVE);
	else
		log_error("interface %s: too many addresses", l->name);
	return false;
}

static bool use_parameters(struct link *l, bool *none)
{
	bool v4 = false;

	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *s = &settings[i];
		ip_addr_t a;
		unsigned bits;

		if (!concerns(s, l))
			continue;
		*none |= s->kind == NONE;
		if (s->kind == FIXED &&
		    !parse_fixed(s->text, strlen(s->text), &a, &bits))
			v4 |= add_address(l, &a, bits);
		if (s->kind == DHCP)
			return false;
	}
	return v4;
}

static bool asked_for_dhcp(const struct link *l)
{
	for (unsigned i = 0; i < n_settings; i++)
		if (concerns(&settings[i], l) && settings[i].kind == DHCP)
			return true;
	return false;
}

/* The words of the host's key; one that is no address is told and skipped. */
static bool use_host(struct link *l)
{
	const char *p = l->info.addresses;
	bool v4 = false;

	while (*p) {
		size_t n = strcspn(p, " ,\t\n");
		ip_addr_t a;
		unsigned bits;

		if (n && !parse_fixed(p, n, &a, &bits))
			v4 |= add_address(l, &a, bits);
		else if (n)
			log_warn("interface %s: the host's address '%.*s' "
				 "is none",
				 l->name, (int)n, p);
		p += n + strspn(p + n, " ,\t\n");
	}
	return v4;
}

void config_apply(struct link *l)
{
	bool none = false, v4;

	netif_create_ip6_linklocal_address(&l->netif, 1);
	netif_set_ip6_autoconfig_enabled(&l->netif, 1);
	v4 = use_parameters(l, &none);
	if (!v4 && !none && !asked_for_dhcp(l))
		v4 = use_host(l);
	if (!v4 && !none && dhcp_start(&l->netif) != ERR_OK)
		log_error("interface %s: no memory for DHCP", l->name);
}

int config_give(const char *address, const char *router,
		const char *const *servers, unsigned n)
{
	ip_addr_t a, known[SERVERS];
	ip4_addr_t r = {0};
	unsigned bits, k;

	if (parse_fixed(address, strlen(address), &a, &bits) ||
	    (router && !ip4addr_aton(router, &r)))
		return -EINVAL;
	for (k = 0; k < n && k < SERVERS; k++)
		if (!ipaddr_aton(servers[k], &known[k]))
			return -EINVAL;
	if (stack_links)
		return -EBUSY;
	if (!n_settings)
		settings[n_settings++] =
			(struct setting){.kind = FIXED, .text = address};
	if (ip4_addr_isany_val(gateway))
		gateway = r;
	if (!n_given) {
		memcpy(given, known, k * sizeof(known[0]));
		n_given = k;
	}
	return 0;
}

/* --- nameservers -----------------------------------------------------------
 */

/* Called by lwIP: by DHCP for v4, by router advertisements for v6. */
void dns_setserver(u8_t n, const ip_addr_t *server)
{
	if (!server || n >= SERVERS)
		return;
	if (IP_IS_V6(server))
		learnt6[n] = *server;
	else
		learnt4[n] = *server;
	event_signal(&stack_changed);
}

const ip_addr_t *dns_getserver(u8_t n)
{
	return n < SERVERS ? &learnt6[n] : IP_ADDR_ANY;
}

static size_t add_servers(const ip_addr_t *s, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < SERVERS && used < size; i++)
		if (!ip_addr_isany(&s[i]))
			used += fmt(text + used, size - used, "nameserver %s\n",
				    ipaddr_ntoa(&s[i]));
	return used;
}

size_t config_resolv(char *text, size_t size)
{
	size_t used;

	if (n_given)
		return add_servers(given, text, size);
	used = add_servers(learnt4, text, size);
	return used + add_servers(learnt6, text + used, size - used);
}
