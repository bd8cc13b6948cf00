/* SPDX-License-Identifier: ISC */
/*
 * The addresses of a qube (src/net/qubes.c): from QubesDB's keys, played here,
 * to the stack's first interface; and what is no address.
 */
#include "unit.h"

#include "net_fake.h"

#include <fata/heap.h>
#include <fata/qubesdb.h>
#include <net/stack.h>

static const char *keys[5]; /* ip, netmask, gateway, two nameservers */

int qubesdb_read(struct qubesdb *db, const char *path, char **value,
		 size_t *size)
{
	static const char *const names[] = {
		"/qubes-ip", "/qubes-netmask", "/qubes-gateway",
		"/qubes-primary-dns", "/qubes-secondary-dns"};

	assert_null(db);
	assert_null(size);
	for (unsigned i = 0; i < N_OF(names); i++) {
		if (strcmp(path, names[i]) || !keys[i])
			continue;
		*value = heap_alloc(strlen(keys[i]) + 1);
		strcpy(*value, keys[i]);
		return 0;
	}
	return -ENOENT;
}

static int with(const char *ip, const char *mask, const char *gateway,
		const char *dns)
{
	keys[0] = ip;
	keys[1] = mask;
	keys[2] = gateway;
	keys[3] = dns;
	keys[4] = dns ? "10.139.1.2" : NULL;
	return qubesdb_configure(NULL);
}

static void test_refused(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(with(NULL, "255.0.0.0", NULL, NULL), -ENOENT);
	assert_int_equal(with("10.137.0.5.1", NULL, NULL, NULL), -EINVAL);
	assert_int_equal(with("x", NULL, NULL, NULL), -EINVAL);
	assert_int_equal(with("10.137.0.5", "255.0.255.0", NULL, NULL),
			 -EINVAL);
	assert_int_equal(with("10.137.0.5", "all", NULL, NULL), -EINVAL);
	assert_int_equal(with("10.137.0.5", NULL, "there", NULL), -EINVAL);
	assert_int_equal(with("10.137.0.5", NULL, NULL, "me"), -EINVAL);
	assert_int_equal(with("1000.1000.1000.1000.1000", NULL, NULL, NULL),
			 -EINVAL);
	assert_int_equal(config_resolv(text, sizeof(text)), 0);
}

static void test_configured(void **state)
{
	char text[128];

	(void)state;
	assert_int_equal(with("10.137.0.5", "255.255.255.255", "10.137.0.1",
			      "10.139.1.1"),
			 0);
	assert_int_equal(stack_start(), 0);
	fata_sleep(FATA_NS_PER_S);
	assert_non_null(netif_default);
	assert_int_equal(ip4_addr_get_u32(netif_ip4_addr(netif_default)),
			 PP_HTONL(0x0a890005));
	assert_int_equal(ip4_addr_get_u32(netif_ip4_netmask(netif_default)),
			 PP_HTONL(0xffffffff));
	assert_int_equal(ip4_addr_get_u32(netif_ip4_gw(netif_default)),
			 PP_HTONL(0x0a890001));
	config_resolv(text, sizeof(text));
	assert_string_equal(text, "nameserver 10.139.1.1\n"
				  "nameserver 10.139.1.2\n");
	/* too late for others */
	assert_int_equal(with("10.137.0.6", NULL, NULL, NULL), -EBUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_configured),
	};

	unix_init("net_qubes");
	unix_clock_manual(START);
	return cmocka_run_group_tests_name("net_qubes", tests, NULL, NULL);
}
