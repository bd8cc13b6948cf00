/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing what a shared folder's server says: the simulated backend answers
 * rightly until the input says otherwise, then with what is in it.
 *
 *     repeated:   1 byte   how many replies are right first
 *                 1 byte   n; bit 7: the header stays right, with the new size
 *                 n bytes  (n & 127) in place of the reply, or of what follows
 *                          its header
 *
 * Whatever it says, calls end, in time, and nothing is left behind.
 */
#include <stdint.h>

#include "lib/sim_p9.h"

static const uint8_t *input;
static size_t left;
static unsigned right;

static void next_step(void)
{
	right = left ? *input : UINT32_MAX;
	input += left > 0;
	left -= left > 0;
}

static bool twist(struct sim_p9back *b, unsigned char *reply, size_t *size)
{
	size_t n;
	uint32_t whole;

	(void)b;
	if (right-- || !left)
		return true;
	n = *input & 127;
	whole = (*input & 128) ? 7 : 0;
	input++, left--;
	n = n < left ? n : left;
	memcpy(reply + whole, input, n);
	*size = whole + n;
	if (whole) {
		whole += (uint32_t)n;
		memcpy(reply, &whole, 4);
	}
	input += n, left -= n;
	next_step();
	return true;
}

static void use(void)
{
	static char m[70000];
	struct statfs f;
	struct stat s;
	long fd = sys_open("/mnt/a", O_RDWR, 0);

	if (fd >= 0) {
		sys_pread64((int)fd, m, sizeof(m), 0);
		sys_pwrite64((int)fd, m, 100, 0);
		sys_fstat((int)fd, &s);
		sys_close((int)fd);
	}
	sys_readlink("/mnt/l", m, sizeof(m));
	sys_stat("/mnt/l", &s);
	sys_statfs("/mnt", &f);
	fd = sys_open("/mnt", O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0) {
		for (int i = 0; i < 4; i++)
			sys_getdents64((int)fd, m, 500);
		sys_close((int)fd);
	}
	fd = sys_open("/mnt/new", O_CREAT | O_RDWR, 0600);
	if (fd >= 0)
		sys_close((int)fd);
	sys_mkdir("/mnt/d", 0700);
	sys_rename("/mnt/new", "/mnt/d/new");
	sys_unlink("/mnt/d/new");
	sys_chmod("/mnt/a", 0600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fs_source from = {.name = "share"};
	static bool started;
	struct node *root;
	uint64_t begin;

	if (!started)
		set_up(NULL);
	started = true;
	input = data;
	left = size;
	next_step();
	plug();
	p9_server_put(&back.server, "a", "some text", 9);
	p9_server_link(&back.server, "l", "a");
	back.twist = twist;
	back.server.lax = true;
	begin = clock_mono_ns();
	if (fs_p9.mount(&from, false, &root) == 0) {
		CHECK(mounts_add("/mnt", root) == 0);
		use();
		CHECK(mounts_remove("/mnt") == 0);
	}
	/* a reply that stays away costs a call its patience */
	CHECK(clock_mono_ns() - begin < 40 * P9_PATIENCE);
	unplug();
	return 0;
}
