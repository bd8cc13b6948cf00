/* SPDX-License-Identifier: ISC */
/*
 * vchan.c - one end of streams over vchan; this one source is a guest and a
 * daemon in dom0: serve|connect THEIR-DOMAIN FOLDER SIZE BYTES.
 *
 * Both ends write BYTES bytes of a known pattern and check what they read; the
 * client closes first, and the server reads the end.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/vchan.h>
#include <lib/guest.h>
#include <string.h>

static struct vchan *v;
static size_t total;

static uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8));
}

static int writer(void *arg)
{
	unsigned char part[3000];
	size_t at = 0;

	(void)arg;
	while (at < total) {
		size_t n = 1 + at % sizeof(part);

		n = n < total - at ? n : total - at;
		for (size_t i = 0; i < n; i++)
			part[i] = pattern(at + i);
		check_equal(vchan_write(v, part, n, soon()), n);
		at += n;
	}
	return 0;
}

static void reader(void)
{
	unsigned char part[5000];
	size_t at = 0;

	while (at < total) {
		ssize_t n = vchan_read(v, part, sizeof(part), soon());

		check(n > 0);
		for (ssize_t i = 0; i < n; i++)
			check_equal(part[i], pattern(at + (size_t)i));
		at += (size_t)n;
	}
	check_equal(at, total);
}

int main(int argc, char **argv)
{
	bool serves = argc == 6 && !strcmp(argv[1], "serve");
	uint16_t peer = argc == 6 ? (uint16_t)atoi(argv[2]) : 0;
	struct task *t;
	char c;

	check_equal(argc, 6);
	total = (size_t)atol(argv[5]);
	if (serves) {
		size_t size = (size_t)atol(argv[4]);

		check_equal(vchan_listen(argv[3], peer, size, size, &v, soon()),
			    0);
		check_equal(vchan_read(v, &c, 1, 0), -ETIMEDOUT);
	} else {
		check_equal(vchan_connect(argv[3], peer, &v, soon()), 0);
	}
	check_equal(vchan_wait(v, soon()), 0);
	fata_task_spawn(&t, NULL, writer, NULL);
	reader();
	check_equal(fata_task_join(t, NULL, soon()), 0);
	if (serves) {
		check_equal(vchan_read(v, &c, 1, soon()), 0);
		check_equal(vchan_write(v, &c, 1, soon()), -EPIPE);
	} else { /* what is written before the end arrives */
		uint64_t end = soon();

		while (vchan_space(v) < 1000 && clock_mono_ns() < end)
			fata_sleep(FATA_NS_PER_MS);
	}
	vchan_close(v);
	printf("vchan %s: ok\n", argv[1]);
	return 0;
}
