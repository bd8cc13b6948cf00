/* SPDX-License-Identifier: ISC */
/*
 * linux.c - what tests/lab/peer.c and own.c do, as a program of a Linux PVH
 * guest over Xen's own libraries: the peer of the benchmark. Same stages, same
 * figures.
 *
 * First argument: rounds. Exit 0, or 1 with one line that says what failed.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define PAGE    4096
#define OURS    64
#define THEIRS  256
#define AT_ONCE 16 /* readers of xenstore */
#define DIR     "data/peer/"

static struct xs_handle *xs;
static unsigned rounds = 20;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	printf("linux: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void put(const char *name, const char *value)
{
	must(xs_write(xs, XBT_NULL, name, value, strlen(value)), name);
}

static void at_stage(unsigned n)
{
	char s[16];

	snprintf(s, sizeof(s), "%u", n);
	put(DIR "guest", s);
}

static void wait_stage(unsigned n)
{
	unsigned len, stage = 0;

	for (int i = 0; i < 12000 && stage < n; i++) {
		char *s = xs_read(xs, XBT_NULL, DIR "dom0", &len);

		stage = s ? atoi(s) : 0;
		free(s);
		usleep(5000);
	}
	must(stage >= n, "dom0's stage");
}

static void figure(const char *name, unsigned n, uint64_t since, uint64_t count)
{
	printf("figure %s-%u %" PRIu64 "\n", name, n, (now() - since) / count);
}

static void ping(xenevtchn_handle *x, int port)
{
	uint64_t start;

	usleep(20000);
	start = now();
	for (unsigned i = 0; i < rounds * 50; i++) {
		must(!xenevtchn_notify(x, port), "notify");
		must(xenevtchn_pending(x) == port, "pending");
		must(!xenevtchn_unmask(x, port), "unmask");
	}
	figure("event-round-trip", 1, start, rounds * 50);
}

static void export(void)
{
	xengntshr_handle *g = xengntshr_open(NULL, 0);
	xenevtchn_handle *x = xenevtchn_open(NULL, 0);
	char list[OURS * 12], number[16];
	uint32_t refs[OURS];
	unsigned char *p;
	size_t n = 0;
	int port;

	must(g && x, "open");
	p = xengntshr_share_pages(g, 0, OURS, refs, 1);
	must(p != NULL, "share");
	for (unsigned i = 0; i < OURS; i++) {
		for (unsigned k = 0; k < PAGE; k++)
			p[i * PAGE + k] = i + k;
		n += sprintf(list + n, "%" PRIu32 " ", refs[i]);
	}
	put(DIR "refs", list);
	port = xenevtchn_bind_unbound_port(x, 0);
	must(port > 0, "bind");
	snprintf(number, sizeof(number), "%d", port);
	put(DIR "port", number);
	at_stage(1);
	wait_stage(1);
	/* dom0 raised the channel when it bound it, perhaps */
	ping(x, port);
	must(!xengntshr_unshare(g, p, OURS), "unshare");
	at_stage(2);
	wait_stage(2);
	at_stage(3);
}

static uint32_t refs[THEIRS];

static void map_and_unmap(xengnttab_handle *g, unsigned n)
{
	uint64_t start = now();

	for (unsigned i = 0; i < rounds; i++) {
		unsigned char *p = xengnttab_map_domain_grant_refs(
			g, n, 0, refs, PROT_READ | PROT_WRITE);

		must(p != NULL, "map");
		for (unsigned k = 0; k < n; k++) {
			must(p[k * PAGE + 100] == (unsigned char)(k + 102),
			     "what dom0 wrote");
			p[k * PAGE + 5] = k ^ 0x5a;
		}
		must(!xengnttab_unmap(g, p, n), "unmap");
	}
	figure("map-touch-unmap-page", n, start, (uint64_t)rounds * n);
}

static void copy(xengnttab_handle *g, unsigned n, unsigned char *to)
{
	static xengnttab_grant_copy_segment_t seg[THEIRS];
	uint64_t start = now();

	for (unsigned i = 0; i < rounds; i++) {
		memset(seg, 0, n * sizeof(*seg));
		for (unsigned k = 0; k < n; k++) {
			seg[k].source.foreign.ref = refs[k];
			seg[k].dest.virt = to + k * PAGE;
			seg[k].len = PAGE;
			seg[k].flags = GNTCOPY_source_gref;
		}
		must(!xengnttab_grant_copy(g, n, seg), "copy");
	}
	figure("copy-page", n, start, (uint64_t)rounds * n);
}

static void import(void)
{
	xengnttab_handle *g = xengnttab_open(NULL, 0);
	unsigned char *to = aligned_alloc(PAGE, THEIRS * PAGE);
	unsigned len;
	char *s, *p;

	wait_stage(3);
	s = p = xs_read(xs, XBT_NULL, DIR "offer", &len);
	must(g && to && s, "offer");
	memset(to, 0, THEIRS * PAGE);
	for (unsigned i = 0; i < THEIRS; i++)
		refs[i] = strtoul(p, &p, 10);
	free(s);
	for (unsigned n = 1; n <= THEIRS; n *= 4) {
		map_and_unmap(g, n);
		copy(g, n, to);
	}
	at_stage(4);
	wait_stage(4);
}

/* --- own.c ---------------------------------------------------------------- */

static void wake_up(void)
{
	uint64_t late = 0;

	for (unsigned i = 0; i < rounds * 10; i++) {
		uint64_t due = now() + 1000000;
		struct timespec t = {due / 1000000000, due % 1000000000};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		late += now() - due;
	}
	printf("figure wake-up-latency %" PRIu64 "\n", late / (rounds * 10));
}

static void *read_often(void *handle)
{
	unsigned len;

	for (unsigned i = 0; i < rounds; i++) {
		char *s = xs_read(handle, XBT_NULL, "name", &len);

		must(s != NULL, "name");
		free(s);
	}
	return NULL;
}

static void report(const char *what, uint64_t ns, unsigned reads)
{
	printf("figure xenstore-read-latency-%s %" PRIu64 "\n", what,
	       ns / rounds);
	printf("figure xenstore-reads-%s/s %" PRIu64 "\n", what,
	       (uint64_t)reads * 1000000000 / ns);
}

static void read_store(void)
{
	struct xs_handle *h[AT_ONCE];
	pthread_t t[AT_ONCE];
	uint64_t start;

	for (unsigned i = 0; i < AT_ONCE; i++)
		must((h[i] = xs_open(0)) != NULL, "xenstore");
	read_often(xs);
	start = now();
	read_often(xs);
	report("1", now() - start, rounds);
	start = now();
	for (unsigned i = 0; i < AT_ONCE; i++)
		must(!pthread_create(&t[i], NULL, read_often, h[i]), "thread");
	for (unsigned i = 0; i < AT_ONCE; i++)
		pthread_join(t[i], NULL);
	report("16", now() - start, AT_ONCE * rounds);
	for (unsigned i = 0; i < AT_ONCE; i++)
		xs_close(h[i]);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rounds = atoi(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	xs = xs_open(0);
	must(xs != NULL, "xenstore");
	put(DIR "what", "pages");
	wake_up();
	read_store();
	export();
	import();
	return 0;
}
