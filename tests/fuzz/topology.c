/* SPDX-License-Identifier: ISC */
/* Topologies of `fata sim`: any text is read, or refused with a line. */
#include "sim_topo.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nothing is compiled here. */
int cmd_cc(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 1;
}

int cmd_cxx(int argc, char **argv)
{
	return cmd_cc(argc, argv);
}

/* What was read refers to nothing that is not there. */
static void check(const struct topology *t)
{
	for (unsigned i = 0; i < t->links; i++)
		for (unsigned e = 0; e < 2; e++)
			if (t->link[i].end[e].node >= t->nodes ||
			    t->link[i].end[e].net >=
				    t->node[t->link[i].end[e].node].nets)
				abort();
	for (unsigned i = 0; i < t->events; i++)
		for (unsigned k = 0; k < t->event[i].n; k++)
			if (t->event[i].action == TOPO_LINK
				    ? t->event[i].which[k] >= t->links
				    : t->event[i].action != TOPO_PARTITION &&
					      t->event[i].which[k] >= t->nodes)
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct strv none;
	struct topology t;
	char path[64];
	int fd;

	if (stderr == stdout || fileno(stderr) == 2)
		stderr = fopen("/dev/null", "w"); /* refusals by the million */
	fd = memfd_create("topology", 0);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!topo_read(&t, path, &none))
		check(&t);
	topo_free(&t);
	close(fd);
	return 0;
}
