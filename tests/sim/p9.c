/* SPDX-License-Identifier: ISC */
/*
 * Shared folders (9pfs), from libc's calls down to the rings, against a server
 * in memory: what works, what others change meanwhile, lost connections,
 * suspends. What a backend can do wrong is in p9_peer.c.
 */
#include <string.h>

#include "lib/sim_p9.h"
#include "unit/append.h"

/* --- what works ----------------------------------------------------------- */

static void test_files(void **state)
{
	static unsigned char big[600000], got[600000];
	struct stat s;
	long fd;

	(void)state;
	plug();
	mount_share("/mnt");
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (unsigned char)sim_random();
	fd = sys_open("/mnt/big", O_CREAT | O_EXCL | O_RDWR, 0640);
	CHECK(fd >= 0);
	CHECK(sys_write((int)fd, big, sizeof(big)) == sizeof(big));
	CHECK(sys_pread64((int)fd, got, sizeof(got), 0) == sizeof(got));
	CHECK(memcmp(big, got, sizeof(got)) == 0);
	CHECK(sys_pread64((int)fd, got, 10000, sizeof(big) - 5) == 5);
	CHECK(sys_pread64((int)fd, got, 10000, sizeof(big)) == 0);
	CHECK(sys_fstat((int)fd, &s) == 0 && s.st_size == sizeof(big));
	CHECK((s.st_mode & 07777) == (0640 & ~umask_now()));
	CHECK(sys_ftruncate((int)fd, 100) == 0);
	CHECK(sys_fsync((int)fd) == 0 && sys_fdatasync((int)fd) == 0);
	CHECK(sys_close((int)fd) == 0);
	CHECK(p9_server_file(&back.server, "big")->size == 100);
	fd = sys_open("/mnt/big", O_WRONLY | O_APPEND, 0);
	CHECK(sys_write((int)fd, "end", 3) == 3);
	CHECK(sys_close((int)fd) == 0);
	CHECK(sys_stat("/mnt/big", &s) == 0 && s.st_size == 103);
	CHECK(sys_open("/mnt/big", O_CREAT | O_EXCL | O_RDWR, 0) == -EEXIST);
	fd = sys_open("/mnt/big", O_RDWR | O_TRUNC, 0);
	CHECK(fd >= 0 && sys_close((int)fd) == 0);
	CHECK(sys_stat("/mnt/big", &s) == 0 && s.st_size == 0);
	unmount_share("/mnt");
	unplug();
}

static void test_names(void **state)
{
	char text[16];
	struct stat s, t;
	long fd;

	(void)state;
	plug();
	mount_share("/mnt");
	CHECK(sys_mkdir("/mnt/d", 0755) == 0);
	CHECK(sys_mkdir("/mnt/d", 0755) == -EEXIST);
	put("/mnt/d/a", "abc", 3);
	CHECK(sys_link("/mnt/d/a", "/mnt/b") == 0);
	CHECK(sys_stat("/mnt/b", &s) == 0 && s.st_nlink == 2);
	CHECK(sys_symlink("d/a", "/mnt/l") == 0);
	CHECK(sys_readlink("/mnt/l", text, sizeof(text)) == 3);
	has("/mnt/l", "abc");
	CHECK(sys_rmdir("/mnt/d") == -ENOTEMPTY);
	CHECK(sys_rename("/mnt/d/a", "/mnt/b") == 0); /* one file: nothing */
	put("/mnt/c", "other", 5);
	CHECK(sys_rename("/mnt/c", "/mnt/b") == 0);
	has("/mnt/b", "other");
	CHECK(sys_stat("/mnt/c", &s) == -ENOENT);
	CHECK(sys_rename("/mnt/d", "/mnt/e") == 0);
	CHECK(sys_rename("/mnt/e", "/mnt/e/in") == -EINVAL);
	has("/mnt/e/a", "abc");
	CHECK(sys_stat("/mnt/e/a", &s) == 0 && sys_stat("/mnt/b", &t) == 0);
	CHECK(s.st_ino != t.st_ino && s.st_dev == t.st_dev);
	CHECK(sys_chmod("/mnt/b", 0600) == 0 && sys_chown("/mnt/b", 7, 8) == 0);
	CHECK(sys_utimensat(AT_FDCWD, "/mnt/b",
			    (struct timespec[]){{5, 0}, {6, 0}}, 0) == 0);
	CHECK(sys_stat("/mnt/b", &s) == 0);
	CHECK(s.st_mode == (S_IFREG | 0600) && s.st_uid == 7 && s.st_gid == 8);
	CHECK(s.st_atime == 5 && s.st_mtime == 6);
	CHECK(sys_chdir("/mnt/e") == 0);
	has("a", "abc");
	CHECK(sys_getcwd(text, sizeof(text)) == 7 && !strcmp(text, "/mnt/e"));
	CHECK(sys_chdir("/") == 0);
	/* a file without a name is one still */
	fd = sys_open("/mnt/e/a", O_RDWR, 0);
	CHECK(sys_unlink("/mnt/e/a") == 0);
	CHECK(sys_pread64((int)fd, text, 3, 0) == 3 && !memcmp(text, "abc", 3));
	CHECK(sys_fstat((int)fd, &s) == 0 && s.st_nlink == 0);
	CHECK(sys_close((int)fd) == 0);
	CHECK(sys_rmdir("/mnt/e") == 0);
	CHECK(sys_mknod("/mnt/fifo", S_IFIFO | 0600, 0) == 0);
	CHECK(sys_stat("/mnt/fifo", &s) == 0 && S_ISFIFO(s.st_mode));
	unmount_share("/mnt");
	unplug();
}

