/* SPDX-License-Identifier: ISC */
/*
 * Network interfaces of a Linux process: frames of fata/net.h over a wire
 * (wire.h), which the world has, or boot parameter --net names:
 *
 *     --net NAME=tap[:DEVICE]      a tap device, made if need be
 *     --net NAME=packet:DEVICE     an interface of the host
 *     --net NAME=pcap:IN[,OUT]     frames from and to capture files
 *     --net NAME=user[,fwd=...]    a network that needs no privilege
 *     ... ,dump=FILE               and a capture of all frames
 *
 * Frames are received into pages from a pool per interface; a received frame
 * takes as many pages as it needs.
 */
#include "unix/net.h"

#include "core/manifest.h"
#include "core/param.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fata/random.h>
#include <string.h>

FATA_LOG_SOURCE("net");

#define POOL 256 /* pages kept by an interface */

struct net {
	struct net *next;
	const char *name;
	struct wire *wire;
	struct dump *dump; /* NULL: none */
	struct net_stat stat;
	void *pool[POOL];
	unsigned pooled;
};

static struct net *nets;

/* --- frames ------------------------------------------------------------- */

static void *page_get(struct net *n)
{
	return n->pooled ? n->pool[--n->pooled] : page_alloc(0);
}

static void page_put(struct net *n, void *p)
{
	void *page = (void *)((uintptr_t)p & ~(uintptr_t)(PAGE_SIZE - 1));

	if (n->pooled < POOL)
		n->pool[n->pooled++] = page;
	else
		page_free(page, 0);
}

void net_frame_free(struct net_frame *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < f->pieces; i++)
		page_put(f->from, f->piece[i].data);
	heap_free(f);
}

struct net_frame *net_frame_alloc(struct net *n, size_t size, size_t headroom)
{
	struct net_frame *f;

	if (size > NET_FRAME_MAX || headroom >= PAGE_SIZE)
		return NULL;
	f = heap_calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->from = n;
	while (f->size < size) {
		size_t part = size - f->size;
		unsigned char *p;

		p = f->pieces < NET_PIECES ? page_get(n) : NULL;
		if (!p) {
			net_frame_free(f);
			return NULL;
		}
		if (part > PAGE_SIZE - headroom)
			part = PAGE_SIZE - headroom;
		f->piece[f->pieces++] = (struct net_piece){
			.data = p + headroom, .size = (uint32_t)part};
		f->size += (uint32_t)part;
		headroom = 0;
	}
	return f;
}

static unsigned to_vector(const struct net_frame *f, struct iovec *v)
{
	for (unsigned i = 0; i < f->pieces; i++)
		v[i] = (struct iovec){f->piece[i].data, f->piece[i].size};
	return f->pieces;
}

/* Cut f to its first `size` bytes; pages that hold none go back. */
static void shrink(struct net_frame *f, size_t size)
{
	size_t left = size;

	for (unsigned i = 0; i < f->pieces; i++) {
		if (left < f->piece[i].size)
			f->piece[i].size = (uint32_t)left;
		left -= f->piece[i].size;
	}
	while (f->pieces && !f->piece[f->pieces - 1].size)
		page_put(f->from, f->piece[--f->pieces].data);
	f->size = (uint32_t)size;
}

/* --- receiving ---------------------------------------------------------- */

/* One frame: 0 and *out, or -EAGAIN; what is lost is counted. */
static int receive_one(struct net *n, struct net_frame **out)
{
	struct iovec v[NET_PIECES];
	struct wire_meta m = {0};
	struct net_frame *f = net_frame_alloc(n, NET_FRAME_MAX, 0);
	ssize_t rc;

	if (!f)
		return -ENOMEM;
	rc = n->wire->ops->receive(n->wire, v, to_vector(f, v), &m);
	if (rc <= 0) {
		net_frame_free(f);
		if (rc != -EAGAIN)
			n->stat.rx_errors++;
		return rc == -EAGAIN ? -EAGAIN : -EIO;
	}
	shrink(f, (size_t)rc);
	f->gso = m.gso;
	f->gso_size = m.gso_size;
	f->sum = m.sum;
	n->stat.rx_frames++;
	n->stat.rx_bytes += f->size;
	n->stat.rx_gso += m.gso != NET_GSO_NONE;
	if (n->dump)
		dump_frame(n->dump, v, to_vector(f, v));
	*out = f;
	return 0;
}

int net_receive(struct net *n, struct net_frame **frames, unsigned max,
		uint64_t deadline)
{
	unsigned got = 0;

	while (max) {
		uint64_t seen = event_count(&n->wire->readable);
		int rc = 0;

		while (got < max && rc != -EAGAIN && rc != -ENOMEM) {
			rc = receive_one(n, &frames[got]);
			got += rc == 0;
		}
		if (got)
			break;
		if (rc != -EAGAIN)
			return rc;
		rc = event_wait(&n->wire->readable, &seen, deadline);
		if (rc)
			return rc;
	}
	return (int)got;
}

/* --- sending ------------------------------------------------------------ */

static int judge(const struct net_frame *f)
{
	if (!f->pieces || (f->gso && !f->gso_size))
		return -EINVAL;
	for (unsigned i = 0; i < f->pieces; i++)
		if (!f->piece[i].size)
			return -EINVAL;
	if (f->size > NET_FRAME_MAX)
		return -EMSGSIZE;
	return f->gso || f->sum == NET_SUM_BLANK ? -EOPNOTSUPP : 0;
}

static int send_one(struct net *n, struct net_frame *f)
{
	struct iovec v[NET_PIECES];
	int rc = judge(f);

	if (rc)
		return rc;
	rc = n->wire->ops->send(n->wire, v, to_vector(f, v));
	if (rc == -EAGAIN)
		return rc;
	if (rc) {
		n->stat.tx_errors++;
	} else {
		n->stat.tx_frames++;
		n->stat.tx_bytes += f->size;
		if (n->dump)
			dump_frame(n->dump, v, to_vector(f, v));
	}
	net_frame_free(f);
	return 0;
}

