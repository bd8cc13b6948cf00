/* SPDX-License-Identifier: ISC */
/*
 * dom0's side of the benchmark of disks: how much CPU time dom0 and the guest
 * have had, every 20 ms until the guest has gone, on standard output: wall
 * clock, dom0's and the guest's CPU time, all in ns. The guests say when
 * (wall clock) a row began and ended; block.sh takes the figures in between.
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
		printf("%jd%09ld %" PRIu64 " %" PRIu64 "\n",
		       (intmax_t)t.tv_sec, t.tv_nsec, cpu_time(xc, 0), guest);
		poll(NULL, 0, 20);
	}
	return 0;
}
