/* SPDX-License-Identifier: ISC */
/*
 * The clocks, without a hypercall.
 *
 * Xen writes struct vcpu_time_info (xen/include/public/xen.h) with an odd
 * version while it does so; a reader copies it between two equal even versions.
 *
 *     system time = system_time + scale(tsc - tsc_timestamp)
 *
 * clock_mono_ns adds an offset, set by a resume so that time goes on where it
 * stopped (the new host may be up for less or more), and never returns less
 * than it has returned before: a counter that goes back, in whatever tsc_mode,
 * stands still instead.
 */
#include <fata/clock.h>
#include <platform.h>
#include <xen/clock.h>

static struct shared_info *shared;
static uint64_t offset, last;

/* A torn read repeats; Xen's update is a few instructions long. */
#define TRIES 100000

static uint64_t scale(uint64_t delta, uint32_t mul, int8_t shift)
{
	if (shift < 0)
		delta = shift > -64 ? delta >> -shift : 0;
	else
		delta = shift < 64 ? delta << shift : 0;
	return (uint64_t)((unsigned __int128)delta * mul >> 32);
}

/* A private copy of the vCPU's time record that is not torn. */
static struct vcpu_time_info snapshot(uint64_t *tsc)
{
	volatile struct vcpu_time_info *t = &shared->vcpu_info[0].time;
	struct vcpu_time_info c = {.version = 0};

	for (unsigned i = 0; i < TRIES; i++) {
		c.version = t->version;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		c.tsc_timestamp = t->tsc_timestamp;
		c.system_time = t->system_time;
		c.tsc_to_system_mul = t->tsc_to_system_mul;
		c.tsc_shift = t->tsc_shift;
		*tsc = platform_cycles();
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(c.version & 1) && c.version == t->version)
			break;
	}
	return c;
}

static uint64_t system_time(const struct vcpu_time_info *c, uint64_t tsc)
{
	/*
	 * A young guest's counter starts at 0, and its first record may be
	 * older: tsc_timestamp is then below 0, modulo 2^64.
	 */
	int64_t delta = (int64_t)(tsc - c->tsc_timestamp);

	if (delta < 0)
		return c->system_time;
	return c->system_time + scale((uint64_t)delta, c->tsc_to_system_mul,
				      c->tsc_shift);
}

uint64_t clock_mono_ns(void)
{
	uint64_t tsc, now;
	struct vcpu_time_info c;

	if (!shared)
		return 0;
	c = snapshot(&tsc);
	now = system_time(&c, tsc) + offset;
	if (now < last)
		return last;
	last = now;
	return now;
}

uint64_t clock_from_tsc(uint64_t tsc)
{
	uint64_t now;
	struct vcpu_time_info c = snapshot(&now);
	uint64_t age = scale(now - tsc, c.tsc_to_system_mul, c.tsc_shift);
	uint64_t mono = system_time(&c, now) + offset;

	return now > tsc && age < mono ? mono - age : 0;
}

uint64_t clock_to_system_time(uint64_t mono)
{
	/* The offset is negative where the new host is up for longer. */
	int64_t system = (int64_t)(mono - offset);

	return system > 0 ? (uint64_t)system : 0;
}

uint64_t clock_deadline(uint64_t ns)
{
	uint64_t now = clock_mono_ns();

	return ns > FATA_FOREVER - now ? FATA_FOREVER : now + ns;
}

/*
 * Xen gives the wall clock of its system time's start; it changes when dom0
 * sets the time. Seconds have their upper half in a field of their own.
 */
uint64_t clock_wall_ns(void)
{
	volatile struct shared_info *s = shared;
	uint64_t sec = 0, ns = 0, tsc;
	struct vcpu_time_info c;

	if (!s)
		return 0; /* asked for before there is a clock */
	for (unsigned i = 0; i < TRIES; i++) {
		uint32_t version = s->wc_version;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		sec = (uint64_t)s->wc_sec_hi << 32 | s->wc_sec;
		ns = s->wc_nsec;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(version & 1) && version == s->wc_version)
			break;
	}
	c = snapshot(&tsc);
	return sec * FATA_NS_PER_S + ns + system_time(&c, tsc);
}

void clock_init(struct shared_info *s)
{
	uint64_t tsc, now;
	struct vcpu_time_info c;

	shared = s;
	c = snapshot(&tsc);
	now = system_time(&c, tsc);
	/* After a resume elsewhere the new host's time is another one. */
	if (last)
		offset = last - now;
}
