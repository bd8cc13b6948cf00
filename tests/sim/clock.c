/* SPDX-License-Identifier: ISC */
/*
 * Xen's clock records, read by the real code, which is compiled in here under
 * other names: the host's platform has clocks of its own.
 */
#include "unit/unit.h"

static uint64_t cycles;
static void (*on_read)(void); /* what Xen does while the record is read */

static uint64_t read_cycles(void)
{
	if (on_read)
		on_read();
	return cycles;
}

#define platform_cycles read_cycles
#define clock_mono_ns   xen_mono_ns
#define clock_wall_ns   xen_wall_ns
#define clock_deadline  xen_deadline
#define clock_to_system_time xen_to_system_time
#include "xen/clock.c"

static struct shared_info page;
static struct vcpu_time_info *const record = &page.vcpu_info[0].time;

/* A record that counts `mul` / 2^32 ns per cycle. */
static void set(uint64_t stamp, uint64_t system, uint32_t mul, int8_t shift)
{
	record->version += 2;
	record->tsc_timestamp = stamp;
	record->system_time = system;
	record->tsc_to_system_mul = mul;
	record->tsc_shift = shift;
}

static int fresh(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	shared = &page;
	offset = last = 0;
	on_read = NULL;
	return 0;
}

static void scales(void **state)
{
	(void)state;
	set(1000, 5000000, 1u << 31, 0); /* 2 cycles a ns */
	cycles = 1000 + 2000;
	assert_int_equal(xen_mono_ns(), 5001000);
	set(1000, 5000000, 1u << 31, 2);
	assert_int_equal(xen_mono_ns(), 5004000);
	set(1000, 6000000, 1u << 31, -1);
	assert_int_equal(xen_mono_ns(), 6000500);
	set(0, 6000000, UINT32_MAX, 0); /* a month does not overflow */
	cycles = 4000000000ull * 86400 * 30;
	assert_in_range(xen_mono_ns(), cycles - 10000000, cycles + 6000000);
}

/* Red once: the stamp of a young guest's first record is below zero. */
static void class_51_stamp_before_the_counter_began(void **state)
{
	(void)state;
	set((uint64_t)-28147839, 493995983357, 2147483663u, 1);
	cycles = 52753746;
	assert_in_range(xen_mono_ns(), 493995983357 + 80900000,
			493995983357 + 80903000);
}

static void class_51_never_back(void **state)
{
	(void)state;
	set(1000, 5000000, 1u << 31, 0);
	cycles = 9000;
	assert_int_equal(xen_mono_ns(), 5004000);
	cycles = 3000; /* a counter that goes back */
	assert_int_equal(xen_mono_ns(), 5004000);
	set(3000, 4000000, 1u << 31, 0); /* a record that goes back */
	assert_int_equal(xen_mono_ns(), 5004000);
	cycles = 3000 + 4000000;
	assert_int_equal(xen_mono_ns(), 6000000);
}

static void class_49_51_another_host_goes_on(void **state)
{
	(void)state;
	set(0, 900000000, 1u << 31, 0);
	cycles = 200;
	assert_int_equal(xen_mono_ns(), 900000100);
	set(0, 1000, 1u << 31, 0);
	clock_init(&page);
	assert_int_equal(xen_mono_ns(), 900000100);
	cycles += 2000;
	assert_int_equal(xen_mono_ns(), 900001100);
	assert_int_equal(clock_to_system_time(900001100), 2100);
}

/* The other CPU counts half as fast, or its record is older than a month. */
static void class_49_51_another_speed(void **state)
{
	(void)state;
	set(0, 1000000, 1u << 31, 0);
	cycles = 200;
	assert_int_equal(xen_mono_ns(), 1000100);
	set(0, 7000, 1u << 31, 1);
	clock_init(&page);
	assert_int_equal(xen_mono_ns(), 1000100);
	cycles += 2000;
	assert_int_equal(xen_mono_ns(), 1002100);
	cycles += 3600ull * 1000000000 * 24 * 40;
	assert_int_equal(xen_mono_ns(),
			 1002100 + 3600ull * 1000000000 * 24 * 40);
}

/* A record that is never whole is read so often, and then taken as it is. */
static void class_51_record_odd_for_ever(void **state)
{
	(void)state;
	set(1000, 5000000, 1u << 31, 0);
	record->version++;
	page.wc_version = 7;
	cycles = 3000;
	assert_int_equal(xen_mono_ns(), 5001000);
	assert_int_equal(xen_wall_ns(), 5001000);
}

static void tear(void)
{
	on_read = NULL;
	set(record->tsc_timestamp, record->system_time + 77000000, 1u << 31, 0);
}

static void class_51_torn_record_is_read_again(void **state)
{
	(void)state;
	set(1000, 5000000, 1u << 31, 0);
	cycles = 3000;
	on_read = tear;
	assert_int_equal(xen_mono_ns(), 82001000);
}

static void class_51_wall_clock_steps_past_2038(void **state)
{
	(void)state;
	set(0, 0, 1u << 31, 0);
	cycles = 0;
	page.wc_version = 2;
	page.wc_sec = 5;
	page.wc_sec_hi = 1;
	page.wc_nsec = 9;
	assert_int_equal(xen_wall_ns(), ((1ull << 32) + 5) * 1000000000 + 9);
	page.wc_sec = 6; /* dom0 has set the time */
	assert_int_equal(xen_wall_ns(), ((1ull << 32) + 6) * 1000000000 + 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(scales, fresh),
		cmocka_unit_test_setup(class_51_stamp_before_the_counter_began,
				       fresh),
		cmocka_unit_test_setup(class_51_never_back, fresh),
		cmocka_unit_test_setup(class_49_51_another_host_goes_on,
				       fresh),
		cmocka_unit_test_setup(class_49_51_another_speed, fresh),
		cmocka_unit_test_setup(class_51_record_odd_for_ever, fresh),
		cmocka_unit_test_setup(class_51_torn_record_is_read_again,
				       fresh),
		cmocka_unit_test_setup(class_51_wall_clock_steps_past_2038,
				       fresh),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
