/* SPDX-License-Identifier: ISC */
/*
 * Captures as interfaces. Alone: what comes in on `in` goes out again. With the
 * word "same": `a` and `b` bring the same frames.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/net.h>
#include <lib/guest.h>
#include <string.h>

static struct net_frame *next(struct net *n)
{
	struct net_frame *f;
	int rc = net_receive(n, &f, 1, clock_deadline(5 * FATA_NS_PER_S));

	check(rc == 1 || rc == -ETIMEDOUT);
	return rc == 1 ? f : NULL;
}

static int copy(void)
{
	struct net_frame *f;
	struct net *n;
	unsigned frames = 0;

	check_equal(net_open("in", &n, 0), 0);
	for (; (f = next(n)); frames++)
		check_equal(net_send(n, &f, 1, 0), 1);
	printf("%u frames\n", frames);
	return !frames;
}

static int same(void)
{
	struct net_frame *f, *g;
	struct net *a, *b;

	check_equal(net_open("a", &a, 0), 0);
	check_equal(net_open("b", &b, 0), 0);
	do {
		f = next(a);
		g = next(b);
		check_equal(f != NULL, g != NULL);
		if (!f)
			break;
		check_equal(f->size, g->size);
		for (unsigned i = 0; i < f->pieces; i++)
			check(!memcmp(f->piece[i].data, g->piece[i].data,
				      f->piece[i].size));
		net_frame_free(f);
		net_frame_free(g);
	} while (1);
	return 0;
}

int main(int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? same() : copy();
}
