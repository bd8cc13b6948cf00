/* SPDX-License-Identifier: ISC */
/*
 * The simulated world: a node of `fata sim`. Its clock, its randomness, its
 * frames and its sleep are the coordinator's (sim_wire.h).
 *
 *     wait:   all tasks wait. Everything that was sent since the last turn
 *             goes out with the next deadline; the coordinator lets time pass
 *             and answers; the clock jumps; frames wake whoever waits for them.
 *
 * Interface: world.h, sim.h. Between two turns nothing is read from the host,
 * so a node does the same whenever the coordinator says the same. Losing the
 * coordinator ends the process.
 */
#include "unix/sim.h"

#include "core/chacha20.h"
#include "core/manifest.h"
#include "core/timer.h"
#include "unix/host.h"
#include "unix/sim_wire.h"
#include "unix/wire.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/end.h>
#include <fata/lifecycle.h>
#include <fata/manifest.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NETS_MOST   1024
#define FRAMES_MOST 4096 /* of an interface, that the program has not read */

struct frame {
	struct frame *next;
	uint32_t size;
	uint8_t data[];
};

struct interface {
	struct wire wire;
	unsigned number;
	char name[SIM_NAME_SIZE];
	struct frame *first, **last;
	unsigned frames;
};

static int fd = -1;
static uint64_t now, wall, entropy_used, cycles_read;
static uint8_t seed[32];
static struct interface *net[NETS_MOST];
static unsigned nets;

/* What goes out at the end of this turn, its head first. */
static uint8_t *out;
static size_t out_n, out_room;
static uint8_t *in;
static size_t in_room;

static _Noreturn void lost(const char *what)
{
	fprintf(stderr, "fata: the simulator: %s\n", what);
	syscall(SYS_exit_group, 1);
	__builtin_unreachable();
}

static void *room(void *p, size_t *have, size_t need)
{
	if (need <= *have)
		return p;
	*have = need * 2;
	p = realloc(p, *have);
	if (!p)
		lost("too little memory");
	return p;
}

/* --- sending ------------------------------------------------------------ */

/* A new record; where its `size` bytes go. */
static uint8_t *record(enum sim_type type, unsigned number, uint32_t size)
{
	const struct sim_record r = {
		.type = (uint16_t)type, .net = (uint16_t)number, .size = size};
	uint8_t *at;

	if (!out_n)
		out_n = sizeof(struct sim_message);
	out = room(out, &out_room, out_n + sizeof(r) + size);
	memcpy(out + out_n, &r, sizeof(r));
	at = out + out_n + sizeof(r);
	out_n += sizeof(r) + size;
	return at;
}

static void send_turn(uint64_t deadline)
{
	struct sim_message head = {.time = deadline};
	size_t done = 0;

	if (!out_n)
		out_n = sizeof(head);
	out = room(out, &out_room, out_n);
	head.size = (uint32_t)(out_n - sizeof(head));
	memcpy(out, &head, sizeof(head));
	while (done < out_n) {
		ssize_t rc = REAL(write)(fd, out + done, out_n - done);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			lost("gone");
		done += (size_t)rc;
	}
	out_n = 0;
}

static int wire_send(struct wire *w, const struct iovec *v, unsigned n)
{
	struct interface *i = (struct interface *)w;
	uint32_t size = 0;
	uint8_t *at;

	for (unsigned k = 0; k < n; k++)
		size += (uint32_t)v[k].iov_len;
	if (out_n + size > SIM_LONGEST / 2)
		return -ENOBUFS; /* so much within one moment */
	at = record(SIM_FRAME, i->number, size);
	for (unsigned k = 0; k < n; k++) {
		memcpy(at, v[k].iov_base, v[k].iov_len);
		at += v[k].iov_len;
	}
	return 0;
}

/* --- receiving ---------------------------------------------------------- */

static ssize_t wire_receive(struct wire *w, const struct iovec *v, unsigned n,
			    struct wire_meta *m)
{
	struct interface *i = (struct interface *)w;
	struct frame *f = i->first;
	ssize_t size;
	size_t at = 0;

	(void)m;
	if (!f)
		return -EAGAIN;
	i->first = f->next;
	if (!i->first)
		i->last = &i->first;
	i->frames--;
	for (unsigned k = 0; k < n && at < f->size; k++) {
		size_t part = f->size - at;

		part = part < v[k].iov_len ? part : v[k].iov_len;
		memcpy(v[k].iov_base, f->data + at, part);
		at += part;
	}
	size = at == f->size ? (ssize_t)at : -EMSGSIZE;
	free(f);
	return size;
}

static void take_frame(struct interface *i, const uint8_t *data, uint32_t size)
{
	struct frame *f;

	if (i->frames >= FRAMES_MOST)
		return; /* as a ring without room would lose it */
	f = malloc(sizeof(*f) + size);
	if (!f)
		lost("too little memory");
	f->next = NULL;
	f->size = size;
	memcpy(f->data, data, size);
	*i->last = f;
	i->last = &f->next;
	i->frames++;
	event_signal(&i->wire.on.readable);
}

