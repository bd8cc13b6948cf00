/* SPDX-License-Identifier: ISC */
/*
 * Capture files as wires, and captures of other wires.
 *
 *     pcap:IN          frames come from IN, as far apart as they were captured
 *     pcap:IN,OUT      what is sent goes to OUT; either name may be empty
 *
 * The program's own address is the one to which the first frame in IN that is
 * for a single station was sent: so a capture of what another machine received
 * can be replayed to the program. core/pcap.h knows the format.
 */
#include "unix/net.h"

#include "core/pcap.h"
#include "unix/host.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/timer.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

FATA_LOG_SOURCE("net");

/* --- writing ------------------------------------------------------------ */

struct dump {
	int fd;
	struct pcap pcap;
};

/* The header and the frame in one write: the file never ends in between. */
void dump_frame(struct dump *d, const struct iovec *v, unsigned n)
{
	struct pcap_record r = {.ns = clock_wall_ns()};
	struct iovec all[NET_PIECES + 1];
	uint8_t header[PCAP_RECORD];

	for (unsigned i = 0; i < n; i++)
		r.size += (uint32_t)v[i].iov_len;
	r.wire = r.size;
	pcap_encode_record(header, &d->pcap, &r);
	all[0] = (struct iovec){header, sizeof(header)};
	memcpy(all + 1, v, n * sizeof(*v));
	if (REAL(writev)(d->fd, all, (int)n + 1) < 0)
		return; /* a full disk must not stop the network */
}

int dump_open(const char *path, struct dump **out)
{
	struct dump *d = heap_calloc(1, sizeof(*d));
	uint8_t header[PCAP_HEADER];

	if (!d)
		return -ENOMEM;
	d->pcap = (struct pcap){
		.nano = true, .longest = PCAP_LONGEST, .link = PCAP_ETHERNET};
	pcap_encode_header(header, &d->pcap);
	d->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (d->fd >= 0 &&
	    REAL(write)(d->fd, header, sizeof(header)) == sizeof(header)) {
		*out = d;
		return 0;
	}
	heap_free(d);
	return errno ? -errno : -EIO;
}

/* --- reading ------------------------------------------------------------ */

struct replay {
	struct wire wire;
	const uint8_t *data; /* all of the file */
	size_t size, at;     /* at: the next record */
	struct pcap pcap;
	uint64_t offset; /* of our clock to the capture's */
	struct timer timer;
	struct dump *out;
};

/* The next whole record, or false at the end (or at nonsense). */
static bool peek(const struct replay *w, struct pcap_record *r)
{
	return w->data && !pcap_decode_record(w->data + w->at, w->size - w->at,
					      &w->pcap, r);
}

static void due(void *arg)
{
	event_signal(&((struct replay *)arg)->wire.on.readable);
}

static ssize_t receive(struct wire *wire, const struct iovec *v, unsigned n,
		       struct wire_meta *m)
{
	struct replay *w = (struct replay *)wire;
	struct pcap_record r;
	const uint8_t *from = w->data + w->at + PCAP_RECORD;
	size_t left;

	(void)m;
	if (!peek(w, &r))
		return -EAGAIN;
	if (r.ns + w->offset > clock_mono_ns()) {
		timer_set(&w->timer, r.ns + w->offset, due, w);
		return -EAGAIN;
	}
	w->at += PCAP_RECORD + r.size;
	if (r.size > NET_FRAME_MAX || r.size < 14)
		return -EMSGSIZE;
	left = r.size;
	for (unsigned i = 0; i < n && left; i++) {
		size_t part = v[i].iov_len < left ? v[i].iov_len : left;

		memcpy(v[i].iov_base, from, part);
		from += part;
		left -= part;
	}
	return (ssize_t)r.size;
}

static int send_frame(struct wire *wire, const struct iovec *v, unsigned n)
{
	struct replay *w = (struct replay *)wire;

	if (w->out)
		dump_frame(w->out, v, n);
	return 0;
}

static const struct wire_ops ops = {.receive = receive, .send = send_frame};

/* The clock's offset from the first frame, the address from the first of all
 * that has one. */
static void look_ahead(struct replay *w)
{
	size_t start = w->at;
	bool first = true;
	struct pcap_record r;

	for (; peek(w, &r); w->at += PCAP_RECORD + r.size) {
		const uint8_t *frame = w->data + w->at + PCAP_RECORD;

		if (first)
			w->offset = clock_mono_ns() - r.ns;
		first = false;
		if (r.size < 14 || frame[0] & 1)
			continue;
		memcpy(w->wire.mac, frame, 6);
		break;
	}
	w->at = start;
}

#define PCAPNG 0x0a0d0d0a /* the first word of such a file, either way round   \
			   */

/* What the file is instead, in one line. */
static int refuse(const char *path, const void *data, size_t n,
		  const struct pcap *p, int rc)
{
	uint32_t first = 0;

	memcpy(&first, data, n < sizeof(first) ? n : sizeof(first));
	if (first == PCAPNG)
		log_error("%s is a pcapng file (convert it: editcap -F pcap %s "
			  "OUT)",
			  path, path);
	else if (rc)
		log_error("%s is no pcap file", path);
	else
		log_error("%s: frames of link type %u, expected Ethernet (1)",
			  path, p->link);
	return -EINVAL;
}

static int open_input(struct replay *w, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	void *p = MAP_FAILED;
	struct stat s;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &s) && s.st_size)
		p = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd,
			 0);
	close(fd);
	if (p == MAP_FAILED)
		return -EINVAL;
	rc = pcap_decode_header(p, (size_t)s.st_size, &w->pcap);
	if (rc || w->pcap.link != PCAP_ETHERNET) {
		rc = refuse(path, p, (size_t)s.st_size, &w->pcap, rc);
		munmap(p, (size_t)s.st_size);
		return rc;
	}
	w->data = p;
	w->size = (size_t)s.st_size;
	w->at = PCAP_HEADER;
	look_ahead(w);
	return 0;
}

int wire_open_pcap(const char *options, struct wire **out)
{
	struct replay *w = heap_calloc(1, sizeof(*w));
	char *in = strdup(options), *comma = in ? strchr(in, ',') : NULL;
	int rc = 0;

	if (!w || !in) {
		heap_free(w);
		heap_free(in);
		return -ENOMEM;
	}
	if (comma)
		*comma++ = '\0';
	w->wire = (struct wire){.ops = &ops, .mtu = 1500, .up = true};
	wire_address(&w->wire);
	if (*in)
		rc = open_input(w, in);
	if (!rc && comma && *comma)
		rc = dump_open(comma, &w->out);
	heap_free(in);
	if (rc)
		heap_free(w);
	else
		*out = &w->wire;
	return rc;
}
