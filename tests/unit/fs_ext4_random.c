/* SPDX-License-Identifier: ISC */
/*
 * ext4 under operations that nobody would think of: from one seed, files are
 * written, cut, moved, removed and made again on a disk of many small groups
 * with a small journal, and compared with what the test knows of them; now and
 * then the disk is unmounted, e2fsck judges it, and all is read again.
 *
 *     slot    one name; what its file holds is kept beside it
 *     crowd   some hundred names in one directory, there or not
 *
 * FATA_SOAK: some hundred seeds. FATA_SEED=N: this one.
 */
#include "unit/fs_calls.h"

#include "fs/cache.h"

#define SLOTS 24u
#define MOST  300000u /* bytes of a file */
#define CROWD 600u
#define DIRS  4u

static const char *const kinds[] = {
	"-t ext4 -b 1024 -g 1024 -J size=1 -N 2000",
	"-t ext4 -b 1024 -g 512 -O ^flex_bg -J size=1 -N 3000",
	"-t ext4 -b 2048 -g 1024 -J size=4 -O ^metadata_csum,^64bit",
	"-t ext4 -b 4096 -J size=4 -g 512 -N 2000",
	"-t ext3 -b 1024 -g 1024 -J size=1 -N 2000",
};

static struct slot {
	unsigned char *data; /* NULL: no such file */
	size_t size;
	unsigned mode;
} slots[SLOTS];

static bool crowd[CROWD];
static uint64_t seed;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

static const char *slot_path(unsigned i)
{
	static char path[2][32];
	static unsigned turn;
	char *p = path[turn++ % 2];

	snprintf(p, sizeof(path[0]), "/tmp/d%u/f%u", i % DIRS, i);
	return p;
}

static const char *crowd_path(unsigned i)
{
	static char path[200];

	snprintf(path, sizeof(path), "/tmp/crowd/%0*u", 20 + (int)(i % 100), i);
	return path;
}

static void check(unsigned i)
{
	const struct slot *s = &slots[i];
	struct stat st;

	if (!s->data) {
		assert_int_equal(sys_stat(slot_path(i), &st), -ENOENT);
		return;
	}
	has(slot_path(i), s->data, s->size);
	assert_int_equal(sys_stat(slot_path(i), &st), 0);
	assert_int_equal(st.st_mode & 07777, s->mode);
}

static void check_all(void)
{
	unsigned n = 0;
	struct stat st;

	for (unsigned i = 0; i < SLOTS; i++)
		check(i);
	for (unsigned i = 0; i < CROWD; i++) {
		n += crowd[i];
		assert_int_equal(sys_stat(crowd_path(i), &st),
				 crowd[i] ? 0 : -ENOENT);
	}
	assert_int_equal(entries("/tmp/crowd"), n + 2);
}

static void forget(struct slot *s)
{
	free(s->data);
	*s = (struct slot){0};
}

/* Anywhere in the file, or behind its end. */
static void do_write(unsigned i, bool sync)
{
	static unsigned char bytes[MOST];
	struct slot *s = &slots[i];
	size_t at = s->data ? below((unsigned)s->size + 5000) : 0;
	size_t n = below(below(4) ? 5000 : MOST / 2);
	long fd, r;

	if (at + n > MOST)
		return;
	fd = sys_open(slot_path(i), O_CREAT | O_WRONLY, 0644);
	if (fd == -ENOSPC)
		return;
	assert_true(fd >= 0);
	if (!s->data) {
		s->data = calloc(1, MOST);
		s->mode = 0644;
	}
	for (size_t k = 0; k < n; k++)
		bytes[k] = (unsigned char)(at + k + seed);
	r = sys_pwrite64((int)fd, bytes, n, (off_t)at);
	if (r > 0) {
		memcpy(s->data + at, bytes, (size_t)r);
		if (at + (size_t)r > s->size)
			s->size = at + (size_t)r;
	} else if (n) {
		assert_int_equal(r, -ENOSPC);
	}
	if (sync)
		assert_int_equal(sys_fsync((int)fd), 0);
	sys_close((int)fd);
}

static void do_cut(unsigned i)
{
	struct slot *s = &slots[i];
	size_t n = below(2) ? below(MOST) : below((unsigned)s->size + 1);

	if (!s->data)
		return;
	assert_int_equal(sys_truncate(slot_path(i), (off_t)n), 0);
	if (n < s->size)
		memset(s->data + n, 0, s->size - n);
	s->size = n;
}