static void test_many_names(void **state)
{
	struct statfs f;
	char name[32];

	(void)state;
	plug();
	mount_share("/mnt");
	CHECK(sys_mkdir("/mnt/d", 0755) == 0 && entries("/mnt/d") == 2);
	for (unsigned i = 0; i < 400; i++) {
		sprintf(name, "/mnt/d/a-longer-name-%u", i);
		put(name, "x", 1);
	}
	CHECK(entries("/mnt/d") == 402);
	for (unsigned i = 0; i < 400; i += 2) {
		sprintf(name, "/mnt/d/a-longer-name-%u", i);
		CHECK(sys_unlink(name) == 0);
	}
	CHECK(entries("/mnt/d") == 202);
	CHECK(sys_statfs("/mnt/d", &f) == 0 && f.f_type == 0x01021997);
	CHECK(f.f_bsize == 4096 && f.f_blocks == 1000 && f.f_bfree == 2000);
	unmount_share("/mnt");
	unplug();
}

/* --- mounts --------------------------------------------------------------- */

static void test_mounts(void **state)
{
	struct fs_source from = {.name = "share"};
	struct node *root;
	long fd;

	(void)state;
	plug();
	mount_share("/mnt");
	CHECK(fs_p9.mount(&from, false, &root) == -EBUSY);
	fd = sys_open("/mnt", O_RDONLY | O_DIRECTORY, 0);
	CHECK(fd >= 0 && mounts_remove("/mnt") == -EBUSY);
	CHECK(sys_close((int)fd) == 0);
	unmount_share("/mnt");
	from.name = "other";
	CHECK(fs_p9.mount(&from, false, &root) == -ETIMEDOUT);
	from.name = "share";
	p9_server_put(&back.server, "a", "abc", 3);
	CHECK(fs_p9.mount(&from, true, &root) == 0);
	CHECK(mounts_add("/mnt", root) == 0);
	has("/mnt/a", "abc");
	CHECK(sys_open("/mnt/a", O_RDWR, 0) == -EROFS);
	CHECK(sys_open("/mnt/b", O_CREAT | O_RDWR, 0) == -EROFS);
	CHECK(sys_unlink("/mnt/a") == -EROFS);
	CHECK(sys_chmod("/mnt/a", 1) == -EROFS);
	unmount_share("/mnt");
	unplug();
}

