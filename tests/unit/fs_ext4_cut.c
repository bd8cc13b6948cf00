/* SPDX-License-Identifier: ISC */
/*
 * Power cuts: a program's writes to a disk are noted, then the power fails
 * before any of them (FATA_SOAK: some thousand times). What no
 * flush followed may be on the disk or not, sector by sector. After the
 * journal's replay, by us or by e2fsck, everything that fsync had acknowledged
 * must be there, nothing may be what nobody wrote, and e2fsck finds no fault.
 */
#include "unit/fs_calls.h"

#define ROUNDS 60
#define RECORD 64
#define KEPT   6 /* rounds that a file lives */

static struct disk *disk;
static unsigned n_writes;
static unsigned acked[ROUNDS + 1]; /* the log's length when round k held */

/* What round k writes at byte i of a file. */
static unsigned char byte_of(unsigned k, size_t i)
{
	unsigned x = (k * 2654435761u) ^ (unsigned)(i * 40503);

	return (unsigned char)(x >> 8 | 1); /* never 0 */
}

static size_t size_of(unsigned k)
{
	return k * 7919 % 20000 + 1;
}

static unsigned char *contents(unsigned k, size_t n)
{
	unsigned char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = byte_of(k, i);
	return p;
}

static void fsync_path(const char *path)
{
	long fd = sys_open(path, O_RDONLY, 0);

	assert_true(fd >= 0);
	assert_int_equal(sys_fsync((int)fd), 0);
	sys_close((int)fd);
}

static void put_synced(const char *path, unsigned k)
{
	unsigned char *p = contents(k, size_of(k));

	put(path, p, size_of(k));
	free(p);
	fsync_path(path);
}

static void file_name(char *path, size_t n, unsigned k)
{
	snprintf(path, n, "/tmp/d%u/file-%u", k % 3, k);
}

static void one_round(unsigned k)
{
	unsigned char *record = contents(k, RECORD);
	char path[64];
	long fd = sys_open("/tmp/log", O_CREAT | O_WRONLY | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sys_write((int)fd, record, RECORD), RECORD);
	free(record);
	assert_int_equal(sys_fdatasync((int)fd), 0);
	sys_close((int)fd);
	file_name(path, sizeof(path), k);
	put_synced(path, k);
	put_synced("/tmp/new", k);
	assert_int_equal(sys_rename("/tmp/new", "/tmp/current"), 0);
	fsync_path("/tmp");
	acked[k] = disk->n_log;
	/* and things that nobody waits for */
	if (k > KEPT) {
		file_name(path, sizeof(path), k - KEPT);
		assert_int_equal(sys_unlink(path), 0);
	}
	if (k % 5 == 0) {
		assert_int_equal(sys_mkdir("/tmp/d0/sub", 0755), 0);
		put("/tmp/d0/sub/x", "x", 1);
		assert_int_equal(sys_rename("/tmp/d0/sub", "/tmp/d1/sub"), 0);
	} else if (k % 5 == 2 && k > 5) {
		assert_int_equal(sys_unlink("/tmp/d1/sub/x"), 0);
		assert_int_equal(sys_rmdir("/tmp/d1/sub"), 0);
	}
	if (k % 7 == 0)
		assert_int_equal(sys_truncate("/tmp/scratch", k * 100), 0);
	put("/tmp/scratch", "scratch", 7);
}

static void work(const char *words)
{
	disk = disk_mkfs(words, "6M");
	assert_int_equal(mount_disk(disk, false), 0);
	for (unsigned i = 0; i < 3; i++) {
		char path[16];

		snprintf(path, sizeof(path), "/tmp/d%u", i);
		assert_int_equal(sys_mkdir(path, 0755), 0);
	}
	put("/tmp/scratch", "scratch", 7);
	sys_sync();
	disk_start(disk);
	for (unsigned k = 1; k <= ROUNDS; k++)
		one_round(k);
	sys_sync();
	n_writes = disk->n_log;
	unmount();
}

