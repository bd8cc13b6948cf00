/* SPDX-License-Identifier: ISC */
/*
 * Addresses. For each interface: what `ip` says, else DHCP; IPv6 by router
 * advertisements besides.
 *
 *     --ip 10.0.2.20/24            the first interface
 *     --ip uplink=10.0.2.20/24     the interface of that name
 *     --ip uplink=dhcp, --ip uplink=none
 *     --gateway 10.0.2.2           --dns 10.0.2.3
 */
#include <core/param.h>
#include <errno.h>
#include <fata/log.h>
#include <fata/param.h>
#include <lwip/dhcp.h>
#include <net/stack.h>
#include <string.h>

FATA_LOG_SOURCE("ip");

#define SETTINGS 16

static struct setting {
	const char *name; /* not ended: see name_size; NULL: the first */
	size_t name_size;
	enum { DHCP, FIXED, NONE } kind;
	ip4_addr_t address, mask;
} settings[SETTINGS];
static unsigned n_settings;
static ip4_addr_t gateway, nameserver;

static int parse_address(const char *text, size_t n, ip4_addr_t *a)
{
	char copy[16];

	if (n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return ip4addr_aton(copy, a) ? 0 : -EINVAL;
}

static int parse_fixed(const char *text, struct setting *s)
{
	const char *slash = strchr(text, '/');
	unsigned bits = 0;

	if (!slash || !slash[1] || strlen(slash + 1) > 2)
		return -EINVAL;
	for (const char *p = slash + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		bits = bits * 10 + (unsigned)(*p - '0');
	}
	if (bits > 32 || parse_address(text, (size_t)(slash - text),
				       &s->address))
		return -EINVAL;
	ip4_addr_set_u32(&s->mask,
			 lwip_htonl(bits ? ~0u << (32 - bits) : 0));
	s->kind = FIXED;
	return 0;
}

static int parse_ip(const char *value)
{
	const char *equal = strchr(value, '=');
	struct setting *s = &settings[n_settings];

	if (n_settings == SETTINGS)
		return param_bad("more than %d interfaces", SETTINGS);
	*s = (struct setting){.name = NULL};
	if (equal) {
		s->name = value;
		s->name_size = (size_t)(equal - value);
		value = equal + 1;
	}
	if (strcmp(value, "dhcp") == 0)
		s->kind = DHCP;
	else if (strcmp(value, "none") == 0)
		s->kind = NONE;
	else if (parse_fixed(value, s))
		return param_bad("bad address '%s' (expected "
				 "[NAME=]a.b.c.d/bits, dhcp or none)",
				 value);
	n_settings++;
	return 0;
}
FATA_PARAM_LIST(parse_ip, "ip", "dhcp",
		"address of an interface: [NAME=]a.b.c.d/bits, dhcp, none");

static int parse_gateway(const char *value)
{
	return parse_address(value, strlen(value), &gateway);
}
FATA_PARAM_LIST(parse_gateway, "gateway", "from DHCP", "the default router");

static int parse_dns(const char *value)
{
	return parse_address(value, strlen(value), &nameserver);
}
FATA_PARAM_LIST(parse_dns, "dns", "from DHCP", "the nameserver");

static const struct setting *find(const struct link *l)
{
	static const struct setting dhcp = {.kind = DHCP};

	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *s = &settings[i];

		if (s->name ? strlen(l->name) == s->name_size &&
				      !memcmp(l->name, s->name, s->name_size)
			    : l == stack_links)
			return s;
	}
	return &dhcp;
}

void config_apply(struct link *l)
{
	const struct setting *s = find(l);

	netif_create_ip6_linklocal_address(&l->netif, 1);
	netif_set_ip6_autoconfig_enabled(&l->netif, 1);
	if (s->kind == FIXED) {
		netif_set_addr(&l->netif, &s->address, &s->mask, &gateway);
		log_info("interface %s: %u.%u.%u.%u", l->name,
			 ip4_addr1(&s->address), ip4_addr2(&s->address),
			 ip4_addr3(&s->address), ip4_addr4(&s->address));
	} else if (s->kind == DHCP && dhcp_start(&l->netif) != ERR_OK) {
		log_error("interface %s: no memory for DHCP", l->name);
	}
}

const char *config_nameserver(void)
{
	static char text[16];

	if (ip4_addr_isany_val(nameserver))
		return "";
	return ip4addr_ntoa_r(&nameserver, text, sizeof(text));
}