/* What a backend offers: one ring, small ones, small messages. */
static void test_offers(void **state)
{
	static const struct {
		unsigned rings, order;
		uint32_t msize, iounit;
	} offers[] = {{1, 9, 1 << 20, 0}, {8, 1, 1 << 20, 0},
		      {2, 3, 4096, 0},    {2, 6, 1 << 20, 1000},
		      {1, 2, 5000, 4096}};
	static unsigned char big[50000], got[50000];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		plug_with(offers[i].rings, offers[i].order);
		back.server.msize = offers[i].msize;
		back.server.iounit = offers[i].iounit;
		mount_share("/mnt");
		for (unsigned j = 0; j < sizeof(big); j++)
			big[j] = (unsigned char)sim_random();
		put("/mnt/a", big, sizeof(big));
		CHECK(get("/mnt/a", got, sizeof(got)) == sizeof(got));
		CHECK(memcmp(big, got, sizeof(got)) == 0);
		unmount_share("/mnt");
		unplug();
	}
}

/* --- others change it ----------------------------------------------------- */

static void test_others(void **state)
{
	char text[16];
	struct stat s;
	long fd, at;

	(void)state;
	plug();
	p9_server_put(&back.server, "a", "one", 3);
	mount_share("/mnt");
	fd = sys_open("/mnt/a", O_RDWR, 0);
	CHECK(sys_pread64((int)fd, text, 16, 0) == 3);
	p9_server_put(&back.server, "a", "longer", 6);
	CHECK(sys_pread64((int)fd, text, 16, 0) == 6);
	CHECK(memcmp(text, "longer", 6) == 0);
	CHECK(sys_fstat((int)fd, &s) == 0 && s.st_size == 6);
	p9_server_put(&back.server, "a", "longer yet", 10);
	at = sys_lseek((int)fd, 0, SEEK_END);
	CHECK(at == 10);
	/* its name goes, and is another's: the open file stays what it was */
	p9_server_remove(&back.server, "a");
	CHECK(sys_stat("/mnt/a", &s) == -ENOENT);
	CHECK(sys_pread64((int)fd, text, 16, 0) == 10);
	p9_server_put(&back.server, "a", "new", 3);
	has("/mnt/a", "new");
	CHECK(sys_pread64((int)fd, text, 16, 0) == 10);
	CHECK(sys_close((int)fd) == 0);
	unmount_share("/mnt");
	unplug();
}

/* The name is another file's: as from a server that knows files by names. */
static bool replace(struct sim_p9back *b, unsigned char *reply, size_t *n)
{
	(void)b;
	(void)n;
	if (reply[4] == P9_GETATTR + 1)
		reply[7 + 8 + 5] ^= 0x80; /* its number */
	return true;
}

/* What is meant for an open file never changes one that took its name. */
static void test_replaced(void **state)
{
	struct p9_file *other;
	struct stat s;
	int fd;

	(void)state;
	plug();
	other = p9_server_put(&back.server, "a", "other", 5);
	mount_share("/mnt");
	fd = (int)sys_open("/mnt/a", O_RDWR, 0);
	back.twist = replace;
	CHECK(sys_ftruncate(fd, 0) == -ESTALE && other->size == 5);
	CHECK(sys_fchmod(fd, 0600) == -ESTALE);
	CHECK((other->mode & 07777) != 0600);
	CHECK(sys_fstat(fd, &s) == 0 && (s.st_mode & 07777) != 0600);
	back.twist = NULL;
	CHECK(sys_fchmod(fd, 0600) == 0 && sys_ftruncate(fd, 1) == 0);
	CHECK(other->size == 1 && (other->mode & 07777) == 0600);
	CHECK(sys_close(fd) == 0);
	unmount_share("/mnt");
	unplug();
}

/* --- lost connections ----------------------------------------------------- */

static void lose(void)
{
	sim_p9back_restart(&back);
	sim_sleep(2 * FATA_NS_PER_S);
}

