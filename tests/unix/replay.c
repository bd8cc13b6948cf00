/* SPDX-License-Identifier: ISC */
/*
 * Captures as interfaces:
 *
 *     copy FILE     what comes in on `in`, from FILE, goes out again
 *     same A B      `a`, from A, and `b`, from B, bring the same frames
 *
 * How many frames there are is counted in the files: between two there may be
 * any time.
 */
#include <byteswap.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/net.h>
#include <lib/guest.h>
#include <string.h>

static unsigned frames(const char *path)
{
	uint32_t magic, head[5], record[4], n;
	FILE *f = fopen(path, "rb");
	unsigned count = 0;
	char byte;

	check(f);
	check_equal(fread(&magic, 4, 1, f), 1);
	check_equal(fread(head, 4, 5, f), 5);
	/* the last one may be there in part */
	for (; fread(record, 4, 4, f) == 4; count++) {
		n = (magic & 0xff) == 0xa1 ? bswap_32(record[2]) : record[2];
		if (n &&
		    (fseek(f, n - 1, SEEK_CUR) || fread(&byte, 1, 1, f) != 1))
			break;
	}
	fclose(f);
	return count;
}

static struct net_frame *next(struct net *n)
{
	struct net_frame *f;

	check_equal(net_receive(n, &f, 1, clock_deadline(60 * FATA_NS_PER_S)),
		    1);
	return f;
}

static int copy(const char *path)
{
	struct net_frame *f;
	struct net *n;
	unsigned count;

	check_equal(net_open("in", &n, 0), 0);
	count = frames(path);
	check(count);
	for (unsigned i = 0; i < count; i++) {
		f = next(n);
		check_equal(net_send(n, &f, 1, 0), 1);
	}
	printf("%u frames\n", count);
	return 0;
}

static int same(const char *path, const char *other)
{
	unsigned left = frames(path);
	struct net_frame *f, *g;
	struct net *a, *b;

	check(left);
	check_equal(left, frames(other));
	check_equal(net_open("a", &a, 0), 0);
	check_equal(net_open("b", &b, 0), 0);
	for (; left; left--) {
		f = next(a);
		g = next(b);
		check_equal(f->size, g->size);
		for (unsigned i = 0; i < f->pieces; i++)
			check(!memcmp(f->piece[i].data, g->piece[i].data,
				      f->piece[i].size));
		net_frame_free(f);
		net_frame_free(g);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "copy"))
		return copy(argv[2]);
	check(argc == 4 && !strcmp(argv[1], "same"));
	return same(argv[2], argv[3]);
}