static const struct wire_ops ops = {.receive = wire_receive, .send = wire_send};

static void add_interface(unsigned number, const uint8_t *data)
{
	struct interface *i = calloc(1, sizeof(*i));
	struct sim_net n;

	if (!i || number != nets || nets == NETS_MOST)
		lost("too little memory, or too many interfaces");
	memcpy(&n, data, sizeof(n));
	memcpy(i->name, n.name, sizeof(i->name));
	i->name[sizeof(i->name) - 1] = '\0';
	i->number = number;
	i->last = &i->first;
	i->wire.ops = &ops;
	i->wire.mtu = n.mtu;
	i->wire.up = true;
	memcpy(i->wire.mac, n.mac, sizeof(n.mac));
	net[nets++] = i;
}

/* --- what happened ------------------------------------------------------ */

static void set_link(struct interface *i, bool up)
{
	i->wire.up = up;
	event_signal(&i->wire.on.changed);
	event_signal(&i->wire.on.writable);
}

/* One record; false: it makes no sense. */
static bool happened(const struct sim_record *r, const uint8_t *data)
{
	struct interface *i = r->net < nets ? net[r->net] : NULL;

	switch (r->type) {
	case SIM_SEED:
		memcpy(seed, data, r->size == sizeof(seed) ? r->size : 0);
		return r->size == sizeof(seed);
	case SIM_WALL:
		memcpy(&wall, data, r->size == sizeof(wall) ? r->size : 0);
		return r->size == sizeof(wall);
	case SIM_NET:
		if (r->size == sizeof(struct sim_net))
			add_interface(r->net, data);
		return r->size == sizeof(struct sim_net);
	case SIM_NAME:
		return true;
	case SIM_LINK:
		if (i && r->size == 1)
			set_link(i, *data);
		return i && r->size == 1;
	case SIM_REQUEST: /* as the host would ask: lifecycle.c */
		return r->size == 1 &&
		       !raise(*data == LIFECYCLE_REBOOT ? SIGHUP : SIGTERM);
	case SIM_FRAME:
		if (i)
			take_frame(i, data, r->size);
		return i;
	default:
		return false;
	}
}

static void read_all(void *to, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t rc = REAL(read)(fd, (char *)to + done, n - done);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			lost("gone");
		done += (size_t)rc;
	}
}

static void await_turn(void)
{
	struct sim_message head;
	struct sim_record r;
	size_t at = 0;

	read_all(&head, sizeof(head));
	if (head.size > SIM_LONGEST)
		lost("a message that is too long");
	in = room(in, &in_room, head.size);
	read_all(in, head.size);
	now = head.time;
	while (head.size - at >= sizeof(r)) {
		memcpy(&r, in + at, sizeof(r));
		at += sizeof(r);
		if (r.size > head.size - at || !happened(&r, in + at))
			lost("a message that makes no sense");
		at += r.size;
	}
}

/* --- the world ---------------------------------------------------------- */

static uint64_t sim_mono(void)
{
	return now;
}

static uint64_t sim_wall(void)
{
	return wall + now;
}

/* Key stream under the node's seed: as good as random, and always the same. */
static size_t sim_entropy(void *buffer, size_t n)
{
	static const uint8_t nonce[12];
	uint8_t block[64], *to = buffer;

	for (size_t at = 0; at < n;) {
		size_t part = n - at < sizeof(block) ? n - at : sizeof(block);

		chacha20_block(seed, (uint32_t)entropy_used++, nonce, block);
		memcpy(to + at, block, part);
		at += part;
	}
	return n;
}

static uint64_t sim_cycles(void)
{
	return now + ++cycles_read;
}

static void sim_wait(int set, uint64_t deadline)
{
	(void)set;
	if (deadline <= now)
		return;
	/* The loop never sleeps for more than an hour. Here nobody minds. */
	if (timer_next() > deadline)
		deadline = timer_next();
	fflush(stdout);
	send_turn(deadline);
	await_turn();
}

static int sim_wire_open(unsigned number, const char *name, struct wire **w)
{
	for (unsigned i = 0; i < nets; i++) {
		if (strcmp(net[i]->name, name))
			continue;
		*w = &net[i]->wire;
		return 0;
	}
	if (manifest_device(FATA_NOTE_NET, name) < 0 || number >= nets)
		return -ENOENT;
	*w = &net[number]->wire;
	return 0;
}

static void sim_end(enum end_reason reason, int status)
{
	const struct sim_end e = {.reason = (int32_t)reason, .status = status};

	memcpy(record(SIM_END, 0, sizeof(e)), &e, sizeof(e));
	send_turn(0);
}

static const struct world world = {
	.mono = sim_mono,
	.wall = sim_wall,
	.entropy = sim_entropy,
	.cycles = sim_cycles,
	.wait = sim_wait,
	.wire_open = sim_wire_open,
	.end = sim_end,
	.virtual_time = true,
};

void unix_sim(void)
{
	const char *word = getenv(SIM_ENV);

	if (!word)
		return;
	fd = atoi(word);
	unsetenv(SIM_ENV);
	unix_world = &world;
	await_turn();
}
