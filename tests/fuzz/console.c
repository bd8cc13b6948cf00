/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing the console ring: the input is what the other side does to the page
 * and what the program does meanwhile, one step after the other. Nothing may
 * be touched outside ring and buffers, no step may last, and a ring that was
 * broken stays so until there is another.
 *
 *     step   1 byte: what; then its argument
 *     0..3   set an index: 4 bytes
 *     4      bytes into the input ring: count (1), bytes
 *     5      a signal
 *     6      we write: count (1)
 *     7      we read: count (1)
 *     8      we flush
 *     9      the guest is resumed: another ring
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/console.h>

#include "lib/sim.h"
#include "lib/sim_hypercall.h"
#include "xen/console.h"
#include "xen/evtchn.h"

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint32_t word(struct input *in)
{
	uint32_t w = 0;

	for (int i = 0; i < 4; i++)
		w |= (uint32_t)byte(in) << (8 * i);
	return w;
}

static bool is_broken(void)
{
	struct console_stat s;

	console_stat(console_main(), &s);
	return s.broken;
}

static void fresh(void)
{
	sim_new_domain(sim_guest);
	evtchn_resume(sim_shared(sim_guest));
	sim_console_start(sim_guest);
	sim_console_pause(sim_guest, true); /* the input is the other side */
	console_resume();
	if (is_broken())
		abort();
}

static void set_index(struct xencons_interface *ring, unsigned which,
		      uint32_t value)
{
	XENCONS_RING_IDX *const index[] = {&ring->in_cons, &ring->in_prod,
					   &ring->out_cons, &ring->out_prod};

	*index[which] = value;
}

static void type(struct xencons_interface *ring, struct input *in)
{
	for (unsigned n = byte(in); n > 0; n--)
		ring->in[MASK_XENCONS_IDX(ring->in_prod++, ring->in)] =
			byte(in);
}

static void ours(unsigned what, struct input *in)
{
	static char text[256];
	ssize_t n = byte(in), rc;

	if (what == 6 && console_write(console_main(), text, n) != n)
		abort();
	if (what == 7) {
		rc = console_read(console_main(), text, n, 0);
		if (rc > n || (rc < 0 && rc != -ETIMEDOUT && rc != -EIO))
			abort();
	}
	if (what == 8 && console_flush(console_main(), clock_deadline(1000)) &&
	    is_broken())
		abort();
}

static void step(struct input *in)
{
	struct xencons_interface *ring = sim_console_ring(sim_guest);
	unsigned what = byte(in) % 10;
	bool broken = is_broken();

	if (what < 4)
		set_index(ring, what, word(in));
	else if (what == 4)
		type(ring, in);
	else if (what == 5)
		sim_console_kick(sim_guest);
	else if (what < 9)
		ours(what, in);
	else
		fresh();
	sim_sleep(FATA_NS_PER_US);
	if (broken && what != 9 && !is_broken())
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool booted;
	struct input in = {data, data + (size < 400 ? size : 400)};

	if (!booted) {
		sim_setup(NULL);
		sim_console_start(sim_guest);
		if (console_init())
			abort();
		booted = true;
	}
	fresh();
	while (in.at < in.end)
		step(&in);
	return 0;
}
