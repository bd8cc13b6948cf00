/* SPDX-License-Identifier: ISC */
/*
 * Files and directories in memory, links, listing, renaming; the devices. It
 * also passes as a Linux program, as root, in an empty directory
 * (__FATA_UNIX__).
 * guest: memory 128
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lib/guest.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void plain_files(void)
{
	char text[64];
	struct stat s;
	FILE *f = fopen("a.txt", "w+");

	check(f);
	fprintf(f, "line %d\nline %d\n", 1, 2);
	rewind(f);
	check(fgets(text, sizeof(text), f) && !strcmp(text, "line 1\n"));
	check_equal(fseek(f, 100000, SEEK_SET), 0);
	check_equal(fputs("end", f) >= 0, 1);
	check_equal(fclose(f), 0);
	check_equal(stat("a.txt", &s), 0);
	check_equal(s.st_size, 100003);
	check(S_ISREG(s.st_mode));
	check_equal(s.st_nlink, 1);
	int fd = open("a.txt", O_RDWR | O_APPEND);
	check_equal(pread(fd, text, 10, 99998), 5);
	check(!memcmp(text, "\0\0end", 5));
	check_equal(pwrite(fd, "X", 1, 0), 1); /* at the end: as on Linux */
	check_equal(lseek(fd, 0, SEEK_END), 100004);
	check_equal(ftruncate(fd, 6), 0);
	check_equal(ftruncate(fd, 10), 0);
	check_equal(pread(fd, text, 64, 0), 10);
	check(!memcmp(text, "line 1\0\0\0\0", 10));
	check_equal(write(fd, "+", 1), 1);
	check_equal(lseek(fd, 0, SEEK_CUR), 11);
	fails(lseek(fd, -1, SEEK_SET), EINVAL);
	close(fd);
	fails(open("a.txt", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	fails(open("nothing", O_RDWR), ENOENT);
	fails(open("a.txt/b", O_RDWR), ENOTDIR);
	fails(open("a.txt/", O_RDWR), ENOTDIR);
	fd = open("a.txt", O_WRONLY | O_TRUNC);
	check_equal(fstat(fd, &s), 0);
	check_equal(s.st_size, 0);
	fails(read(fd, text, 1), EBADF);
	close(fd);
}

static void removed_but_open(void)
{
	char text[8];
	struct stat s;
	int fd = open("gone", O_CREAT | O_RDWR, 0600);

	check_equal(write(fd, "still", 5), 5);
	check_equal(unlink("gone"), 0);
	fails(access("gone", F_OK), ENOENT);
	check_equal(pread(fd, text, 8, 0), 5);
	check_equal(fstat(fd, &s), 0);
	check_equal(s.st_nlink, 0);
	close(fd);
	FILE *f = tmpfile();
	check(f && fputs("x", f) >= 0 && fclose(f) == 0);
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	check(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n++;
	closedir(d);
	return n;
}

static void directories(void)
{
	char path[256], name[32], start[256];
	struct stat s;

	check(getcwd(start, sizeof(start)));
	check_equal(mkdir("d", 0755), 0);
	fails(mkdir("d", 0755), EEXIST);
	check_equal(mkdir("d/e", 0700), 0);
	check_equal(stat("d", &s), 0);
	check_equal(s.st_nlink, 3);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/file-number-%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	check_equal(count_entries("d"), 303);
	/* removing while listing misses none */
	DIR *d = opendir("d");
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] == 'f')
			check_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
	closedir(d);
	check_equal(count_entries("d"), 3);
	fails(rmdir("d"), ENOTEMPTY);
	fails(unlink("d"), EISDIR);
	fails(open("d", O_RDWR), EISDIR);
	check_equal(chdir("d/e/.././e"), 0);
	check(getcwd(path, sizeof(path)));
	check(!strncmp(path, start, strlen(start)));
	check(!strcmp(path + strlen(path) - 4, "/d/e"));
	fails(rename("../../d", "x"), EINVAL);
	check_equal(rmdir("../e"), 0);
	fails(getcwd(path, sizeof(path)) ? 0 : -1, ENOENT);
	fails(open("new", O_CREAT | O_WRONLY, 0600), ENOENT);
	check_equal(chdir(start), 0);
	fails(rmdir("."), EINVAL);
	check_equal(rmdir("d/"), 0);
	fails(chdir("a.txt"), ENOTDIR);
	fails(chdir("d"), ENOENT);
}