/* The server forgets all; who has files and directories open goes on. */
static void test_reconnection(void **state)
{
	char text[16];
	long fd, gone, moved;

	(void)state;
	plug();
	mount_share("/mnt");
	CHECK(sys_mkdir("/mnt/d", 0755) == 0);
	CHECK(sys_mkdir("/mnt/d/e", 0755) == 0);
	put("/mnt/d/e/a", "abc", 3);
	put("/mnt/gone", "abc", 3);
	put("/mnt/moved", "abc", 3);
	fd = sys_open("/mnt/d/e/a", O_RDWR, 0);
	gone = sys_open("/mnt/gone", O_RDONLY, 0);
	moved = sys_open("/mnt/moved", O_RDONLY, 0);
	CHECK(sys_chdir("/mnt/d/e") == 0);
	lose();
	CHECK(back.connects == 2);
	CHECK(sys_write((int)fd, "xyz", 3) == 3);
	has("a", "xyz");
	CHECK(sys_rename("/mnt/d", "/mnt/f") == 0);
	lose();
	CHECK(sys_pread64((int)fd, text, 16, 0) == 3);
	p9_server_remove(&back.server, "gone");
	p9_server_remove(&back.server, "moved");
	p9_server_put(&back.server, "moved", "another", 7);
	lose();
	CHECK(sys_pread64((int)gone, text, 16, 0) == -ESTALE);
	CHECK(sys_pread64((int)moved, text, 16, 0) == -ESTALE);
	CHECK(sys_pread64((int)fd, text, 16, 0) == 3);
	has("/mnt/moved", "another");
	CHECK(back.connects == 4 && back.server.sessions == 4);
	CHECK(sys_close((int)fd) == 0 && sys_close((int)gone) == 0 &&
	      sys_close((int)moved) == 0 && sys_chdir("/") == 0);
	unmount_share("/mnt");
	unplug();
}

static long result;

static int make_dir(void *arg)
{
	result = sys_mkdir(arg, 0755);
	return 0;
}

static int read_file(void *arg)
{
	char text[16];

	result = sys_pread64(*(int *)arg, text, 16, 0);
	return 0;
}

/* A call that is under way when the connection ends. */
static void cut(int (*fn)(void *), void *arg)
{
	struct task *t;

	result = 1;
	back.holds = true;
	CHECK(fata_task_spawn(&t, NULL, fn, arg) == 0);
	sim_sleep(FATA_NS_PER_S);
	sim_p9back_restart(&back);
	sim_sleep(FATA_NS_PER_S);
	sim_p9back_go(&back);
	sim_sleep(3 * FATA_NS_PER_S);
	CHECK(fata_task_join(t, NULL, FATA_FOREVER) == 0);
}

/* The connection ends when the directory is made, before its reply. */
static bool cut_mkdir(struct sim_p9back *b, unsigned char *reply, size_t *n)
{
	(void)n;
	if (reply[4] != 73)
		return true;
	b->twist = NULL;
	sim_p9back_restart(b);
	return false;
}

/* What can be asked again is; what may have been done is an error. */
static void test_cut(void **state)
{
	struct stat s;
	int fd;

	(void)state;
	plug();
	mount_share("/mnt");
	put("/mnt/a", "abc", 3);
	fd = (int)sys_open("/mnt/a", O_RDWR, 0);
	cut(read_file, &fd);
	CHECK(result == 3);
	cut(make_dir, "/mnt/d"); /* not sent: the lookup was */
	CHECK(result == 0);
	back.twist = cut_mkdir;
	CHECK(sys_mkdir("/mnt/e", 0755) == -EIO);
	CHECK(sys_stat("/mnt/e", &s) == 0);
	CHECK(sys_close(fd) == 0);
	unmount_share("/mnt");
	unplug();
}

/* The next request after the reply with attributes is held back. */
static bool hold_next(struct sim_p9back *b, unsigned char *reply, size_t *n)
{
	(void)n;
	if (reply[4] == 25) {
		b->twist = NULL;
		b->holds = true;
	}
	return true;
}

static int change_mode(void *arg)
{
	result = sys_fchmod(*(int *)arg, 0600);
	return 0;
}

static int look_at(void *path)
{
	struct stat s;

	CHECK(sys_stat(path, &s) == 0);
	return 0;
}

