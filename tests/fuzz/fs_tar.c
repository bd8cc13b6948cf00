/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing tar archives: the input is one. So that more than the first checksum
 * is seen, the checksum of each 512 bytes that begin with a byte below 128 is
 * made right first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/tar.h"
#include "unix/unix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int block_open(const char *name, struct block **b, uint64_t deadline);

#include "unit/libc_vm.h"

__attribute__((weak)) int block_open(const char *name, struct block **b,
				     uint64_t deadline)
{
	(void)name;
	(void)b;
	(void)deadline;
	return -2;
}

static void set_sum(unsigned char *header)
{
	unsigned sum = 0;
	char text[8];

	memset(header + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += header[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(header + 148, text, 7);
}

static void walk(struct node *dir, unsigned depth)
{
	char buffer[2048], bytes[64];
	struct dirent_sink sink = {buffer, sizeof(buffer), 0};
	uint64_t pos = 2;

	dir->ops->list(dir, &sink, &pos);
	for (size_t at = 0; at < sink.used;) {
		char *name = buffer + at + 19;
		struct node *n;
		uint16_t length;

		memcpy(&length, buffer + at + 16, 2);
		at += length;
		if (dir->ops->lookup(dir, (struct name){name, strlen(name)},
				     &n))
			abort();
		if (S_ISDIR(n->mode) && depth < 20)
			walk(n, depth + 1);
		else if (S_ISREG(n->mode))
			n->ops->read(n, bytes, sizeof(bytes), 0);
		else if (S_ISLNK(n->mode) && !n->ops->target(n))
			abort();
		node_put(n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool begun;
	unsigned char *copy = malloc(n + 1);
	struct boot_module m = {copy, n, ""};
	struct tar *t;

	if (!begun)
		unix_init("tar");
	begun = true;
	memcpy(copy, data, n);
	for (size_t at = 0; at + 512 <= n; at += 512)
		if (copy[at] && copy[at] < 128)
			set_sum(copy + at);
	if (!tar_open(&m, NULL, &t)) {
		walk(tar_root(t), 0);
		if (tar_close(t))
			abort();
	}
	free(copy);
	return 0;
}
