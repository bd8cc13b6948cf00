/* SPDX-License-Identifier: ISC */
/*
 * peer.c - the guest's side of a conversation with dom0 (dom0/peer.c): pages
 * that it offers and wants back, events both ways, and dom0's pages mapped,
 * copied and unmapped in batches; and the cost of delivering many events.
 * Prints `figure NAME NANOSECONDS` lines.
 *
 * Arguments: pages [ROUNDS [MAPS]]: ROUNDS of each (default 20), and then so
 * many single mappings in batches of 64. channels N [ROUNDS]: N channels, each
 * fired once both ways in each round.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/task.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/xs.h>
#include <lib/guest.h>
#include <string.h>

#define OURS   64
#define THEIRS 256
#define DIR    "data/peer/"

static unsigned rounds = 20;
static unsigned long maps;

static uint64_t soon(void)
{
	return clock_deadline(600 * FATA_NS_PER_S);
}

static void at_stage(unsigned n)
{
	check_equal(xs_printf(NULL, DIR "guest", soon(), "%u", n), 0);
}

static void wait_stage(unsigned n)
{
	uint64_t stage, end = soon(), pause = 5 * FATA_NS_PER_MS;

	while (xs_read_u64(NULL, DIR "dom0", 99, &stage, end) || stage < n) {
		check(clock_mono_ns() < end);
		fata_sleep(pause); /* dom0 needs the time for itself */
		pause = pause < 200 * FATA_NS_PER_MS ? pause * 2 : pause;
	}
}

static void figure(const char *name, unsigned n, uint64_t since, uint64_t count)
{
	printf("figure %s-%u %llu\n", name, n,
	       (unsigned long long)((clock_mono_ns() - since) / count));
}

/* --- our pages --------------------------------------------------------- */

static void offer(unsigned char *pages, uint32_t *refs)
{
	char list[OURS * 12];
	size_t n = 0;

	for (unsigned i = 0; i < OURS; i++) {
		unsigned char *p = pages + i * PAGE_SIZE;

		for (unsigned k = 0; k < PAGE_SIZE; k++)
			p[k] = i + k;
		check_equal(gnttab_share(&refs[i], 0, p, true, 0), 0);
		n += sprintf(list + n, "%u ", refs[i]);
	}
	check_equal(xs_write(NULL, DIR "refs", list, n, soon()), 0);
}

static void ping(struct evtchn *e)
{
	uint64_t seen, start;

	evtchn_unmask(e);
	fata_sleep(20 * FATA_NS_PER_MS);
	seen = event_count(evtchn_event(e));
	start = clock_mono_ns();
	for (unsigned i = 0; i < rounds * 50; i++) {
		check_equal(evtchn_notify(e), 0);
		check_equal(evtchn_wait(e, &seen, soon()), 0);
	}
	figure("event-round-trip", 1, start, rounds * 50);
}

/* dom0 keeps our pages a while: they are not ours before it lets go. */
static void revoke(unsigned char *pages, const uint32_t *refs)
{
	struct gnttab_stat s;
	uint64_t end = soon();

	check_equal(gnttab_end_access(refs[0]), -EBUSY);
	check_equal(gnttab_end_pages(refs, OURS, pages, 6), OURS);
	gnttab_stat(&s);
	check_equal(s.quarantine, OURS);
	check_equal(s.pages, OURS);
	at_stage(2);
	for (unsigned i = 0; i < 20; i++) {
		unsigned char *p = page_alloc(0);

		check(p && (p < pages || p >= pages + OURS * PAGE_SIZE));
		memset(p, 0xee, PAGE_SIZE);
		page_free(p, 0);
		fata_sleep(FATA_NS_PER_MS);
	}
	wait_stage(2);
	do {
		check(clock_mono_ns() < end);
		fata_sleep(10 * FATA_NS_PER_MS);
		gnttab_stat(&s);
	} while (s.quarantine);
	check_equal(s.pages, 0);
}

