/* SPDX-License-Identifier: ISC */
/*
 * dom0's side of benchmarks: how much CPU time dom0 and the guest have had,
 * every 20 ms until the guest has gone, on standard output: wall clock, dom0's
 * and the guest's CPU time, all in ns, and a sum over probes. The guests say
 * when (wall clock) a row began and ended; lab.sh takes the figures in between.
 * A PROBE is one of the kernel's with a histogram of `count` (block.sh sets
 * them), GROUP/NAME.
 *
 * Interface: sample DOMID [PROBE...]
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <xenctrl.h>

/* False: the domain has gone. */
static bool cpu_time(xc_interface *xc, uint32_t id, uint64_t *ns)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(xc, id, 1, &info) != 1 || info.domid != id)
		return false;
	*ns = info.cpu_time;
	return true;
}

/* The sum over a histogram of "{ count: N } hitcount: M" lines. */
static uint64_t counted(const char *probe)
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
	uint64_t guest, dom0;

	if (!xc || !id) {
		fprintf(stderr, "sample: no domain, or not in dom0\n");
		return 1;
	}
	while (cpu_time(xc, id, &guest) && cpu_time(xc, 0, &dom0)) {
		struct timespec t;
		uint64_t sum = 0;

		for (int i = 2; i < argc; i++)
			sum += counted(argv[i]);
		clock_gettime(CLOCK_REALTIME, &t);
		printf("%jd%09ld %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		       (intmax_t)t.tv_sec, t.tv_nsec, dom0, guest, sum);
		poll(NULL, 0, 20);
	}
	return 0;
}
