/* SPDX-License-Identifier: ISC */
/*
 * A shared folder in the simulator, mounted and used through libc's calls: what
 * the tests of src/fs/p9*.c and src/drivers/9pfront*.c begin with.
 */
#ifndef SIM_P9_H
#define SIM_P9_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <fata/clock.h>
#include <fata/task.h>

#include "fs/mount.h"
#include "fs/p9.h"
#include "lib/sim_lifecycle.h"
#include "lib/sim_p9back.h"
#include "unit/fs_libc.h"

static struct sim_p9back back;

/* The root and its folders are there for ever. */
static inline int set_up(void **state)
{
	int rc = sim_lifecycle_setup(state);

	CHECK(path_root() && sys_mkdir("/mnt", 0755) == 0);
	vm_forbidden = NULL;
	return rc;
}

static inline void plug_with(unsigned rings, unsigned order)
{
	memset(&back, 0, sizeof(back));
	p9_server_start(&back.server, 1 << 20);
	back.max_rings = rings;
	back.max_order = order;
	back.delay = MS / 10;
	sim_p9back_plug(&back);
}

static inline void plug(void)
{
	plug_with(8, 9);
}

static inline void unplug(void)
{
	sim_p9back_unplug(&back);
	sim_sleep(3 * FATA_NS_PER_S);
	p9_server_end(&back.server);
}

static inline void mount_share(const char *path)
{
	struct fs_source from = {.name = "share"};
	struct node *root;

	CHECK(fs_p9.mount(&from, false, &root) == 0);
	CHECK(mounts_add(path, root) == 0);
}

/* Nothing is left at the server but the root's number. */
static inline void unmount_share(const char *path)
{
	sim_sleep(FATA_NS_PER_S);
	CHECK(mounts_remove(path) == 0);
	sim_sleep(FATA_NS_PER_S);
	CHECK(back.server.fids <= 1);
}

static inline void put(const char *path, const void *data, size_t n)
{
	long fd = sys_open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	CHECK(fd >= 0);
	CHECK(sys_write((int)fd, data, n) == (long)n);
	CHECK(sys_close((int)fd) == 0);
}

static inline long get(const char *path, void *p, size_t size)
{
	long fd = sys_open(path, O_RDONLY, 0), n;

	if (fd < 0)
		return fd;
	n = sys_read((int)fd, p, size);
	CHECK(sys_close((int)fd) == 0);
	return n;
}

static inline void has(const char *path, const char *text)
{
	char got[256];
	long n = get(path, got, sizeof(got));

	CHECK(n == (long)strlen(text) && memcmp(got, text, (size_t)n) == 0);
}

/* How many names a directory lists, . and .. too; or an error. */
static inline long entries(const char *path)
{
	static char buffer[2000];
	long fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0), n, count = 0;

	CHECK(fd >= 0);
	while ((n = sys_getdents64((int)fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n; count++)
			at += *(uint16_t *)(void *)(buffer + at + 16);
	sys_close((int)fd);
	return n < 0 ? n : count;
}

#endif
