/* SPDX-License-Identifier: ISC */
/*
 * twin.c - event channels, grants and xenstore: this one source is a guest and
 * a daemon in dom0, which talk to each other. Each side shares pages, which the
 * other maps, copies and changes; opens a channel, which the other connects to;
 * and both take part in transactions on one counter.
 *
 * Arguments: MY-NAME THEIR-NAME THEIR-DOMAIN FOLDER (of the guest, for both).
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

#define PAGES 16
#define TURNS 25

static const char *me, *they, *folder;
static uint16_t peer;

static uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

/* Our key, or theirs. */
static const char *key(const char *who, const char *name)
{
	static char path[2][XS_PATH_SIZE];
	static unsigned n;

	n = !n;
	check_equal(xs_path(path[n], "%s/%s-%s", folder, who, name), 0);
	return path[n];
}

static int is_there(void *arg)
{
	char *value;
	int rc = xs_read(NULL, arg, &value, NULL, soon());

	if (rc)
		return rc == -ENOENT ? -EAGAIN : rc;
	heap_free(value);
	return 0;
}

/* Wait, by a watch, until they have written that key. */
static char *wait_for(const char *name)
{
	const char *path = key(they, name);
	char *value;

	check_equal(xs_wait(&path, 1, is_there, (void *)path, soon()), 0);
	check_equal(xs_read(NULL, path, &value, NULL, soon()), 0);
	return value;
}

static void tell(const char *name, const char *value)
{
	check_equal(xs_write(NULL, key(me, name), value, strlen(value), soon()),
		    0);
}

/* Both sides come here before either goes on. */
static void meet(const char *name)
{
	tell(name, "here");
	heap_free(wait_for(name));
}

/* --- grants ------------------------------------------------------------- */

static unsigned char *ours;
static uint32_t refs[PAGES];

static void share(void)
{
	char list[PAGES * 12];
	size_t n = 0;

	ours = page_alloc(4);
	check(ours);
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned char *p = ours + i * PAGE_SIZE;

		memset(p, (int)i + me[0], PAGE_SIZE);
		check_equal(gnttab_share(&refs[i], peer, p, true, soon()), 0);
		check_equal(p[9], (unsigned char)(i + me[0]));
		n += (size_t)sprintf(list + n, "%u ", refs[i]);
	}
	tell("refs", list);
}