static void do_reserve(unsigned i)
{
	struct slot *s = &slots[i];
	size_t at = below(MOST / 2), n = 1 + below(MOST / 2);
	long fd, r;

	if (!s->data)
		return;
	fd = sys_open(slot_path(i), O_WRONLY, 0);
	assert_true(fd >= 0);
	r = sys_fallocate((int)fd, 0, (off_t)at, (off_t)n);
	assert_true(!r || r == -ENOSPC || r == -EOPNOTSUPP);
	if (!r && at + n > s->size)
		s->size = at + n;
	sys_close((int)fd);
}

static void do_move(unsigned i, unsigned to)
{
	long r;

	if (!slots[i].data || i == to)
		return;
	r = sys_rename(slot_path(i), slot_path(to));
	if (r == -ENOSPC)
		return;
	assert_int_equal(r, 0);
	forget(&slots[to]);
	slots[to] = slots[i];
	slots[i] = (struct slot){0};
}

static void do_crowd(void)
{
	unsigned from = below(CROWD), n = below(100);
	bool there = below(2);

	for (unsigned i = from; i < CROWD && i < from + n; i++) {
		long r;

		if (crowd[i] == there)
			continue;
		r = there ? sys_mknod(crowd_path(i), S_IFIFO | 0600, 0)
			  : sys_unlink(crowd_path(i));
		if (r == -ENOSPC)
			return;
		assert_int_equal(r, 0);
		crowd[i] = there;
	}
}

static void step(void)
{
	unsigned i = below(SLOTS);

	switch (below(12)) {
	case 0:
	case 1:
	case 2:
		do_write(i, false);
		break;
	case 3:
		do_write(i, true);
		break;
	case 4:
		do_cut(i);
		break;
	case 5:
		do_reserve(i);
		break;
	case 6:
		do_move(i, below(SLOTS));
		break;
	case 7:
		if (slots[i].data)
			assert_int_equal(sys_unlink(slot_path(i)), 0);
		forget(&slots[i]);
		break;
	case 8:
		slots[i].mode = below(01000);
		if (slots[i].data)
			assert_int_equal(sys_chmod(slot_path(i), slots[i].mode),
					 0);
		break;
	case 9:
		do_crowd();
		break;
	case 10:
		if (!below(4))
			sys_sync();
		break;
	default:
		check(i);
	}
}

/* To the disk and back; sometimes e2fsck makes hashed trees of directories. */
static struct disk *again(struct disk *d)
{
	unmount();
	assert_true(disk_clean(d));
	if (!below(3)) {
		disk_store(d);
		disk_run("PATH=$PATH:/sbin:/usr/sbin e2fsck -fyD %s "
			 ">/dev/null 2>&1",
			 disk_file());
		disk_free(d);
		d = disk_load();
	}
	assert_int_equal(mount_disk(d, false), 0);
	check_all();
	return d;
}

static void run(unsigned n)
{
	struct disk *d = disk_mkfs(kinds[n % N_OF(kinds)],
				   n % 5 < 2 && n % 3 == 2 ? "8M" : "10M");
	char path[16];

	print_message("# seed %u\n", n);
	seed = n * 0x9e3779b97f4a7c15ull + 1;
	cache_set_limit((n % 3 ? 4096 : 64) * 4096ull);
	assert_int_equal(mount_disk(d, false), 0);
	assert_int_equal(sys_mkdir("/tmp/crowd", 0755), 0);
	for (unsigned i = 0; i < DIRS; i++) {
		snprintf(path, sizeof(path), "/tmp/d%u", i);
		assert_int_equal(sys_mkdir(path, 0755), 0);
	}
	for (unsigned i = 1; i <= 1200; i++) {
		step();
		if (i % 300 == 0)
			d = again(d);
	}
	unmount();
	assert_true(disk_clean(d));
	disk_free(d);
	for (unsigned i = 0; i < SLOTS; i++)
		forget(&slots[i]);
	memset(crowd, 0, sizeof(crowd));
}

static void test_random(void **state)
{
	const char *one = getenv("FATA_SEED");

	(void)state;
	if (one) {
		run((unsigned)atoi(one));
		return;
	}
	for (unsigned n = 0; n < (getenv("FATA_SOAK") ? 400u : 10u); n++)
		run(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	unix_init("random");
	unix_clock_manual(START);
	log_set_level("ext4", LOG_LEVEL_WARN);
	return cmocka_run_group_tests_name("ext4, random", tests, NULL, NULL);
}