static bool is_contents(const char *path, unsigned k)
{
	unsigned char *want = contents(k, size_of(k)), *got = malloc(30000);
	long fd = sys_open(path, O_RDONLY, 0), n = fd;
	bool same;

	if (fd >= 0) {
		n = sys_read((int)fd, got, 30000);
		sys_close((int)fd);
	}
	same = n == (long)size_of(k) && !memcmp(want, got, size_of(k));
	free(want);
	free(got);
	return same;
}

static void check_log(unsigned k)
{
	static unsigned char log[ROUNDS * RECORD];
	long fd = sys_open("/tmp/log", O_RDONLY, 0), n = 0;

	if (fd >= 0) {
		n = sys_read((int)fd, log, sizeof(log));
		sys_close((int)fd);
	}
	assert_true(n >= (long)k * RECORD);
	for (long i = 0; i < n; i++)
		assert_int_equal(log[i], byte_of((unsigned)(i / RECORD) + 1,
						 (size_t)(i % RECORD)));
}

/* Everything that round k, and those before it, had been promised. */
static void check(unsigned k)
{
	char path[64];
	struct stat s;

	check_log(k);
	for (unsigned i = k > KEPT ? k - KEPT + 1 : 1; i <= k; i++) {
		/* round k + 1 may have removed its file by now */
		if (i + KEPT == k + 1)
			continue;
		file_name(path, sizeof(path), i);
		assert_true(is_contents(path, i));
	}
	if (k || !sys_stat("/tmp/current", &s))
		assert_true(is_contents("/tmp/current", k) ||
			    is_contents("/tmp/current", k + 1));
}

/* e2fsck replays, and finds nothing beside. */
static struct disk *replayed_by_e2fsck(struct disk *d)
{
	disk_store(d);
	assert_int_equal(disk_run("PATH=$PATH:/sbin:/usr/sbin; e2fsck -fy %s "
				  ">%s.log 2>&1 </dev/null; "
				  "[ $? -le 1 ] && ! grep -q '? yes' %s.log",
				  disk_file(), disk_file(), disk_file()),
			 0);
	disk_run("rm -f %s.log", disk_file());
	disk_free(d);
	return disk_load();
}

static void cut(unsigned n, unsigned seed, bool by_e2fsck)
{
	struct disk *d = disk_cut(disk, n, seed, by_e2fsck);
	unsigned k = 0;

	while (k < ROUNDS && acked[k + 1] <= n)
		k++;
	if (by_e2fsck)
		d = replayed_by_e2fsck(d);
	assert_int_equal(mount_disk(d, false), 0);
	check(k);
	unmount();
	assert_true(disk_clean(d));
	disk_free(d);
}

static void cuts(const char *words)
{
	unsigned most = getenv("FATA_SOAK") ? 1000 : 40, n;

	work(words);
	n = n_writes;
	for (unsigned i = 0; i < most; i++)
		cut((unsigned)((uint64_t)n * i / most), i * 7 + 1, i % 8 == 7);
	print_message("%s: %u cuts in %u writes\n", words, most, n);
	disk_free(disk);
}

static void test_checksums(void **state)
{
	(void)state;
	cuts("-t ext4 -b 1024 -J size=1");
}

static void test_plain(void **state)
{
	(void)state;
	cuts("-t ext4 -b 1024 -J size=1 -O ^metadata_csum,^64bit");
}

static void test_blocks(void **state)
{
	(void)state;
	cuts("-t ext3 -b 1024 -J size=1");
}

static void test_groups(void **state)
{
	(void)state;
	cuts("-t ext4 -b 1024 -g 512 -J size=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_groups),
	};

	unix_init("cuts");
	unix_clock_manual(START);
	log_set_level("ext4", LOG_LEVEL_WARN);
	return cmocka_run_group_tests_name("power cuts", tests, NULL, NULL);
}
