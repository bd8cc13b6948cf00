/* SPDX-License-Identifier: ISC */
/*
 * The loaders' structures: versions 0 and 1, modules, a command line without
 * an end, maps in any order, and noise.
 */
#include "unit/unit.h"

#include "xen/start_info.h"

#include <errno.h>
#include <stdlib.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#define MIB (1ull << 20)

static struct hvm_start_info info(uint32_t version)
{
	return (struct hvm_start_info){.magic = XEN_HVM_START_MAGIC_VALUE,
				       .version = version};
}

static struct boot_info fresh(void)
{
	return (struct boot_info){.cmdline = NULL};
}

static bool reserved(const struct boot_info *b, const void *p)
{
	for (unsigned i = 0; i < b->reserved.n; i++)
		if ((uint64_t)p >= b->reserved.r[i].start &&
		    (uint64_t)p < b->reserved.r[i].end)
			return true;
	return false;
}

static void class_52_version_0_has_no_map(void **state)
{
	struct boot_info b = fresh();
	struct hvm_start_info si = info(0);

	(void)state;
	si.memmap_paddr = 0xdead; /* beyond the end of version 0 */
	si.memmap_entries = 7;
	assert_int_equal(start_info_parse(&si, &b), 0);
	assert_int_equal(b.ram.n, 0);
	assert_true(reserved(&b, &si));
}

static void class_52_bad_magic_is_refused(void **state)
{
	struct boot_info b = fresh();
	struct hvm_start_info si = info(1);

	(void)state;
	si.magic ^= 1;
	assert_int_equal(start_info_parse(&si, &b), -EINVAL);
}

static void class_53_map_in_any_order(void **state)
{
	/* overlapping, unsorted, a hole, beyond 4 GiB, a wrapped entry */
	static const struct hvm_memmap_table_entry map[] = {
		{.addr = 4096 * MIB, .size = 2048 * MIB, .type = 1},
		{.addr = 100 * MIB, .size = 50 * MIB, .type = 1},
		{.addr = 0, .size = 120 * MIB, .type = 1},
		{.addr = 110 * MIB + 1, .size = 1, .type = 2},
		{.addr = UINT64_MAX - 5, .size = 4096, .type = 1},
		{.addr = 200 * MIB, .size = 0, .type = 1},
	};
	struct boot_info b = fresh();
	struct hvm_start_info si = info(1);

	(void)state;
	si.memmap_paddr = (uint64_t)map;
	si.memmap_entries = 6;
	assert_int_equal(start_info_parse(&si, &b), 0);
	assert_int_equal(b.ram.n, 3);
	assert_int_equal(b.ram.r[0].end, 110 * MIB);
	assert_int_equal(b.ram.r[1].start, 110 * MIB + 4096);
	assert_int_equal(b.ram.r[1].end, 150 * MIB);
	assert_int_equal(b.ram.r[2].end, 6144 * MIB);
}

static void class_52_modules_and_words(void **state)
{
	static char data[2][5000], args[] = "the args", line[] = "a command";
	struct hvm_modlist_entry list[40] = {
		{.paddr = (uint64_t)data[0],
		 .size = 5000,
		 .cmdline_paddr = (uint64_t)args},
		{.paddr = (uint64_t)data[1], .size = 1},
	};
	struct boot_info b = fresh();
	struct hvm_start_info si = info(1);

	(void)state;
	si.cmdline_paddr = (uint64_t)line;
	si.modlist_paddr = (uint64_t)list;
	si.nr_modules = 40;
	assert_int_equal(start_info_parse(&si, &b), 0);
	assert_string_equal(b.cmdline, "a command");
	assert_int_equal(b.modules, BOOT_MODULES_MAX);
	assert_int_equal(b.modules_lost, 8);
	assert_string_equal(b.module[0].args, "the args");
	assert_string_equal(b.module[1].args, "");
	assert_true(reserved(&b, data[0] + 4999));
	assert_true(reserved(&b, list));
	assert_true(reserved(&b, args));
}

static void class_52_endless_command_line_is_cut(void **state)
{
	char *line = malloc(BOOT_CMDLINE_MAX + 1);
	struct boot_info b = fresh();
	struct hvm_start_info si = info(1);

	(void)state;
	memset(line, 'x', BOOT_CMDLINE_MAX + 1);
	si.cmdline_paddr = (uint64_t)line;
	assert_int_equal(start_info_parse(&si, &b), 0);
	assert_true(b.cmdline_cut);
	assert_int_equal(strlen(b.cmdline), BOOT_CMDLINE_MAX - 1);
	free(line);
}

/* Whatever the entries say, the result is a sorted set of whole pages. */
static void class_53_noise_in_the_map(void **state)
{
	(void)state;
	srand(4);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned char noise[50 * 20];
		struct boot_info b = fresh();

		for (unsigned k = 0; k < sizeof(noise); k++)
			noise[k] = (unsigned char)(rand() % 3 ? 0 : rand());
		for (unsigned k = 0; k < 50; k++)
			noise[k * 20 + 16] = (unsigned char)(rand() % 3);
		memory_map_add(&b, noise, 50, 20);
		for (unsigned k = 0; k < b.ram.n; k++) {
			assert_true(b.ram.r[k].start < b.ram.r[k].end);
			assert_int_equal(b.ram.r[k].start % 4096, 0);
			assert_int_equal(b.ram.r[k].end % 4096, 0);
			if (k)
				assert_true(b.ram.r[k - 1].end <
					    b.ram.r[k].start);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_52_version_0_has_no_map),
		cmocka_unit_test(class_52_bad_magic_is_refused),
		cmocka_unit_test(class_53_map_in_any_order),
		cmocka_unit_test(class_52_modules_and_words),
		cmocka_unit_test(class_52_endless_command_line_is_cut),
		cmocka_unit_test(class_53_noise_in_the_map),
	};

	return cmocka_run_group_tests_name("start_info", tests, NULL, NULL);
}
