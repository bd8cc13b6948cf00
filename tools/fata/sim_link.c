/* SPDX-License-Identifier: ISC */
/*
 * What a link does to a frame, and what a switch does.
 *
 *     sent -> up? fits? -> queue -> line (rate) -> lost? -> delay, jitter,
 *     late -> corrupted? -> arrival (-> a second one)
 *
 * Each direction is a line of its own. The queue is not simulated frame by
 * frame: when a frame is sent it is known when it will have left, and the
 * frames that have not left by now are those that wait.
 *
 *     leaves: | ... | first: leaves next | ... | last: leaves at `busy` |
 *
 * Interface: sim.h. A switch learns who is behind which of its links and knows
 * no spanning tree: a ring of switches is a storm, of FLIGHT_MOST frames at the
 * most; further ones find the queue full.
 */
#include "sim.h"

#include "core/pcap.h"
#include <stdlib.h>
#include <string.h>

#define ETHERNET    14
#define VLAN        4
#define SEEN_MOST   65536 /* addresses in a switch */
#define FLIGHT_MOST 1000000

bool sim_link_is_up(const struct sim_link *l)
{
	return !l->o.down && !l->cut;
}

/* --- the queue ---------------------------------------------------------- */

static void forget_those_that_left(struct sim_way *w, uint64_t now)
{
	while (w->waiting && w->leaves[w->first] <= now) {
		w->first = (w->first + 1) % w->room;
		w->waiting--;
	}
}

static void remember(struct sim_way *w, uint64_t leaves)
{
	if (w->waiting == w->room) {
		size_t room = w->room ? w->room * 2 : 16;
		uint64_t *all = xmalloc(room * sizeof(*all));

		for (size_t i = 0; i < w->waiting; i++)
			all[i] = w->leaves[(w->first + i) % w->room];
		free(w->leaves);
		w->leaves = all;
		w->room = room;
		w->first = 0;
	}
	w->leaves[(w->first + w->waiting++) % w->room] = leaves;
}

/* --- one direction ------------------------------------------------------ */

static struct sim_frame *copy(const void *data, uint32_t size)
{
	struct sim_frame *f = xmalloc(sizeof(*f) + size);

	f->size = size;
	memcpy(f->data, data, size);
	return f;
}

/* When a frame that has left arrives. */
static uint64_t arrival(struct sim_way *w, const struct sim_options *o,
			uint64_t left)
{
	uint64_t at = left + o->delay;

	if (o->jitter)
		at += sim_random_below(&w->luck, o->jitter + 1);
	if (sim_random_chance(&w->luck, o->reorder)) {
		w->count.reordered++;
		return at + o->late;
	}
	if (at < w->latest)
		at = w->latest;
	w->latest = at;
	return at;
}

static void fly(struct sim *s, unsigned n, unsigned end, uint64_t at,
		struct sim_frame *f)
{
	struct sim_link *l = &s->link[n];
	struct sim_way *w = &l->way[end];

	if (sim_random_chance(&w->luck, l->o.corrupt)) {
		uint64_t bit = sim_random_below(&w->luck, f->size * 8ull);

		f->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		w->count.corrupted++;
	}
	s->in_flight++;
	sim_queue_add(&s->queue, (struct sim_happening){
					 .at = at,
					 .kind = SIM_ARRIVAL,
					 .which = n,
					 .backward = end == 1,
					 .frame = f,
				 });
}

/* Is there room for it? If not, it is counted. */
static bool admit(struct sim *s, struct sim_link *l, struct sim_way *w,
		  uint32_t size)
{
	w->count.sent++;
	if (!sim_link_is_up(l)) {
		w->count.down++;
		return false;
	}
	if (size < ETHERNET || size > l->o.mtu + ETHERNET + VLAN) {
		w->count.oversize++;
		return false;
	}
	forget_those_that_left(w, s->now);
	if (w->waiting > l->o.queue || s->in_flight >= FLIGHT_MOST) {
		w->count.full++;
		return false;
	}
	return true;
}

void sim_link_send(struct sim *s, unsigned n, unsigned end, const void *data,
		   uint32_t size)
{
	struct sim_link *l = &s->link[n];
	struct sim_way *w = &l->way[end];
	uint64_t left = w->busy > s->now ? w->busy : s->now, at;

	if (!admit(s, l, w, size))
		return;
	if (l->o.rate) {
		left += (uint64_t)((unsigned __int128)size * 8 * SIM_NS_PER_S /
				   l->o.rate);
		w->busy = left;
		remember(w, left);
	}
	if (sim_random_chance(&w->luck, l->o.loss)) {
		w->count.lost++;
		return;
	}
	at = arrival(w, &l->o, left);
	fly(s, n, end, at, copy(data, size));
	if (sim_random_chance(&w->luck, l->o.duplicate)) {
		w->count.duplicated++;
		fly(s, n, end, at, copy(data, size));
	}
}

/* --- switches ----------------------------------------------------------- */

static struct sim_seen *seen(struct sim_node *n, const uint8_t *mac)
{
	for (size_t i = 0; i < n->n_seen; i++)
		if (!memcmp(n->seen[i].mac, mac, 6))
			return &n->seen[i];
	return NULL;
}

static void learn(struct sim_node *n, unsigned net, const uint8_t *mac)
{
	struct sim_seen *e = seen(n, mac);

	if (!e && n->n_seen < SEEN_MOST) {
		n->seen = xrealloc(n->seen, (n->n_seen + 1) * sizeof(*e));
		e = &n->seen[n->n_seen++];
		memcpy(e->mac, mac, 6);
	}
	if (e)
		e->net = net;
}

static void pass_on(struct sim *s, struct sim_node *n, unsigned from,
		    const struct sim_frame *f)
{
	const struct sim_seen *to;

	learn(n, from, f->data + 6);
	to = f->data[0] & 1 ? NULL : seen(n, f->data);
	for (unsigned i = 0; i < n->topo->nets; i++)
		if (i != from && (!to || to->net == i))
			sim_link_send(s, n->port[i].link, n->port[i].end,
				      f->data, f->size);
}

/* --- the far end -------------------------------------------------------- */

static void capture(struct sim *s, struct sim_link *l,
		    const struct sim_frame *f)
{
	const struct pcap p = {.nano = true};
	uint32_t kept = s->config->snaplen;
	struct pcap_record r = {.ns = s->topo->wall + s->now, .wire = f->size};
	uint8_t head[PCAP_RECORD];

	r.size = f->size < kept ? f->size : kept;
	pcap_encode_record(head, &p, &r);
	fwrite(head, 1, sizeof(head), l->pcap);
	fwrite(f->data, 1, r.size, l->pcap);
}

void sim_link_arrive(struct sim *s, const struct sim_happening *h)
{
	struct sim_link *l = &s->link[h->which];
	unsigned from = h->backward;
	const struct sim_end_of_link *to = &l->topo->end[1 - from];
	struct sim_count *c = &l->way[from].count;
	struct sim_node *n = &s->node[to->node];
	struct sim_frame *f = h->frame;

	s->in_flight--;
	if (!sim_link_is_up(l) ||
	    (n->state != NODE_RUNS && !n->topo->is_switch)) {
		c->down++;
		free(f);
		return;
	}
	c->delivered++;
	c->bytes += f->size;
	s->frames++;
	if (l->pcap)
		capture(s, l, f);
	if (n->topo->is_switch)
		pass_on(s, n, to->net, f);
	else
		sim_node_record(n, SIM_FRAME, to->net, f->data, f->size);
	free(f);
}