static void links(void)
{
	char text[64];
	struct stat s;

	check_equal(symlink("a.txt", "s"), 0);
	check_equal(readlink("s", text, sizeof(text)), 5);
	check_equal(lstat("s", &s), 0);
	check(S_ISLNK(s.st_mode));
	check_equal(stat("s", &s), 0);
	check(S_ISREG(s.st_mode));
	fails(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
	check_equal(link("a.txt", "hard"), 0);
	check_equal(stat("hard", &s), 0);
	check_equal(s.st_nlink, 2);
	check_equal(unlink("a.txt"), 0);
	fails(stat("s", &s), ENOENT);
	check_equal(rename("hard", "a.txt"), 0);
	check_equal(stat("s", &s), 0);
	check_equal(unlink("s"), 0);
	check_equal(symlink("loop", "loop"), 0);
	fails(stat("loop", &s), ELOOP);
	check_equal(unlink("loop"), 0);
	check_equal(mkdir("t", 0755), 0);
	check_equal(symlink("t", "u"), 0);
	close(open("u/in", O_CREAT | O_WRONLY, 0640));
	check_equal(stat("t/in", &s), 0);
	check_equal(s.st_mode & 0777, 0640);
	check_equal(chmod("t/in", 0400), 0);
	check_equal(stat("u/../t//in", &s), 0);
	check_equal(s.st_mode & 0777, 0400);
	check_equal(unlink("u"), 0);
}

static void renaming(void)
{
	struct timespec times[2] = {{1000, 5}, {2000, 7}};
	struct stat s;

	check_equal(mkdir("r", 0755), 0);
	check_equal(rename("t/in", "r/out"), 0);
	fails(stat("t/in", &s), ENOENT);
	check_equal(rename("t", "r/t"), 0);
	check_equal(stat("r", &s), 0);
	check_equal(s.st_nlink, 3);
	fails(rename("r/out", "r/t"), EISDIR);
	fails(rename("r/t", "r/out"), ENOTDIR);
	check_equal(rename("r/out", "r/out"), 0);
	close(open("r/other", O_CREAT | O_WRONLY, 0600));
	check_equal(rename("r/other", "r/out"), 0);
	check_equal(stat("r/out", &s), 0);
	check_equal(s.st_mode & 0777, 0600);
	check_equal(utimensat(AT_FDCWD, "r/out", times, 0), 0);
	check_equal(stat("r/out", &s), 0);
	check_equal(s.st_mtim.tv_sec, 2000);
	check_equal(s.st_atim.tv_nsec, 5);
	check_equal(unlink("r/out"), 0);
	check_equal(rmdir("r/t"), 0);
	check_equal(rmdir("r"), 0);
	fails(rename("nothing", "x"), ENOENT);
	char name[300];
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	fails(open(name, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
}

static void devices(void)
{
	unsigned char bytes[64] = {1}, zero[64] = {0};
	struct stat s;
	int fd = open("/dev/zero", O_RDONLY);

	check_equal(read(fd, bytes, 64), 64);
	check(!memcmp(bytes, zero, 64));
	close(fd);
	fd = open("/dev/null", O_RDWR);
	check_equal(write(fd, bytes, 64), 64);
	check_equal(read(fd, bytes, 64), 0);
	check_equal(fstat(fd, &s), 0);
	check(S_ISCHR(s.st_mode));
	check(!isatty(fd));
	close(fd);
	fd = open("/dev/full", O_WRONLY);
	fails(write(fd, "x", 1), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	check_equal(read(fd, bytes, 64), 64);
	check(memcmp(bytes, zero, 64));
	close(fd);
}

static void mapping_and_copying(void)
{
	struct statvfs v;
	char text[16];
	int fd = open("m", O_CREAT | O_RDWR, 0600), to;

	check_equal(write(fd, "0123456789", 10), 10);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check(p != MAP_FAILED);
	check(!memcmp(p, "0123456789\0", 11));
	p[0] = 'x';
	check_equal(munmap(p, 8192), 0);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(p != MAP_FAILED);
	p[3] = 'y';
	check_equal(msync(p, 4096, MS_SYNC), 0);
	check_equal(pread(fd, text, 16, 0), 10);
	check(!memcmp(text, "012y456789", 10));
	p[3] = '3';
	check_equal(munmap(p, 8192), 0);
	check_equal(pread(fd, text, 4, 0), 4);
	check(!memcmp(text, "0123", 4));
	to = open("n", O_CREAT | O_RDWR, 0600);
	off_t at = 2;
	check_equal(sendfile(to, fd, &at, 100), 8);
	check_equal(at, 10);
	check_equal(pread(to, text, 16, 0), 8);
	check(!memcmp(text, "23456789", 8));
	check_equal(posix_fallocate(to, 0, 5000), 0);
	check_equal(lseek(to, 0, SEEK_END), 5000);
	close(fd);
	close(to);
	check_equal(statvfs(".", &v), 0);
	check(v.f_bfree > 0 && v.f_bfree <= v.f_blocks);
	check_equal(unlink("m"), 0);
	check_equal(unlink("n"), 0);
	check_equal(unlink("a.txt"), 0);
}

int main(void)
{
#ifndef __FATA_UNIX__
	check_equal(chdir("/tmp"), 0);
#endif
	plain_files();
	removed_but_open();
	directories();
	links();
	renaming();
	devices();
	mapping_and_copying();
	check_equal(count_entries("."), 2);
	return 0;
}