static void use_theirs(void)
{
	static struct gnttab_page map[PAGES];
	static struct gnttab_copy_op op;
	static unsigned char to[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
	char *list = wait_for("refs"), *at = list;

	for (unsigned i = 0; i < PAGES; i++)
		map[i] = (struct gnttab_page){
			.ref = (uint32_t)strtoul(at, &at, 10), .domid = peer};
	heap_free(list);
	op = (struct gnttab_copy_op){
		.from = {.ref = map[3].ref, .domid = peer, .offset = 100},
		.to = {.local = to},
		.len = 50};
	check_equal(gnttab_map(map, PAGES, soon()), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned char *p = map[i].address;

		check(i == 0 || p == (unsigned char *)map[i - 1].address +
					     PAGE_SIZE);
		check_equal(p[100], (unsigned char)(i + they[0]));
		p[200] = (unsigned char)(i ^ 0x55);
	}
	check_equal(gnttab_copy(&op, 1, soon()), 0);
	check_equal(to[49], (unsigned char)(3 + they[0]));
	check_equal(to[50], 0);
	meet("changed");
	check_equal(gnttab_unmap(map, PAGES), 0);
	map[1] = (struct gnttab_page){.ref = 1 << 20, .domid = peer};
	check_equal(gnttab_map(map, 2, 0) < 0, 1);
	meet("unmapped");
	for (unsigned i = 0; i < PAGES; i++) {
		check_equal(ours[i * PAGE_SIZE + 200],
			    (unsigned char)(i ^ 0x55));
		check_equal(gnttab_end_access_wait(refs[i], soon()), 0);
		check_equal(ours[i * PAGE_SIZE + 9],
			    (unsigned char)(i + me[0]));
		ours[i * PAGE_SIZE] = 1;
	}
	page_free(ours, 4);
}

/* --- event channels ----------------------------------------------------- */

/* One side opens, the other connects; then they answer each other. */
static void ping(bool opens)
{
	struct evtchn e = {0};
	uint64_t seen, start;
	char text[16];

	check_equal(evtchn_notify(&e), -EBADF);
	if (opens) {
		check_equal(evtchn_bind_unbound(&e, peer), 0);
		check_equal(evtchn_bind_unbound(&e, peer), -EBUSY);
		snprintf(text, sizeof(text), "%d", evtchn_port(&e));
		tell("port", text);
	} else {
		uint64_t port;
		char *value = wait_for("port");

		check_equal(xs_parse_u64(value, 1 << 20, &port), 0);
		heap_free(value);
		check_equal(evtchn_bind_interdomain(&e, peer, (uint32_t)port),
			    0);
	}
	check_equal(evtchn_unmask(&e), 0);
	meet("bound");
	fata_sleep(50 * FATA_NS_PER_MS);
	seen = event_count(evtchn_event(&e));
	meet("calm");
	start = clock_mono_ns();
	for (unsigned i = 0; i < TURNS; i++) {
		if (opens)
			check_equal(evtchn_notify(&e), 0);
		check_equal(evtchn_wait(&e, &seen, soon()), 0);
		if (!opens)
			check_equal(evtchn_notify(&e), 0);
	}
	printf("%s: %llu ns a round trip\n", me,
	       (unsigned long long)((clock_mono_ns() - start) / TURNS));
	check_equal(evtchn_wait(&e, &seen, clock_deadline(FATA_NS_PER_MS)),
		    -ETIMEDOUT);
	/* what comes while it is masked waits */
	check_equal(evtchn_mask(&e), 0);
	meet("masked");
	check_equal(evtchn_notify(&e), 0);
	meet("sent");
	check_equal(evtchn_wait(&e, &seen,
				clock_deadline(50 * FATA_NS_PER_MS)),
		    -ETIMEDOUT);
	check_equal(evtchn_unmask(&e), 0);
	check_equal(evtchn_wait(&e, &seen, soon()), 0);
	meet("done");
	check_equal(evtchn_close(&e), 0);
	check_equal(evtchn_close(&e), -EBADF);
}

/* --- xenstore ----------------------------------------------------------- */

static int add_one(struct xs_transaction *t, void *arg)
{
	uint64_t n = 0;
	int rc = xs_read_u64(t, arg, 1000, &n, soon());

	if (rc && rc != -ENOENT)
		return rc;
	return xs_printf(t, arg, soon(), "%llu", (unsigned long long)n + 1);
}

static void store(void)
{
	char counter[XS_PATH_SIZE], **names, *value;
	uint64_t n;
	unsigned count;

	check_equal(xs_path(counter, "%s/counter", folder), 0);
	for (unsigned i = 0; i < TURNS; i++)
		check_equal(xs_transaction(add_one, counter, soon()), 0);
	meet("counted");
	check_equal(xs_read_u64(NULL, counter, 1000, &n, soon()), 0);
	check_equal(n, 2 * TURNS);
	check_equal(xs_read(NULL, key(me, "none"), &value, NULL, soon()),
		    -ENOENT);
	check_equal(xs_read(NULL, "not//a path", &value, NULL, soon()),
		    -EINVAL);
	check_equal(xs_directory(NULL, folder, &names, &count, soon()), 0);
	check(count >= 5);
	heap_free(names);
}

#ifdef __FATA_UNIX__
int xentoolcore_restrict_all(uint16_t domid); /* xentoolcore.h */

/*
 * The daemon gives up all but connecting to channels of this one domain: Linux
 * refuses the others by itself, Xen the port that nobody has.
 */
static void restricted(void)
{
	struct gnttab_page map = {.ref = 8, .domid = peer};
	struct evtchn to = {0};
	int rc;

	check_equal(xentoolcore_restrict_all(peer), 0);
	rc = evtchn_bind_interdomain(&to, peer, 1000);
	check(rc < 0 && rc != -EACCES);
	check_equal(evtchn_bind_interdomain(&to, 0, 1000), -EACCES);
	check_equal(evtchn_bind_unbound(&to, peer), -EACCES);
	check(gnttab_map(&map, 1, 0) < 0);
}
#endif

int main(int argc, char **argv)
{
	check_equal(argc, 5);
	me = argv[1];
	they = argv[2];
	peer = (uint16_t)atoi(argv[3]);
	folder = argv[4];
	meet("start");
	store();
	share();
	use_theirs();
	ping(me[0] < they[0]);
	meet("end");
#ifdef __FATA_UNIX__
	restricted();
#endif
	printf("twin %s: ok\n", me);
	return 0;
}
