/* SPDX-License-Identifier: ISC */
/*
 * Gossip: who of a group is alive, known to everybody without a centre.
 *
 * Each member has a beat, a number that it alone raises. Every `interval` it
 * sends all the beats that it knows to one of its neighbours, chosen by chance,
 * in a raw Ethernet frame; who receives it keeps the higher ones. A member
 * whose beat has not risen for `timeout` counts as dead.
 *
 *     frame   0 to  6 from  12 type 0x88b5 (for experiments)
 *            14 sender (2)  16 members (2)  then each: id (2) beat (8)
 *
 * A beat begins at the time of day, so that a member that has been started
 * again is ahead of what is remembered of it. Interfaces are 0, 1, ... as many
 * as there are. Numbers in frames are big-endian.
 *
 * Compiled with -DGOSSIP_BUG it has a bug that only a frame that was overtaken
 * brings to light: see examples/gossip/README.md.
 */
#include <fata/fata.h>
#include <fata/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NAME("gossip", "tells who of a group is alive");

#define MEMBERS_MOST 140 /* so that all fit into a frame */
#define NETS_MOST    64
#define HEAD         18
#define ENTRY        10
#define TYPE         0x88b5
#define FRAME_MOST   (HEAD + MEMBERS_MOST * ENTRY)

static uint64_t self, interval = FATA_NS_PER_S, timeout = 30 * FATA_NS_PER_S;
FATA_PARAM_UINT(self, "id", "0", "this member's number, 0 to 139");
FATA_PARAM_TIME(interval, "interval", "1s", "between two frames");
FATA_PARAM_TIME(timeout, "timeout", "30s", "without a beat, until death");

static struct member {
	uint64_t beat;  /* 0: never heard of */
	uint64_t heard; /* when it last rose */
} members[MEMBERS_MOST];

static struct net *nets[NETS_MOST];
static unsigned n_nets;

static void put(unsigned char *p, unsigned n, uint64_t v)
{
	while (n--) {
		p[n] = (unsigned char)v;
		v >>= 8;
	}
}

static uint64_t get(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* --- receiving ----------------------------------------------------------- */

static bool is_news(uint64_t sender, uint64_t id, uint64_t beat)
{
#ifdef GOSSIP_BUG
	if (id == sender) /* "who should know better than itself?" */
		return true;
#endif
	(void)sender;
	return beat > members[id].beat;
}

static void hear(uint64_t sender, uint64_t id, uint64_t beat)
{
	struct member *m = &members[id];

	if (id == self || !is_news(sender, id, beat))
		return;
	if (beat < m->beat)
		fata_panic("the beat of %d went back by %d", (int)id,
			   (int)(m->beat - beat));
	m->beat = beat;
	m->heard = clock_mono_ns();
}

/* What a frame says; anything that is not ours is left alone. */
static void read_frame(const unsigned char *p, size_t size)
{
	uint64_t sender, count;

	if (size < HEAD || get(p + 12, 2) != TYPE)
		return;
	sender = get(p + 14, 2);
	count = get(p + 16, 2);
	if (size < HEAD + count * ENTRY)
		return;
	for (p += HEAD; count--; p += ENTRY)
		if (get(p, 2) < MEMBERS_MOST)
			hear(sender, get(p, 2), get(p + 2, 8));
}

static int receive(void *arg)
{
	static unsigned char bytes[NET_FRAME_MAX];
	struct net_frame *f;

	while (net_receive(arg, &f, 1, FATA_FOREVER) == 1) {
		size_t at = 0;

		for (unsigned i = 0; i < f->pieces; i++) {
			memcpy(bytes + at, f->piece[i].data, f->piece[i].size);
			at += f->piece[i].size;
		}
		net_frame_free(f);
		read_frame(bytes, at);
	}
	return 0;
}

/* --- sending -------------------------------------------------------------- */

static size_t write_frame(unsigned char *p, const unsigned char *mac)
{
	unsigned char *at = p + HEAD;
	unsigned count = 0;

	memset(p, 0xff, 6);
	memcpy(p + 6, mac, 6);
	put(p + 12, 2, TYPE);
	put(p + 14, 2, self);
	for (unsigned id = 0; id < MEMBERS_MOST; id++) {
		if (!members[id].beat)
			continue;
		put(at, 2, id);
		put(at + 2, 8, members[id].beat);
		at += ENTRY;
		count++;
	}
	put(p + 16, 2, count);
	return (size_t)(at - p);
}

static void tell(struct net *n)
{
	unsigned char bytes[FRAME_MOST];
	struct net_frame *f;
	struct net_info info;
	size_t size;

	net_info(n, &info);
	size = write_frame(bytes, info.mac);
	f = net_frame_alloc(n, size, 0);
	if (!f)
		return;                        /* the next one will do */
	memcpy(f->piece[0].data, bytes, size); /* less than a page */
	if (net_send(n, &f, 1, 0) != 1)
		net_frame_free(f);
}

/* --- the view ---------------------------------------------------------------
 */

static void show(void)
{
	static unsigned shown;
	uint64_t now = clock_mono_ns();
	unsigned alive = 0;

	for (unsigned id = 0; id < MEMBERS_MOST; id++)
		alive += members[id].beat && now - members[id].heard <= timeout;
	if (alive != shown)
		printf("sees %u alive\n", alive);
	shown = alive;
}

static void open_nets(void)
{
	char name[8];

	while (n_nets < NETS_MOST) {
		snprintf(name, sizeof(name), "%u", n_nets);
		if (net_open(name, &nets[n_nets], clock_deadline(0)))
			break;
		fata_task_spawn(NULL, NULL, receive, nets[n_nets]);
		n_nets++;
	}
}

int main(void)
{
	struct member *me = &members[self < MEMBERS_MOST ? self : 0];

	if (self >= MEMBERS_MOST) {
		fprintf(stderr, "--id: 0 to %d\n", MEMBERS_MOST - 1);
		return 1;
	}
	open_nets();
	printf("member %u, %u neighbours\n", (unsigned)self, n_nets);
	me->beat = clock_wall_ns() / FATA_NS_PER_S;
	/* so that those who start together do not all talk at once */
	fata_sleep(random_below(interval + 1));
	for (;;) {
		me->beat++;
		me->heard = clock_mono_ns();
		if (n_nets)
			tell(nets[random_below(n_nets)]);
		show();
		fata_sleep(interval);
	}
}
