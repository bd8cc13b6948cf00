/* SPDX-License-Identifier: ISC */
/* Archives that tar itself makes, as trees; and broken ones. */
#define MOUNT_TYPE fs_tar
#include "unit/fs_calls.h"

#include "fs/tar.h"

static struct boot_module module;

/* What the shell command makes in an empty folder, as an archive. */
static void archive(const char *command, const char *options)
{
	static unsigned char *data;
	char name[80];
	int fd;

	snprintf(name, sizeof(name), "%s.tar", disk_file());
	assert_int_equal(disk_run("d=$(mktemp -d) && cd $d && (%s) && "
				  "tar %s -cf %s . && rm -r $d",
				  command, options, name),
			 0);
	fd = open(name, O_RDONLY);
	assert_true(fd >= 0);
	module.size = (size_t)lseek(fd, 0, SEEK_END);
	free(data);
	data = malloc(module.size);
	assert_int_equal(pread(fd, data, module.size, 0), module.size);
	module.data = data;
	close(fd);
	unlink(name);
}

#define TREE                                                                   \
	"mkdir -p a/b; printf hello >a/b/file; ln a/b/file hard; "             \
	"ln -s a/b/file soft; chmod 640 a/b/file; touch -d @1234567890 "       \
	"a/b/file; "                                                           \
	"n=$(printf '%0120d' 7); mkdir $n; printf long >$n/$n$n; "             \
	"ln -s /$n$n far; head -c 100000 /dev/zero >zeros"

static void has_link(const char *path, const char *target)
{
	char text[512];
	long n = sys_readlink(path, text, sizeof(text));

	assert_int_equal(n, strlen(target));
	assert_memory_equal(text, target, strlen(target));
}

static void check_tree(void)
{
	static const char zeros[100000];
	char n[121], path[512];
	struct stat s;

	memset(n, '0', 120);
	strcpy(n + 119, "7");
	has("/tmp/a/b/file", "hello", 5);
	has("/tmp/hard", "hello", 5);
	has("/tmp/soft", "hello", 5);
	assert_int_equal(sys_stat("/tmp/hard", &s), 0);
	assert_int_equal(s.st_nlink, 2);
	assert_int_equal(s.st_mode, S_IFREG | 0640);
	assert_int_equal(s.st_mtime, 1234567890);
	snprintf(path, sizeof(path), "/tmp/%s/%s%s", n, n, n);
	has(path, "long", 4);
	snprintf(path, sizeof(path), "/%s%s", n, n);
	has_link("/tmp/far", path);
	has("/tmp/zeros", zeros, sizeof(zeros));
	assert_int_equal(sys_open("/tmp/a/b/file", O_RDWR, 0), -EROFS);
	assert_int_equal(sys_unlink("/tmp/hard"), -EROFS);
	assert_int_equal(sys_mkdir("/tmp/x", 0755), -EROFS);
	assert_int_equal(sys_truncate("/tmp/zeros", 0), -EROFS);
}

static void test_formats(void **state)
{
	static const char *const formats[] = {"--format=gnu", "--format=pax"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fs_source from = {.name = "module0", .module = &module};
		struct disk *d;

		archive(TREE, formats[i]);
		assert_int_equal(fs_tar.mount(&from, true, &root), 0);
		assert_int_equal(mounts_add("/tmp", root), 0);
		check_tree();
		assert_int_equal(mounts_remove("/tmp"), 0);
		/* and from a disk */
		d = disk_new(module.data, module.size);
		from = (struct fs_source){.name = "disk", .disk = &d->block};
		assert_int_equal(fs_tar.mount(&from, true, &root), 0);
		assert_int_equal(mounts_add("/tmp", root), 0);
		check_tree();
		unmount();
		disk_free(d);
	}
}

static void test_later_wins(void **state)
{
	struct fs_source from = {.name = "module0", .module = &module};

	(void)state;
	archive("printf old >f; printf kept >k", "");
	/* a second archive behind the first, as tar -A would put it */
	{
		size_t n = module.size;
		unsigned char *first = malloc(n), *both;

		memcpy(first, module.data, n);
		archive("printf new >f", "");
		for (n -= n % 512; n >= 512; n -= 512) {
			bool zero = true;

			for (size_t i = 0; i < 512; i++)
				zero &= !first[n - 512 + i];
			if (!zero)
				break;
		}
		both = malloc(n + module.size);
		memcpy(both, first, n);
		memcpy(both + n, module.data, module.size);
		module = (struct boot_module){both, n + module.size, ""};
		free(first);
	}
	assert_int_equal(fs_tar.mount(&from, true, &root), 0);
	assert_int_equal(mounts_add("/tmp", root), 0);
	has("/tmp/f", "new", 3);
	has("/tmp/k", "kept", 4);
	unmount();
	free(module.data);
	module = (struct boot_module){0};
}

static void sum(unsigned char *header)
{
	unsigned s = 0;

	memset(header + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		s += header[i];
	snprintf((char *)header + 148, 8, "%06o", s);
}

/* One entry of that name and type; the mount's outcome. */
static int one(const char *name, char type, const char *link, const char *size)
{
	unsigned char data[2048] = {0};
	struct boot_module m = {data, sizeof(data), ""};
	struct tar *t;
	int err;

	strcpy((char *)data, name);
	strcpy((char *)data + 100, "0000644");
	strcpy((char *)data + 108, "0000000");
	strcpy((char *)data + 116, "0000000");
	strcpy((char *)data + 124, size);
	strcpy((char *)data + 136, "00000000000");
	data[156] = (unsigned char)type;
	strcpy((char *)data + 157, link);
	memcpy(data + 257,
	       "ustar\0"
	       "00",
	       8);
	sum(data);
	err = tar_open(&m, NULL, &t);
	if (!err)
		assert_int_equal(tar_close(t), 0);
	return err;
}

static void test_broken(void **state)
{
	(void)state;
	assert_int_equal(one("good", '0', "", "00000000005"), 0);
	assert_int_equal(one("../up", '0', "", "00000000000"), -EINVAL);
	assert_int_equal(one("a/../../up", '5', "", "00000000000"), -EINVAL);
	assert_int_equal(one("/abs", '0', "", "00000000000"), 0);
	assert_int_equal(one("big", '0', "", "77777777777"), -EINVAL);
	assert_int_equal(one("bad", '0', "", "0000000x000"), -EINVAL);
	assert_int_equal(one("link", '1', "nowhere", "00000000000"), -EINVAL);
	assert_int_equal(one("soft", '2', "../../etc", "00000000000"), 0);
	assert_int_equal(one("sparse", 'S', "", "00000000000"), -EINVAL);
	assert_int_equal(one("long", 'L', "", "07777777777"), -EINVAL);
	assert_int_equal(one("pax", 'x', "", "00000000010"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_later_wins),
		cmocka_unit_test(test_broken),
	};

	unix_init("tar");
	unix_clock_manual(START);
	return cmocka_run_group_tests_name("tar", tests, NULL, NULL);
}