static void test_export(void)
{
	unsigned char *pages = page_alloc(6);
	struct evtchn e = {0};
	uint32_t refs[OURS];

	check(pages);
	offer(pages, refs);
	check_equal(evtchn_bind_unbound(&e, 0), 0);
	check_equal(xs_printf(NULL, DIR "port", soon(), "%d", evtchn_port(&e)),
		    0);
	at_stage(1);
	wait_stage(1);
	for (unsigned i = 0; i < OURS; i++)
		check(pages[i * PAGE_SIZE + 7] == (unsigned char)(i + 7 + 1));
	ping(&e);
	revoke(pages, refs);
	check_equal(evtchn_close(&e), 0);
	at_stage(3);
}

/* --- dom0's pages ------------------------------------------------------ */

static struct gnttab_page map[THEIRS];
static uint32_t refs[THEIRS];

static void want(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		map[i] = (struct gnttab_page){.ref = refs[i]};
}

static void map_and_unmap(unsigned n)
{
	uint64_t start = clock_mono_ns();

	want(n);
	for (unsigned i = 0; i < rounds; i++) {
		check_equal(gnttab_map(map, n, soon()), 0);
		for (unsigned k = 0; k < n; k++) {
			unsigned char *p = map[k].address;

			check(p[100] == (unsigned char)(k + 100 + 2));
			p[5] = k ^ 0x5a;
		}
		check_equal(gnttab_unmap(map, n), 0);
	}
	figure("map-touch-unmap-page", n, start, (uint64_t)rounds * n);
}

/* The window's addresses and the host's numbers must come back each time. */
static void map_often(unsigned long total)
{
	struct gnttab_stat s;

	for (unsigned long done = 0; done < total; done += 64) {
		want(64);
		check_equal(gnttab_map(map, 64, soon()), 0);
		check(*(unsigned char *)map[done / 64 % 64].address ==
		      (unsigned char)(done / 64 % 64 + 2));
		check_equal(gnttab_unmap(map, 64), 0);
		fata_yield();
	}
	gnttab_stat(&s);
	check_equal(s.mapped, 0);
	printf("mapped %lu times\n", total);
}

static void copy(unsigned n, unsigned char *to)
{
	static struct gnttab_copy_op op[THEIRS];
	uint64_t start = clock_mono_ns();

	for (unsigned k = 0; k < n; k++)
		op[k] = (struct gnttab_copy_op){
			.from = {.ref = refs[k]},
			.to = {.local = to + k * PAGE_SIZE},
			.len = PAGE_SIZE,
		};
	for (unsigned i = 0; i < rounds; i++)
		check_equal(gnttab_copy(op, n, soon()), 0);
	figure("copy-page", n, start, (uint64_t)rounds * n);
	for (unsigned k = 0; k < n; k++)
		check(to[k * PAGE_SIZE + 200] == (unsigned char)(k + 200 + 2));
}

static void test_import(void)
{
	unsigned char *to = page_alloc(8);
	char *list, *p;

	check(to);
	wait_stage(3);
	check_equal(xs_read(NULL, DIR "offer", &list, NULL, soon()), 0);
	p = list;
	for (unsigned i = 0; i < THEIRS; i++)
		refs[i] = strtoul(p, &p, 10);
	heap_free(list);
	for (unsigned n = 1; n <= THEIRS; n *= 4) {
		map_and_unmap(n);
		copy(n, to);
	}
	/* one reference that dom0 never gave: none is mapped */
	want(10);
	map[9].ref = 1 << 20;
	check_equal(gnttab_map(map, 10, 0), -EINVAL);
	page_free(to, 8);
	map_often(maps);
	at_stage(4);
	wait_stage(4);
}

/* --- dispatch ----------------------------------------------------------------
 */

static unsigned fired;

static void count(void *arg)
{
	(void)arg;
	fired++;
}

