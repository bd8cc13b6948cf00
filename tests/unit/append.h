/* SPDX-License-Identifier: ISC */
/*
 * Several tasks append to one file: each record is in it once, whole, and after
 * those that its task wrote before.
 *
 *     record   who[1] number[1] the sum of both ... (APPEND_SIZE bytes)
 */
#ifndef FATA_TESTS_UNIT_APPEND_H
#define FATA_TESTS_UNIT_APPEND_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "libc/sys.h"

#define APPEND_SIZE 5000

static inline void append_record(unsigned char *p, unsigned who, unsigned n)
{
	memset(p, (int)(who + n), APPEND_SIZE);
	p[0] = (unsigned char)who;
	p[1] = (unsigned char)n;
}

/* Task `who` writes records 0 up to n. */
static inline bool append_records(const char *path, unsigned who, unsigned n)
{
	unsigned char p[APPEND_SIZE];
	int fd = (int)sys_open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);

	for (unsigned i = 0; fd >= 0 && i < n; i++) {
		append_record(p, who, i);
		if (sys_write(fd, p, sizeof(p)) != sizeof(p))
			return false;
	}
	return fd >= 0 && sys_close(fd) == 0;
}

/* Are all n records of so many tasks there, and nothing else? */
static inline bool append_whole(const char *path, unsigned tasks, unsigned n)
{
	unsigned char got[APPEND_SIZE], want[APPEND_SIZE];
	unsigned next[16] = {0}, total = 0;
	int fd = (int)sys_open(path, O_RDONLY, 0);
	bool good = fd >= 0;

	while (good && sys_read(fd, got, sizeof(got)) == sizeof(got)) {
		good = got[0] < tasks && got[1] == next[got[0]];
		append_record(want, got[0], got[1]);
		good = good && !memcmp(got, want, sizeof(got));
		next[got[0] % 16]++;
		total++;
	}
	if (fd >= 0)
		sys_close(fd);
	return good && total == tasks * n;
}

#endif
