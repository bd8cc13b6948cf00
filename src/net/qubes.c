/* SPDX-License-Identifier: ISC */
/*
 * The addresses that Qubes OS has for a qube (fata/qubesdb.h): it names them in
 * QubesDB, since nobody answers DHCP on the link to the net qube. The netmask
 * is usually that of one address; lwIP then asks the gateway for all others.
 */
#include <core/fmt.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/qubesdb.h>
#include <net/stack.h>

/* 255.255.240.0 is 20; -EINVAL: no netmask. */
static int bits_of(const char *text)
{
	ip4_addr_t mask;
	uint32_t m;
	int bits = 0;

	if (!ip4addr_aton(text, &mask))
		return -EINVAL;
	for (m = lwip_ntohl(ip4_addr_get_u32(&mask)); m & 1u << 31; m <<= 1)
		bits++;
	return m ? -EINVAL : bits;
}

static int give(const char *ip, const char *mask, const char *router,
		const char *const *servers, unsigned n)
{
	static char address[24];
	int bits = mask ? bits_of(mask) : 32;

	if (bits < 0 ||
	    fmt(address, sizeof(address), "%s/%d", ip, bits) >= sizeof(address))
		return -EINVAL;
	return config_give(address, router, servers, n);
}

int qubesdb_configure(struct qubesdb *db)
{
	static const char *const keys[] = {
		"/qubes-ip", "/qubes-netmask", "/qubes-gateway",
		"/qubes-primary-dns", "/qubes-secondary-dns"};
	char *value[5] = {NULL};
	const char *servers[2];
	unsigned n = 0;
	int rc = 0;

	for (unsigned i = 0; i < 5 && !rc; i++) {
		rc = qubesdb_read(db, keys[i], &value[i], NULL);
		if (rc == -ENOENT && i > 0)
			rc = 0;
	}
	for (unsigned i = 3; i < 5; i++)
		if (value[i])
			servers[n++] = value[i];
	if (!rc)
		rc = give(value[0], value[1], value[2], servers, n);
	for (unsigned i = 0; i < 5; i++)
		heap_free(value[i]);
	return rc;
}
