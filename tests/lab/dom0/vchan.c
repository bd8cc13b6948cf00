/* SPDX-License-Identifier: ISC */
/*
 * dom0/vchan.c - the other end of tests/lab/vchan.c with libxenvchan:
 * serve|connect DOMAIN FOLDER SIZE BYTES.
 */
#include <libxenvchan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8));
}

static struct libxenvchan *begin(char **argv, size_t size)
{
	struct libxenvchan *v = NULL;

	if (!strcmp(argv[1], "serve"))
		return libxenvchan_server_init(NULL, atoi(argv[2]), argv[3],
					       size, size);
	for (int i = 0; !v && i < 600; i++) {
		v = libxenvchan_client_init(NULL, atoi(argv[2]), argv[3]);
		if (!v)
			usleep(100000);
	}
	return v;
}

int main(int argc, char **argv)
{
	static unsigned char part[1000];
	size_t total = argc == 6 ? (size_t)atol(argv[5]) : 0, in = 0, out = 0;
	struct libxenvchan *v;

	if (argc != 6)
		return 2;
	v = begin(argv, (size_t)atol(argv[4]));
	if (!v)
		return 3;
	v->blocking = 0;
	while (libxenvchan_is_open(v) == 2)
		libxenvchan_wait(v);
	while (in < total || out < total) {
		size_t n = total - out < 1000 ? total - out : 1000;
		int rc = 0, wrote = 0;

		for (size_t i = 0; i < n; i++)
			part[i] = pattern(out + i);
		if (n)
			wrote = libxenvchan_write(v, part, n);
		if (wrote > 0)
			out += (size_t)wrote;
		if (in < total)
			rc = libxenvchan_read(v, part, 1000);
		for (int i = 0; i < rc; i++)
			if (part[i] != pattern(in + (size_t)i))
				return 4;
		if (rc > 0)
			in += (size_t)rc;
		if (wrote < 0 || rc < 0)
			return 5;
		if (!wrote && !rc)
			libxenvchan_wait(v);
	}
	if (!strcmp(argv[1], "serve"))
		while (libxenvchan_is_open(v) == 1)
			libxenvchan_wait(v);
	else
		sleep(1); /* the peer reads what is left */
	libxenvchan_close(v);
	printf("libxenvchan %s: ok\n", argv[1]);
	return 0;
}
