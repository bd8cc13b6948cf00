/* SPDX-License-Identifier: ISC */
/* Keys that both halves of a network interface read; see netkeys.h. */
#include <drivers/netkeys.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <string.h>

FATA_LOG_SOURCE("net");

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* "00:16:3e:01:02:03", exactly. */
static int parse_mac(const char *s, unsigned char *mac)
{
	for (unsigned i = 0; i < 6; i++, s += 3) {
		int high = hex(s[0]), low = high < 0 ? -1 : hex(s[1]);

		if (low < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static int read_mac(struct xenbus_device *d, unsigned char *mac)
{
	char *text;
	int rc = xenbus_read_own(d, "mac", &text);

	if (rc)
		return rc;
	rc = parse_mac(text, mac);
	heap_free(text);
	return rc;
}

int net_read_link(struct xenbus_device *d, unsigned char *mac, unsigned *mtu)
{
	uint64_t n;
	int rc = read_mac(d, mac);

	if (rc)
		return rc;
	rc = xenbus_read_own_u64(d, "mtu", 65521, &n);
	if (rc == -ENOENT)
		n = 1500;
	else if (rc || n < 68)
		return rc ? rc : -EINVAL;
	*mtu = (unsigned)n;
	return 0;
}

void net_read_addresses(struct xenbus_device *d, struct net_info *info,
			int (*read)(struct xenbus_device *d, const char *key,
				    char **value))
{
	char *ip;

	info->addresses[0] = '\0';
	if (read(d, "ip", &ip))
		return;
	if (strlen(ip) < sizeof(info->addresses))
		strcpy(info->addresses, ip);
	else
		log_warn("%s: ip is too long", d->path);
	heap_free(ip);
}

int net_read_flag(struct xenbus_device *d, const char *key, bool *flag)
{
	uint64_t v;
	int rc = xenbus_read_u64_or(d, key, 1, 0, &v);

	*flag = !rc && v;
	return rc;
}

int net_read_offloads(struct xenbus_device *d, struct net_info *info, bool *sg)
{
	bool no_sum4 = false;
	int rc = net_read_flag(d, "feature-sg", sg);

	if (!rc)
		rc = net_read_flag(d, "feature-gso-tcpv4", &info->send_gso4);
	if (!rc)
		rc = net_read_flag(d, "feature-gso-tcpv6", &info->send_gso6);
	if (!rc)
		rc = net_read_flag(d, "feature-no-csum-offload", &no_sum4);
	if (!rc)
		rc = net_read_flag(d, "feature-ipv6-csum-offload",
				   &info->send_sum6);
	info->send_sum4 = !no_sum4;
	/* A segmented frame has several pieces and an unfinished checksum. */
	info->send_gso4 &= *sg && info->send_sum4;
	info->send_gso6 &= *sg && info->send_sum6;
	return rc;
}
