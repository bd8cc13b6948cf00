/* SPDX-License-Identifier: ISC */
/*
 * Wires that are descriptors which read and write whole frames: tap devices,
 * packet sockets, the socket of a user-mode network's process.
 *
 *     tap[:DEVICE]     /dev/net/tun; DEVICE is made if it is not there
 *     packet:DEVICE    AF_PACKET: all that the host's interface sees
 *
 * A packet socket also gives frames that never were on a cable: not yet cut
 * into segments, checksums unfinished. The header that the kernel puts before
 * each (PACKET_VNET_HDR) tells.
 */
#include "unix/net.h"
#include "unix/host.h"
#include "unix/unix.h"
#include "unix/wire_fd.h"

#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

FATA_LOG_SOURCE("net");

struct wire_fd {
	struct wire wire;
	struct unix_watch watch;
	bool header; /* each frame is preceded by a struct virtio_net_hdr */
};

/* --- frames ------------------------------------------------------------- */

static void read_header(const struct virtio_net_hdr *h, struct wire_meta *m)
{
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		m->sum = NET_SUM_BLANK;
	else if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		m->sum = NET_SUM_GOOD;
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		m->gso = NET_GSO_TCPV4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		m->gso = NET_GSO_TCPV6;
		break;
	default:
		return;
	}
	m->gso_size = h->gso_size;
}

/* Put the header's piece, if there is one, before the frame's. */
static unsigned with_header(const struct wire_fd *w, struct iovec *all,
			    struct virtio_net_hdr *h, const struct iovec *v,
			    unsigned n)
{
	unsigned i = 0;

	if (w->header)
		all[i++] = (struct iovec){h, sizeof(*h)};
	memcpy(all + i, v, n * sizeof(*v));
	return i + n;
}

static ssize_t receive(struct wire *wire, const struct iovec *v, unsigned n,
		       struct wire_meta *m)
{
	struct wire_fd *w = (struct wire_fd *)wire;
	struct iovec all[NET_PIECES + 1];
	struct virtio_net_hdr h = {0};
	ssize_t rc = REAL(readv)(w->watch.fd, all,
				 (int)with_header(w, all, &h, v, n));

	if (rc < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!rc && wire->up) { /* the other process has ended */
		wire->up = false;
		unix_unwatch(&w->watch);
		event_signal(&wire->on.changed);
	}
	if (w->header) {
		rc -= (ssize_t)sizeof(h);
		read_header(&h, m);
	}
	return rc > 0 ? rc : -EAGAIN;
}

static int send_frame(struct wire *wire, const struct iovec *v, unsigned n)
{
	struct wire_fd *w = (struct wire_fd *)wire;
	struct iovec all[NET_PIECES + 1];
	struct virtio_net_hdr h = {0};

	if (REAL(writev)(w->watch.fd, all,
			 (int)with_header(w, all, &h, v, n)) >= 0)
		return 0;
	/* a full queue of the host's is like one of an interface's */
	return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -errno;
}

static const struct wire_ops ops = {.receive = receive, .send = send_frame};

static void on_ready(void *arg, uint32_t events)
{
	struct wire *w = arg;

	if (events & ~(uint32_t)EPOLLOUT)
		event_signal(&w->on.readable);
	if (events & EPOLLOUT)
		event_signal(&w->on.writable);
}

int wire_fd_new(int fd, unsigned mtu, bool header, struct wire **out)
{
	struct wire_fd *w = heap_calloc(1, sizeof(*w));
	int rc;

	if (!w) {
		close(fd);
		return -ENOMEM;
	}
	w->wire = (struct wire){.ops = &ops, .mtu = mtu, .up = true};
	w->watch = (struct unix_watch){.fd = fd, .fn = on_ready, .arg = w};
	w->header = header;
	wire_address(&w->wire);
	/* edges: frames that nobody wants must not keep the loop awake */
	rc = unix_watch(&w->watch, EPOLLIN | EPOLLOUT | EPOLLET);
	if (rc) {
		close(fd);
		heap_free(w);
		return rc;
	}
	*out = &w->wire;
	return 0;
}

/* --- tap ---------------------------------------------------------------- */

/* The device's MTU; and bring it up, if we may. */
static unsigned prepare(const char *device)
{
	int fd = REAL(socket)(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned mtu = 1500;
	struct ifreq r;

	memset(&r, 0, sizeof(r));
	memcpy(r.ifr_name, device, strnlen(device, IFNAMSIZ - 1));
	if (fd < 0)
		return mtu;
	if (!ioctl(fd, SIOCGIFMTU, &r))
		mtu = (unsigned)r.ifr_mtu;
	if (!ioctl(fd, SIOCGIFFLAGS, &r) && !(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &r))
			log_warn("%s is down (ip link set %s up)", device,
				 device);
	}
	close(fd);
	return mtu;
}

int wire_open_tap(const char *options, struct wire **w)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	if (fd < 0)
		return -errno;
	if (strlen(options) >= IFNAMSIZ) {
		close(fd);
		return -ENAMETOOLONG;
	}
	memcpy(r.ifr_name, options, strlen(options));
	if (ioctl(fd, TUNSETIFF, &r)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	log_info("tap device %s", r.ifr_name);
	return wire_fd_new(fd, prepare(r.ifr_name), false, w);
}

/* --- packet sockets ----------------------------------------------------- */

static int open_packet(const char *device)
{
	struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
				.sll_protocol = htons(ETH_P_ALL)};
	const int one = 1;
	int fd;

	a.sll_ifindex = all.mr_ifindex = (int)if_nametoindex(device);
	if (!a.sll_ifindex)
		return -ENODEV;
	fd = REAL(socket)(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			  0);
	if (fd < 0)
		return -errno;
	if (REAL(setsockopt)(fd, SOL_PACKET, PACKET_VNET_HDR, &one,
			     sizeof(one)) ||
	    REAL(setsockopt)(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all,
			     sizeof(all)) ||
	    REAL(setsockopt)(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
			     sizeof(one)) ||
	    REAL(bind)(fd, (struct sockaddr *)&a, sizeof(a))) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

int wire_open_packet(const char *options, struct wire **w)
{
	int fd = open_packet(options);

	return fd < 0 ? fd : wire_fd_new(fd, prepare(options), true, w);
}