/*
 * A change of attributes goes out again after a lost connection: with what was
 * asked for, though another task has seen the old ones meanwhile. That one has
 * a shorter way to the file.
 */
static void test_changed_cut(void **state)
{
	struct task *change, *look;
	int fd;

	(void)state;
	plug();
	mount_share("/mnt");
	CHECK(sys_mkdir("/mnt/d", 0755) == 0);
	CHECK(sys_mkdir("/mnt/d/e", 0755) == 0);
	CHECK(sys_mkdir("/mnt/d/e/f", 0755) == 0);
	put("/mnt/d/e/f/a", "abc", 3);
	CHECK(sys_link("/mnt/d/e/f/a", "/mnt/b") == 0);
	fd = (int)sys_open("/mnt/d/e/f/a", O_RDWR, 0);
	back.twist = hold_next;
	CHECK(fata_task_spawn(&change, NULL, change_mode, &fd) == 0);
	sim_sleep(FATA_NS_PER_S);
	CHECK(fata_task_spawn(&look, NULL, look_at, "/mnt/b") == 0);
	sim_sleep(FATA_NS_PER_S);
	CHECK(back.holds);
	sim_p9back_restart(&back);
	CHECK(fata_task_join(change, NULL, FATA_FOREVER) == 0);
	CHECK(fata_task_join(look, NULL, FATA_FOREVER) == 0);
	CHECK(result == 0);
	CHECK((p9_server_file(&back.server, "b")->mode & 07777) == 0600);
	CHECK(sys_close(fd) == 0);
	unmount_share("/mnt");
	unplug();
}

/* A backend that goes without a word: an error in time, and it heals. */
static void test_silence(void **state)
{
	uint64_t begin;
	struct stat s;
	long fd;

	(void)state;
	plug();
	mount_share("/mnt");
	put("/mnt/a", "abc", 3);
	back.holds = true;
	begin = clock_mono_ns();
	CHECK(sys_stat("/mnt/a", &s) == -EIO);
	CHECK(clock_mono_ns() - begin < 40 * FATA_NS_PER_S);
	fd = sys_open("/mnt/a", O_RDONLY, 0);
	CHECK(fd == -EIO);
	sim_p9back_go(&back);
	has("/mnt/a", "abc");
	/* without events requests take until their deadline, but are done */
	back.silent = true;
	CHECK(sys_stat("/mnt/a", &s) == 0);
	back.silent = false;
	sim_xs_rm(SIM_P9_FRONT);
	sim_p9back_lose(&back);
	sim_sleep(FATA_NS_PER_S);
	begin = clock_mono_ns();
	CHECK(sys_stat("/mnt/a", &s) == -ENODEV);
	CHECK(clock_mono_ns() - begin < FATA_NS_PER_S);
	sim_p9back_plug(&back);
	sim_sleep(3 * FATA_NS_PER_S);
	has("/mnt/a", "abc");
	unmount_share("/mnt");
	unplug();
}

/* --- several tasks -------------------------------------------------------- */

#define APPENDS 20

static int append(void *arg)
{
	CHECK(append_records("/mnt/log", (unsigned)(uintptr_t)arg, APPENDS));
	return 0;
}

static void test_appends(void **state)
{
	struct task *t[4];

	(void)state;
	plug();
	mount_share("/mnt");
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(fata_task_spawn(&t[i], NULL, append, (void *)i) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(fata_task_join(t[i], NULL, FATA_FOREVER) == 0);
	CHECK(append_whole("/mnt/log", 4, APPENDS));
	unmount_share("/mnt");
	unplug();
}

/* --- load, restarts, suspends --------------------------------------------- */

static unsigned running;

/* Writes, reads back, renames; each its own file. */
static int work(void *arg)
{
	static unsigned char m[4][100000], got[4][100000];
	unsigned id = (unsigned)(uintptr_t)arg;
	char name[32], other[32];

	sprintf(name, "/mnt/w%u", id);
	sprintf(other, "/mnt/o%u", id);
	for (unsigned round = 0; round < 12; round++) {
		size_t n = sim_below(sizeof(m[id]));
		long fd = sys_open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);

		memset(m[id], (int)(round * 4 + id), n);
		if (fd < 0) {
			CHECK(fd == -EIO || fd == -EEXIST);
			continue;
		}
		CHECK(sys_pwrite64((int)fd, m[id], n, 0) == (long)n);
		CHECK(sys_pread64((int)fd, got[id], sizeof(got[id]), 0) ==
		      (long)n);
		CHECK(memcmp(m[id], got[id], n) == 0);
		CHECK(sys_close((int)fd) == 0);
		fd = sys_rename(name, other);
		CHECK(fd == 0 || fd == -EIO || fd == -ENOENT);
	}
	running--;
	return 0;
}

