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
 */
#include "unix/net.h"

#include "core/manifest.h"
#include "core/net.h"
#include "core/param.h"
#include "unix/world.h"

#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fata/random.h>
#include <string.h>

FATA_LOG_SOURCE("net");

struct port {
	struct net net; /* first */
	struct port *next;
	const char *name;
	struct wire *wire;
	struct dump *dump; /* NULL: none */
	struct net_pool pool;
};

static struct port *ports;

static struct port *port_of(struct net *n)
{
	return (struct port *)n;
}

/* --- frames ------------------------------------------------------------- */

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
		net_page_put(f->from, net_page_of(f->piece[--f->pieces].data));
	f->size = (uint32_t)size;
}

/* --- receiving ---------------------------------------------------------- */

/* One frame: 0 and *out, or -EAGAIN; what is lost is counted. */
static int receive_one(struct port *p, struct net_frame **out)
{
	struct iovec v[NET_PIECES];
	struct wire_meta m = {0};
	struct net_frame *f = net_frame_alloc(&p->net, NET_FRAME_MAX, 0);
	struct net_stat *stat = &p->net.stat;
	ssize_t rc;

	if (!f)
		return -ENOMEM;
	rc = p->wire->ops->receive(p->wire, v, to_vector(f, v), &m);
	if (rc <= 0) {
		net_frame_free(f);
		if (rc != -EAGAIN)
			stat->rx_errors++;
		return rc == -EAGAIN ? -EAGAIN : -EIO;
	}
	shrink(f, (size_t)rc);
	f->gso = m.gso;
	f->gso_size = m.gso_size;
	f->sum = m.sum;
	stat->rx_frames++;
	stat->rx_bytes += f->size;
	stat->rx_gso += m.gso != NET_GSO_NONE;
	if (p->dump)
		dump_frame(p->dump, v, to_vector(f, v));
	*out = f;
	return 0;
}

static int receive(struct net *n, struct net_frame **frames, unsigned max)
{
	unsigned got = 0;
	int rc = 0;

	while (got < max && rc != -EAGAIN && rc != -ENOMEM) {
		rc = receive_one(port_of(n), &frames[got]);
		got += rc == 0;
	}
	return got || rc == -EAGAIN ? (int)got : rc;
}

/* A wire signals without being asked. */
static bool arm(struct net *n)
{
	(void)n;
	return false;
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

static int send_one(struct port *p, struct net_frame *f)
{
	struct net_stat *stat = &p->net.stat;
	struct iovec v[NET_PIECES];
	int rc = judge(f);

	if (rc)
		return rc;
	rc = p->wire->ops->send(p->wire, v, to_vector(f, v));
	if (rc == -EAGAIN)
		return rc;
	if (rc) {
		stat->tx_errors++;
	} else {
		stat->tx_frames++;
		stat->tx_bytes += f->size;
		if (p->dump)
			dump_frame(p->dump, v, to_vector(f, v));
	}
	net_frame_free(f);
	return 0;
}

static int send_frames(struct net *n, struct net_frame **frames, unsigned count)
{
	struct port *p = port_of(n);
	unsigned sent = 0;

	while (sent < count) {
		int rc = p->wire->up ? send_one(p, frames[sent]) : -ENETDOWN;

		if (rc)
			return sent || rc == -EAGAIN ? (int)sent : rc;
		sent++;
	}
	return (int)sent;
}

/* The link may go up and down. */
static void refresh(struct net *n)
{
	n->info.up = port_of(n)->wire->up;
}

static const struct net_ops ops = {
	.receive = receive,
	.arm_receive = arm,
	.send = send_frames,
	.arm_send = arm,
	.refresh = refresh,
};

/* --- opening ------------------------------------------------------------ */

static struct setting {
	const char *name, *value;
	struct setting *next;
} * settings;

struct kind {
	const char *name;
	int (*open)(const char *options, struct wire **w);
};

/* What stands before the first ':' or ','; NULL: none of ours. */
static const struct kind *kind_of(const char *value)
{
	static const struct kind kinds[] = {
		{"tap", wire_open_tap},
		{"packet", wire_open_packet},
		{"pcap", wire_open_pcap},
		{"user", wire_open_user},
	};
	size_t length = strcspn(value, ":,");

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i].name) == length &&
		    !memcmp(kinds[i].name, value, length))
			return &kinds[i];
	return NULL;
}

static int add(const char *value)
{
	const char *equals = strchr(value, '=');
	struct setting *s;

	if (!equals || equals == value || !kind_of(equals + 1))
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

static int open_setting(struct port *p, const char *value)
{
	char *copy = strdup(value), *options, *dump;
	int rc;

	if (!copy)
		return -ENOMEM;
	dump = strstr(copy, ",dump=");
	if (dump)
		*dump = '\0';
	options = copy + strcspn(copy, ":,");
	rc = kind_of(value)->open(*options ? options + 1 : "", &p->wire);
	if (!rc && dump)
		rc = dump_open(dump + strlen(",dump="), &p->dump);
	heap_free(copy);
	return rc;
}

static int open_wire(struct port *p, const char *name)
{
	int index = manifest_device(FATA_NOTE_NET, name), rc;
	const struct setting *s = find(name);

	if (unix_world->wire_open)
		return unix_world->wire_open(index < 0 ? 0 : (unsigned)index,
					     name, &p->wire);
	if (!s) {
		log_error("interface %s: not given (--net %s=tap:DEVICE, "
			  "packet:DEVICE, pcap:FILE or user)",
			  name, name);
		return -ENOENT;
	}
	rc = open_setting(p, s->value);
	if (rc)
		log_error("interface %s: %s: %s", name, s->value,
			  strerror(-rc));
	return rc;
}

int net_open(const char *name, struct net **out, uint64_t deadline)
{
	struct port *p;
	int rc;

	(void)deadline;
	for (p = ports; p; p = p->next) {
		if (!strcmp(p->name, name)) {
			*out = &p->net;
			return 0;
		}
	}
	p = heap_calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	rc = open_wire(p, name);
	if (rc) {
		heap_free(p);
		return rc;
	}
	p->name = strdup(name);
	p->net.ops = &ops;
	p->net.pool = &p->pool;
	p->net.on = &p->wire->on;
	p->net.info.mtu = p->wire->mtu;
	memcpy(p->net.info.mac, p->wire->mac, sizeof(p->wire->mac));
	p->net.stat.connects = 1;
	p->next = ports;
	ports = p;
	*out = &p->net;
	return 0;
}
