/* SPDX-License-Identifier: ISC */
/*
 * In dom0: how much CPU time domains have had, in ns, which xl list rounds to
 * a tenth of a second. Prints the figures in one line.
 *
 * Interface: cpu DOMID...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <xenctrl.h>

int main(int argc, char **argv)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	xc_dominfo_t info;

	for (int i = 1; xc && i < argc; i++) {
		uint32_t id = (uint32_t)strtoul(argv[i], NULL, 10);

		if (xc_domain_getinfo(xc, id, 1, &info) != 1 ||
		    info.domid != id) {
			fprintf(stderr, "cpu: no domain %s\n", argv[i]);
			return 1;
		}
		printf("%" PRIu64 "%c", info.cpu_time,
		       i + 1 < argc ? ' ' : '\n');
	}
	return xc ? 0 : 1;
}
