/* SPDX-License-Identifier: ISC */
/*
 * peer.c - dom0's side of tests/lab/peer.c: event channels, grants and
 * xenstore through dom0's own libraries (libxenevtchn, libxengnttab,
 * libxenstore), against a guest of ours.
 *
 * Interface: peer DOMID. Both sides count stages in xenstore, in
 * /local/domain/DOMID/data/peer/{guest,dom0}; what is to be done the guest
 * says in data/peer/what: "pages" or "channels". Exit 0, or 1 with one line
 * that says what was wrong. A wait ends after some minutes: an emulated lab is
 * slow.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define PAGE   4096
#define OURS   256   /* pages that dom0 offers */
#define THEIRS 64    /* pages that the guest offers */
#define LIMIT  24000 /* waits, of 10 ms */

static struct xs_handle *xs;
static unsigned domid;

static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "peer: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static char *path(const char *name)
{
	static char p[128];

	snprintf(p, sizeof(p), "/local/domain/%u/data/peer/%s", domid, name);
	return p;
}

static char *get(const char *name)
{
	unsigned n;

	return xs_read(xs, XBT_NULL, path(name), &n);
}

static unsigned get_number(const char *name)
{
	char *s = get(name);
	unsigned n = s ? atoi(s) : 0;

	free(s);
	return n;
}

static void put(const char *name, const char *value)
{
	if (!xs_write(xs, XBT_NULL, path(name), value, strlen(value)))
		die("cannot write %s: %s", path(name), strerror(errno));
}

static void at_stage(unsigned n)
{
	char s[16];

	snprintf(s, sizeof(s), "%u", n);
	put("dom0", s);
}

/* Echo events until the guest has reached the stage. */
static void wait_stage(unsigned n, xenevtchn_handle *x)
{
	struct pollfd fd = {.fd = x ? xenevtchn_fd(x) : -1, .events = POLLIN};

	for (int i = 0; i < LIMIT; i++) {
		if (get_number("guest") >= n)
			return;
		while (poll(&fd, 1, 10) > 0) {
			int port = xenevtchn_pending(x);

			if (port < 0 || xenevtchn_unmask(x, port) ||
			    xenevtchn_notify(x, port))
				die("event: %s", strerror(errno));
		}
	}
	die("the guest does not reach stage %u", n);
}

static void read_refs(uint32_t *refs, unsigned n)
{
	char *s = get("refs"), *p = s;

	if (!s)
		die("the guest offers no references");
	for (unsigned i = 0; i < n; i++)
		refs[i] = strtoul(p, &p, 10);
	free(s);
}

static void check(const unsigned char *p, unsigned pages, unsigned add)
{
	for (unsigned i = 0; i < pages; i++)
		for (unsigned k = 0; k < PAGE; k += 1001)
			if (p[i * PAGE + k] != (unsigned char)(i + k + add))
				die("page %u, byte %u is wrong", i, k);
}

static void fill(unsigned char *p, unsigned pages, unsigned add)
{
	for (unsigned i = 0; i < pages; i++)
		for (unsigned k = 0; k < PAGE; k++)
			p[i * PAGE + k] = i + k + add;
}

/* Pages of the guest: seen, changed, kept while it wants them back. */
static void import(void)
{
	xengnttab_handle *g = xengnttab_open(NULL, 0);
	xenevtchn_handle *x = xenevtchn_open(NULL, 0);
	uint32_t refs[THEIRS];
	unsigned char *p;

	if (!g || !x)
		die("open: %s", strerror(errno));
	wait_stage(1, NULL);
	read_refs(refs, THEIRS);
	p = xengnttab_map_domain_grant_refs(g, THEIRS, domid, refs,
					    PROT_READ | PROT_WRITE);
	if (!p)
		die("map: %s", strerror(errno));
	check(p, THEIRS, 0);
	fill(p, THEIRS, 1);
	if (xenevtchn_bind_interdomain(x, domid, get_number("port")) < 0)
		die("bind: %s", strerror(errno));
	at_stage(1);
	wait_stage(2, x);
	usleep(300000); /* the guest has ended its grants; we still look */
	check(p, THEIRS, 1);
	if (xengnttab_unmap(g, p, THEIRS))
		die("unmap: %s", strerror(errno));
	at_stage(2);
	wait_stage(3, x);
	xenevtchn_close(x);
	xengnttab_close(g);
}