static void load(unsigned times, void (*disturb)(void))
{
	struct task *t[4];

	plug();
	back.delay = 2 * MS;
	mount_share("/mnt");
	running = 4;
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(fata_task_spawn(&t[i], NULL, work, (void *)i) == 0);
	for (unsigned i = 0; i < times && running; i++) {
		sim_sleep((5 + sim_below(30)) * MS);
		disturb();
	}
	for (unsigned i = 0; i < 4; i++)
		CHECK(fata_task_join(t[i], NULL, FATA_FOREVER) == 0);
	unmount_share("/mnt");
	unplug();
}

static void restart(void)
{
	sim_p9back_restart(&back);
}

static void run_restarts(void)
{
	load(4, restart);
}

static void test_restarts(void **state)
{
	(void)state;
	run_restarts();
	sim_runs(20, run_restarts);
}

static int elsewhere(struct sim_domain *d)
{
	int rc;

	/* nothing is under way: what was asked has been answered */
	for (unsigned i = 0; i < back.rings; i++)
		CHECK(!back.ring[i].busy);
	sim_p9back_lose(&back);
	rc = sim_into_new_domain(d);
	sim_p9back_plug(&back);
	return rc;
}

static void ask_suspend(void)
{
	if (!*sim_asked())
		sim_ask("suspend");
}

static void run_suspends(void)
{
	sim_guest->suspend = elsewhere;
	load(3, ask_suspend);
	sim_guest->suspend = NULL;
}

static void test_suspends(void **state)
{
	(void)state;
	run_suspends();
	sim_runs(20, run_suspends);
}

/* --- class 48: every allocation fails once -------------------------------- */

static void few_calls(void)
{
	struct fs_source from = {.name = "share"};
	static char m[100000];
	struct node *root;
	struct stat s;
	long fd;

	bool there;

	plug();
	there = !fs_p9.mount(&from, false, &root);
	if (!there || mounts_add("/mnt", root)) {
		CHECK(sim.failed);
		CHECK(!there || root->ops->unmount(root) == 0);
		unplug();
		return;
	}
	fd = sys_open("/mnt/a", O_CREAT | O_RDWR, 0644);
	CHECK(fd >= 0 || sim.failed);
	if (fd >= 0) {
		CHECK(sys_pwrite64((int)fd, m, sizeof(m), 0) == sizeof(m) ||
		      sim.failed);
		CHECK(sys_fstat((int)fd, &s) == 0 || sim.failed);
		sys_close((int)fd);
	}
	CHECK(sys_symlink("a", "/mnt/l") == 0 || sim.failed);
	CHECK(sys_stat("/mnt/l", &s) == 0 || sim.failed);
	CHECK(sys_rename("/mnt/a", "/mnt/b") == 0 || sim.failed);
	CHECK(sys_unlink("/mnt/b") == 0 || sim.failed);
	CHECK(mounts_remove("/mnt") == 0 ||
	      (sim.failed && mounts_remove("/mnt") == 0));
	sim_sleep(FATA_NS_PER_S);
	CHECK(back.server.fids <= 1 || sim.failed);
	unplug();
}

static void class_48_allocations(void **state)
{
	(void)state;
	few_calls();
	sim_nth(SIM_FAIL_ALLOC, few_calls);
	sim_nth(SIM_FAIL_HYPERCALL, few_calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_reconnection),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed_cut),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_suspends),
		cmocka_unit_test(class_48_allocations),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
