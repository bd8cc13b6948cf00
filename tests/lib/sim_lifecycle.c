/* SPDX-License-Identifier: ISC */
/* The toolstack's requests in the simulator; see sim_lifecycle.h. */
#include <string.h>

#include "lib/sim_hypercall.h"
#include "lib/sim_lifecycle.h"
#include "lib/sim_xenstore.h"
#include "xen/lifecycle.h"

int sim_lifecycle_setup(void **state)
{
	sim_setup(state);
	CHECK(lifecycle_start() == 0);
	sim_sleep(100 * MS);
	return 0;
}

void sim_ask(const char *what)
{
	sim_xs_write(HOME "/control/shutdown", what);
}

const char *sim_asked(void)
{
	return sim_xs_read(HOME "/control/shutdown");
}

void sim_suspend(void)
{
	sim_ask("suspend");
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(strcmp(sim_asked(), "") == 0);
}

int sim_into_new_domain(struct sim_domain *d)
{
	sim_new_domain(d);
	sim_xs_drop(d);
	sim_xs_rm(HOME "/control");
	sim_xs_rm(HOME "/device");
	sim_xs_populate(d);
	sim_xs_introduce(d);
	return 0;
}