/* Our pages for the guest. */
static void export(void)
{
	xengntshr_handle *g = xengntshr_open(NULL, 0);
	static char list[OURS * 12];
	uint32_t refs[OURS];
	unsigned char *p;
	size_t n = 0;

	p = g ? xengntshr_share_pages(g, domid, OURS, refs, 1) : NULL;
	if (!p)
		die("share: %s", strerror(errno));
	fill(p, OURS, 2);
	for (unsigned i = 0; i < OURS; i++)
		n += sprintf(list + n, "%" PRIu32 " ", refs[i]);
	put("offer", list);
	at_stage(3);
	wait_stage(4, NULL);
	/* the guest has written one byte of each page */
	for (unsigned i = 0; i < OURS; i++)
		if (p[i * PAGE + 5] != (unsigned char)(i ^ 0x5a))
			die("the guest's write to page %u is not there", i);
	if (xengntshr_unshare(g, p, OURS))
		die("unshare: %s", strerror(errno));
	at_stage(4);
	xengntshr_close(g);
}

/* --- many channels -------------------------------------------------------- */

/* "FIRST-LAST FIRST-LAST ...": how many, all bound. */
static unsigned bind_all(xenevtchn_handle *x, unsigned *local)
{
	char *s = get("ports"), *p = s;
	unsigned n = 0;

	while (p && *p) {
		unsigned port = strtoul(p, &p, 10);
		unsigned last = *p == '-' ? strtoul(p + 1, &p, 10) : port;

		for (; port <= last; port++, n++) {
			int rc = xenevtchn_bind_interdomain(x, domid, port);

			if (rc < 0)
				die("channel %u: %s", n, strerror(errno));
			local[n] = rc;
		}
		while (*p == ' ')
			p++;
	}
	free(s);
	return n;
}

/* Exactly one event from each of them. */
static void take_all(xenevtchn_handle *x, const unsigned *local, unsigned n)
{
	struct pollfd fd = {.fd = xenevtchn_fd(x), .events = POLLIN};
	static unsigned char seen[131072];

	memset(seen, 0, sizeof(seen));
	for (unsigned left = n; left > 0; left--) {
		int port;

		if (poll(&fd, 1, 600000) != 1)
			die("%u of %u channels never fired", left, n);
		port = xenevtchn_pending(x);
		if (port < 0 || seen[port]++ || xenevtchn_unmask(x, port))
			die("port %d: %s", port, strerror(errno));
	}
	for (unsigned i = 0; i < n; i++)
		if (!seen[local[i]])
			die("channel %u never fired", i);
	if (poll(&fd, 1, 200) != 0)
		die("an event too many");
}

static void channels(void)
{
	static unsigned local[131072];
	xenevtchn_handle *x = xenevtchn_open(NULL, 0);
	unsigned n, rounds;

	wait_stage(1, NULL);
	n = bind_all(x, local);
	rounds = get_number("rounds");
	/* one for what may have been sent before it was bound */
	take_all(x, local, n);
	at_stage(1);
	for (unsigned r = 1; r <= rounds; r++) {
		for (unsigned i = 0; i < n; i++)
			if (xenevtchn_notify(x, local[i]))
				die("notify: %s", strerror(errno));
		wait_stage(2 * r, NULL); /* it has them all */
		at_stage(2 * r);
		take_all(x, local, n);
		at_stage(2 * r + 1);
	}
	wait_stage(2 * rounds + 1, NULL);
	xenevtchn_close(x);
}

int main(int argc, char **argv)
{
	char *what = NULL;

	if (argc != 2)
		die("usage: peer DOMID");
	domid = atoi(argv[1]);
	xs = xs_open(0);
	if (!xs)
		die("xenstore: %s", strerror(errno));
	for (int i = 0; i < LIMIT && !(what = get("what")); i++)
		usleep(10000);
	if (what && strcmp(what, "channels") == 0) {
		channels();
	} else {
		import();
		export();
	}
	printf("peer: ok\n");
	return 0;
}
