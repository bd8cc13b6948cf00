/* SPDX-License-Identifier: ISC */
/*
 * dom0's side of the benchmark of disks: how much CPU time dom0 and the guest
 * have had, every 20 ms until the guest has gone, on standard output: wall
 * clock, dom0's and the guest's CPU time, all in ns, and how many pages dom0
 * has mapped and unmapped. The guests say when (wall clock) a row began and
 * ended; block.sh takes the figures in between. Pages are counted by probes of
 * the kernel's (gnttab_map_refs, gnttab_unmap_refs) that block.sh has set.
 *
 * Interface: sample DOMID
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <xenctrl.h>

static uint64_t cpu_time(xc_interface *xc, uint32_t id)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(xc, id, 1, &info) != 1 || info.domid != id)
		return 0;
	return info.cpu_time;
}

/* The sum over a histogram of "{ count: N } hitcount: M" lines. */
static uint64_t pages(const char *probe)
{
	char path[96], line[128];
	uint64_t sum = 0, count, hits;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/hist",
		 probe);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "{ count: %" SCNu64 " } hitcount: %" SCNu64,
			   &count, &hits) == 2)
			sum += count * hits;
	fclose(f);
	return sum;
}

int main(int argc, char **argv)
{
	uint32_t id = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	uint64_t guest;

	if (!xc || !id) {
		fprintf(stderr, "sample: no domain, or not in dom0\n");
		return 1;
	}
	while ((guest = cpu_time(xc, id))) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		printf("%jd%09ld %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       (intmax_t)t.tv_sec, t.tv_nsec, cpu_time(xc, 0), guest,
		       pages("grants/map") + pages("grants/unmap"));
		poll(NULL, 0, 20);
	}
	return 0;
}