int net_send(struct net *n, struct net_frame **frames, unsigned count,
	     uint64_t deadline)
{
	unsigned sent = 0;

	while (sent < count) {
		uint64_t seen = event_count(&n->wire->writable);
		int rc = n->wire->up ? send_one(n, frames[sent]) : -ENETDOWN;

		sent += rc == 0;
		if (!rc)
			continue;
		if (rc == -EAGAIN)
			rc = event_wait(&n->wire->writable, &seen, deadline);
		if (rc)
			return sent ? (int)sent : rc;
	}
	return (int)sent;
}

/* --- the rest ----------------------------------------------------------- */

void net_info(struct net *n, struct net_info *info)
{
	*info = (struct net_info){.mtu = n->wire->mtu, .up = n->wire->up};
	memcpy(info->mac, n->wire->mac, sizeof(info->mac));
}

void net_stat(struct net *n, struct net_stat *s)
{
	*s = n->stat;
}

struct event *net_changed(struct net *n)
{
	return &n->wire->changed;
}

struct event *net_readable(struct net *n)
{
	return &n->wire->readable;
}

struct event *net_writable(struct net *n)
{
	return &n->wire->writable;
}

/* --- opening ------------------------------------------------------------ */

static struct setting {
	const char *name, *value;
	struct setting *next;
} *settings;

static int add(const char *value)
{
	const char *equals = strchr(value, '=');
	struct setting *s;

	if (!equals || equals == value || !equals[1])
		return param_bad("bad interface (expected NAME=tap:DEVICE, "
				 "packet:DEVICE, pcap:FILE or user)");
	s = heap_calloc(1, sizeof(*s));
	if (!s)
		return param_bad("no memory for it");
	s->name = strndup(value, (size_t)(equals - value));
	s->value = equals + 1;
	s->next = settings;
	settings = s;
	return 0;
}
FATA_PARAM_LIST(add, "net", "the host's sockets",
		"an interface: NAME=tap:DEVICE, packet:DEVICE, pcap:FILE, "
		"user");

bool unix_net_wanted(void)
{
	return settings || unix_world->wire_open;
}

/* By the program's name for it, or by its number. */
static const struct setting *find(const char *name)
{
	int index = manifest_device(FATA_NOTE_NET, name);
	const struct setting *s;
	int other;

	for (s = settings; s; s = s->next) {
		other = manifest_device(FATA_NOTE_NET, s->name);
		if (!strcmp(s->name, name) || (index >= 0 && other == index))
			return s;
	}
	return NULL;
}

void wire_address(struct wire *w)
{
	random_bytes(w->mac, sizeof(w->mac));
	w->mac[0] = (w->mac[0] & 0xfc) | 2; /* made up, and not a group's */
}

static int open_setting(struct net *n, const char *value)
{
	static const struct {
		const char *name;
		int (*open)(const char *options, struct wire **w);
	} kinds[] = {
		{"tap", wire_open_tap},
		{"packet", wire_open_packet},
		{"pcap", wire_open_pcap},
		{"user", wire_open_user},
	};
	char *copy = strdup(value);
	char *dump = copy ? strstr(copy, ",dump=") : NULL;
	size_t length = strcspn(value, ":,");
	int rc = copy ? -EINVAL : -ENOMEM;

	if (dump)
		*dump = '\0';
	for (unsigned i = 0; copy && i < sizeof(kinds) / sizeof(*kinds); i++) {
		const char *options = copy + length;

		if (strlen(kinds[i].name) != length ||
		    memcmp(kinds[i].name, value, length))
			continue;
		rc = kinds[i].open(*options ? options + 1 : "", &n->wire);
	}
	if (!rc && dump)
		rc = dump_open(dump + strlen(",dump="), &n->dump);
	heap_free(copy);
	return rc;
}

static int open_wire(struct net *n, const char *name)
{
	int index = manifest_device(FATA_NOTE_NET, name), rc;
	const struct setting *s = find(name);

	if (unix_world->wire_open)
		return unix_world->wire_open(index < 0 ? 0 : (unsigned)index,
					     name, &n->wire);
	if (!s) {
		log_error("interface %s: not given (--net %s=tap:DEVICE, "
			  "packet:DEVICE, pcap:FILE or user)",
			  name, name);
		return -ENOENT;
	}
	rc = open_setting(n, s->value);
	if (rc)
		log_error("interface %s: %s: %s", name, s->value,
			  strerror(-rc));
	return rc;
}

int net_open(const char *name, struct net **out, uint64_t deadline)
{
	struct net *n;
	int rc;

	(void)deadline;
	for (n = nets; n; n = n->next) {
		if (!strcmp(n->name, name)) {
			*out = n;
			return 0;
		}
	}
	n = heap_calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	rc = open_wire(n, name);
	if (rc) {
		heap_free(n);
		return rc;
	}
	n->name = strdup(name);
	n->stat.connects = 1;
	n->next = nets;
	nets = n;
	*out = n;
	return 0;
}

/* A wire delivers everything: groups make no difference. */
int net_join(struct net *n, const unsigned char *group)
{
	(void)n;
	return group[0] & 1 ? 0 : -EINVAL;
}

int net_leave(struct net *n, const unsigned char *group)
{
	(void)n;
	return group[0] & 1 ? 0 : -ENOENT;
}

int net_filter(struct net *n, bool on, uint64_t deadline)
{
	(void)n;
	(void)on;
	(void)deadline;
	return -EOPNOTSUPP;
}
