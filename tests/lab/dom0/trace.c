/* SPDX-License-Identifier: ISC */
/*
 * trace.c - dom0 reads a running guest's trace out of the guest's memory, over
 * the grants that docs/lifecycle.md describes, and writes the ring to standard
 * output, for `fata trace`.
 *
 * Interface: trace DOMID. Exit 0, or 1 with one line that says what was wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include <xengnttab.h>
#include <xenstore.h>
#include <xentoollog.h>

#define PAGE      4096
#define PER_INDEX (PAGE / sizeof(uint32_t))

static xengnttab_handle *gnttab, *quiet;
static unsigned domid;

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *map(uint32_t *refs, unsigned n)
{
	void *p = xengnttab_map_domain_grant_refs(gnttab, n, domid, refs,
						  PROT_READ);

	must(p != NULL, "map");
	return p;
}

/* What xenstore says: how many pages, and where their numbers are. */
static char *announced(void)
{
	struct xs_handle *xs = xs_open(0);
	char path[64], *text;
	unsigned n;

	must(xs != NULL, "xenstore");
	snprintf(path, sizeof(path), "/local/domain/%u/data/fata/trace", domid);
	text = xs_read(xs, XBT_NULL, path, &n);
	must(text != NULL, path);
	xs_close(xs);
	return text;
}

/* Read-only, and it must stay so; of the refusal nobody need be told. */
static void must_not_be_writable(uint32_t ref)
{
	if (xengnttab_map_domain_grant_refs(quiet, 1, domid, &ref,
					    PROT_READ | PROT_WRITE))
		must(0, "dom0 may write to the trace");
}

int main(int argc, char **argv)
{
	char *text;
	unsigned long pages, done;

	errno = EINVAL;
	must(argc == 2, "usage: trace DOMID");
	domid = atoi(argv[1]);
	gnttab = xengnttab_open(NULL, 0);
	quiet = xengnttab_open(
		(xentoollog_logger *)xtl_createlogger_stdiostream(
			stderr, XTL_CRITICAL, 0),
		0);
	must(gnttab && quiet, "gnttab");
	text = announced();
	pages = strtoul(text, &text, 10);
	for (done = 0; done < pages;) {
		uint32_t ref = strtoul(text, &text, 10);
		unsigned long n = pages - done;
		uint32_t *index = map(&ref, 1);

		n = n < PER_INDEX ? n : PER_INDEX;
		must_not_be_writable(index[0]);
		must(fwrite(map(index, n), PAGE, n, stdout) == n, "write");
		done += n;
	}
	must(fflush(stdout) == 0, "write");
	return 0;
}