/* n channels are pending: what does it cost to deliver all of them? */
static void dispatch(unsigned n)
{
	unsigned times = n > rounds * 100 ? 3 : 3 + rounds * 100 / n;
	struct evtchn *e = calloc(n, sizeof(*e));
	uint64_t ns = 0, start;

	check(e);
	for (unsigned i = 0; i < n; i++) {
		check_equal(evtchn_bind_ipi(&e[i]), 0);
		evtchn_handle(&e[i], count, NULL);
		evtchn_unmask(&e[i]);
	}
	fired = 0;
	for (unsigned r = 0; r < times; r++) {
		for (unsigned i = 0; i < n; i++)
			evtchn_notify(&e[i]);
		start = clock_mono_ns();
		while (fired < (r + 1) * n)
			fata_yield();
		ns += clock_mono_ns() - start;
	}
	printf("figure dispatch-event-%u %llu\n", n,
	       (unsigned long long)(ns / times / n));
	for (unsigned i = 0; i < n; i++)
		check_equal(evtchn_close(&e[i]), 0);
	free(e);
}

/* --- many channels -------------------------------------------------------- */

/* As "FIRST-LAST FIRST-LAST ...". */
static void publish(struct evtchn *e, unsigned n)
{
	char list[2000];
	size_t at = 0;

	for (unsigned i = 0, k; i < n; i = k) {
		for (k = i + 1;
		     k < n && evtchn_port(&e[k]) == evtchn_port(&e[k - 1]) + 1;
		     k++)
			;
		at += sprintf(list + at, "%d-%d ", evtchn_port(&e[i]),
			      evtchn_port(&e[k - 1]));
		check(at < sizeof(list) - 32);
	}
	check_equal(xs_write(NULL, DIR "ports", list, at, soon()), 0);
	check_equal(xs_printf(NULL, DIR "rounds", soon(), "%u", rounds), 0);
}

static void count_one(void *arg)
{
	++*(unsigned char *)arg;
	fired++;
}

static void test_channels(unsigned n)
{
	struct evtchn *e = calloc(n, sizeof(*e));
	unsigned char *hits = calloc(n, 1);
	struct evtchn_stat s;
	uint64_t start;

	check(e && hits);
	start = clock_mono_ns();
	for (unsigned i = 0; i < n; i++) {
		check_equal(evtchn_bind_unbound(&e[i], 0), 0);
		evtchn_handle(&e[i], count_one, &hits[i]);
		evtchn_unmask(&e[i]);
	}
	figure("bind-channel", n, start, n);
	publish(e, n);
	at_stage(1);
	wait_stage(1);
	for (unsigned r = 1; r <= rounds; r++) {
		uint64_t end = soon();

		while (fired < r * n && clock_mono_ns() < end)
			fata_sleep(10 * FATA_NS_PER_MS);
		for (unsigned i = 0; i < n; i++)
			check_equal(hits[i], r);
		check_equal(fired, r * n);
		at_stage(2 * r);
		wait_stage(2 * r);
		start = clock_mono_ns();
		for (unsigned i = 0; i < n; i++)
			check_equal(evtchn_notify(&e[i]), 0);
		figure("notify-channel", n, start, n);
		wait_stage(2 * r + 1);
	}
	evtchn_stat(&s);
	printf("%u channels, %s, %u rounds, %llu stray\n", n,
	       s.fifo ? "fifo" : "2-level", rounds,
	       (unsigned long long)s.stray);
	for (unsigned i = 0; i < n; i++) {
		check_equal(evtchn_close(&e[i]), 0);
		check_equal(evtchn_notify(&e[i]), -EBADF);
	}
	at_stage(2 * rounds + 1);
}

static void say_what(const char *what)
{
	check_equal(xs_write(NULL, DIR "what", what, strlen(what), soon()), 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "pages";

	say_what(what);
	if (strcmp(what, "channels") == 0) {
		check(argc > 2);
		rounds = argc > 3 ? atoi(argv[3]) : 2;
		test_channels(atoi(argv[2]));
	} else {
		rounds = argc > 2 ? (unsigned)atoi(argv[2]) : rounds;
		maps = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
		dispatch(1);
		dispatch(100);
		dispatch(4000);
		test_export();
		test_import();
	}
	printf("peer: ok\n");
	return 0;
}
