/* SPDX-License-Identifier: ISC */
/*
 * Shared folders (9pfs): requests that were given up and that the server does
 * all the same, later. A write that nobody waits for any more names its file by
 * a number; another file must not have that number by then.
 *
 *     server   write(a), kept ............................ done now
 *     guest               error  close(a)  [mount]  open(b)
 */
#include "lib/sim_p9.h"

/* A write to "a" is on its way for longer than its caller waits. */
static void lose_write(void)
{
	int fd;

	plug();
	back.server.lax = true; /* the number may be nobody's */
	p9_server_put(&back.server, "a", "aaa", 3);
	p9_server_put(&back.server, "b", "bbb", 3);
	mount_share("/mnt");
	fd = (int)sys_open("/mnt/a", O_RDWR, 0);
	CHECK(fd >= 0);
	back.keeps = P9_WRITE;
	CHECK(sys_pwrite64(fd, "xxx", 3, 0) == -EIO);
	CHECK(sys_close(fd) == 0);
}

/* "b" is open when the write is done: neither it nor "a" has changed. */
static void find_write(void)
{
	char text[4];
	int fd = (int)sys_open("/mnt/b", O_RDWR, 0);

	CHECK(fd >= 0);
	sim_p9back_go(&back);
	sim_sleep(FATA_NS_PER_S);
	CHECK(sys_pread64(fd, text, 4, 0) == 3 && memcmp(text, "bbb", 3) == 0);
	CHECK(sys_close(fd) == 0);
	has("/mnt/a", "aaa");
	unmount_share("/mnt");
	unplug();
}

/* Whatever numbers are free, in another order each time. */
static void late(bool second_mount)
{
	struct stat s;

	for (unsigned i = 0; i < 4; i++) {
		lose_write();
		if (second_mount) {
			unmount_share("/mnt");
			mount_share("/mnt");
		}
		for (unsigned j = 0; j < i; j++)
			CHECK(sys_stat("/mnt/b", &s) == 0);
		find_write();
	}
}

static void test_same_mount(void **state)
{
	(void)state;
	late(false);
}

static void test_second_mount(void **state)
{
	(void)state;
	late(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_mount),
		cmocka_unit_test(test_second_mount),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
