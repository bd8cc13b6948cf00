/* SPDX-License-Identifier: ISC */
/* The tables of connections; see nat.h. */
#include "nat.h"

#include <errno.h>
#include <fata/random.h>
#include <stdlib.h>

#define ICMP_ENTRIES 100
#define TRIES        32 /* ports that are tried */

struct table {
	unsigned size; /* entries, and lists of each kind */
	struct nat_entry *entry;
	struct nat_entry **out, **in;
	struct nat_entry *newest, *oldest; /* all entries, unused ones last */
};

static struct table tables[3];
static uint64_t secret;

static struct table *table_of(uint8_t proto)
{
	return &tables[proto == TCP ? 0 : proto == UDP ? 1 : 2];
}

static int init(struct table *t, unsigned size)
{
	*t = (struct table){.size = size};
	t->entry = calloc(size, sizeof(*t->entry));
	t->out = calloc(size, sizeof(struct nat_entry *));
	t->in = calloc(size, sizeof(struct nat_entry *));
	if (!t->entry || !t->out || !t->in)
		return -ENOMEM;
	for (unsigned i = 0; i < size; i++) {
		t->entry[i].newer = i ? &t->entry[i - 1] : NULL;
		t->entry[i].older = i + 1 < size ? &t->entry[i + 1] : NULL;
	}
	t->newest = &t->entry[0];
	t->oldest = &t->entry[size - 1];
	return 0;
}

int nat_init(unsigned entries)
{
	unsigned udp = entries / 8 ? entries / 8 : 1;

	random_bytes(&secret, sizeof(secret));
	if (entries < 2 || init(&tables[0], entries - udp) ||
	    init(&tables[1], udp) || init(&tables[2], ICMP_ENTRIES))
		return -ENOMEM;
	return 0;
}

/* Outsiders must not know who shares a list. */
static unsigned hash(const struct table *t, uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ secret) * 0x9e3779b97f4a7c15u;

	h = ((h ^ h >> 32) + b) * 0xd6e8feb86659fd93u;
	return (unsigned)((h ^ h >> 32) % t->size);
}

static struct nat_entry **out_list(struct table *t, uint32_t client,
				   uint16_t client_port, uint32_t remote,
				   uint16_t remote_port)
{
	return &t->out[hash(t, (uint64_t)client << 32 | remote,
			    (uint32_t)client_port << 16 | remote_port)];
}

static struct nat_entry **in_list(struct table *t, uint16_t port,
				  uint32_t remote, uint16_t remote_port)
{
	return &t->in[hash(t, remote, (uint32_t)port << 16 | remote_port)];
}

static void take_out(struct table *t, struct nat_entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		t->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		t->oldest = e->newer;
}

static void used(struct table *t, struct nat_entry *e)
{
	take_out(t, e);
	e->newer = NULL;
	e->older = t->newest;
	if (t->newest)
		t->newest->newer = e;
	else
		t->oldest = e;
	t->newest = e;
}

/* Out of both lists, to the end of the third. */
static void forget(struct table *t, struct nat_entry *e)
{
	struct nat_entry **at;

	if (!e->port)
		return;
	at = out_list(t, e->client, e->client_port, e->remote, e->remote_port);
	while (*at != e)
		at = &(*at)->next_out;
	*at = e->next_out;
	at = in_list(t, e->port, e->remote, e->remote_port);
	while (*at != e)
		at = &(*at)->next_in;
	*at = e->next_in;
	e->port = 0;
	take_out(t, e);
	e->older = NULL;
	e->newer = t->oldest;
	if (t->oldest)
		t->oldest->older = e;
	else
		t->newest = e;
	t->oldest = e;
}

struct nat_entry *nat_in(uint8_t proto, uint16_t port, uint32_t remote,
			 uint16_t remote_port)
{
	struct table *t = table_of(proto);
	struct nat_entry *e = *in_list(t, port, remote, remote_port);

	while (e && (e->port != port || e->remote != remote ||
		     e->remote_port != remote_port))
		e = e->next_in;
	if (e)
		used(t, e);
	return e;
}

/* A port of ours that this remote does not know yet; 0: none was found. */
static uint16_t free_port(uint8_t proto, uint32_t remote, uint16_t remote_port)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint16_t port;

		random_bytes(&port, sizeof(port));
		if (port >= 1024 && !nat_in(proto, port, remote, remote_port))
			return port;
	}
	return 0;
}

static struct nat_entry *make(struct table *t, const struct nat_entry *as)
{
	struct nat_entry *e = t->oldest, **at;

	forget(t, e);
	used(t, e);
	e->proto = as->proto;
	e->client = as->client;
	e->client_port = as->client_port;
	e->remote = as->remote;
	e->remote_port = as->remote_port;
	e->port = as->port;
	at = out_list(t, e->client, e->client_port, e->remote, e->remote_port);
	e->next_out = *at;
	*at = e;
	at = in_list(t, e->port, e->remote, e->remote_port);
	e->next_in = *at;
	*at = e;
	return e;
}

struct nat_entry *nat_out(uint8_t proto, uint32_t client, uint16_t client_port,
			  uint32_t remote, uint16_t remote_port)
{
	struct table *t = table_of(proto);
	struct nat_entry as = {.proto = proto,
			       .client = client,
			       .remote = remote,
			       .client_port = client_port,
			       .remote_port = remote_port};
	struct nat_entry *e =
		*out_list(t, client, client_port, remote, remote_port);

	while (e && (e->client != client || e->client_port != client_port ||
		     e->remote != remote || e->remote_port != remote_port))
		e = e->next_out;
	if (e) {
		used(t, e);
		return e;
	}
	as.port = free_port(proto, remote, remote_port);
	return as.port ? make(t, &as) : NULL;
}

void nat_forget(uint32_t client)
{
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < tables[i].size; k++)
			if (tables[i].entry[k].client == client)
				forget(&tables[i], &tables[i].entry[k]);
}
