/* SPDX-License-Identifier: ISC */
/*
 * A disk's backend as a daemon in dom0: the files given by --block data=FILE,
 * for frontends whose backend's directory is backend/fata-disk. One ring of a
 * page, eleven segments a request, copied by Xen; one request at a time.
 *
 *     frontend's ring --> serve(): RING_COPY_REQUEST
 *                           |  write: gnttab_copy in,  block_write
 *                           |  read:  block_read,      gnttab_copy out
 *                           +-> response, evtchn_notify
 *
 * When it ends, however, its frontends keep what was not answered; the next
 * one leads them through a close, and they ask again.
 */
#include <errno.h>
#include <fata/block.h>
#include <fata/fata.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/xenbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() xen_mb()
#define xen_wmb() xen_mb()
#include <xen/io/blkif.h>

FATA_NAME("blkback", "serves a file as a disk to guests");
FATA_BLOCK("data");

#define SECTOR 512
#define SOON   clock_deadline(10 * FATA_NS_PER_S)

struct vbd {
	struct xenbus_device *dev;
	struct gnttab_page page;
	blkif_back_ring_t ring;
	struct evtchn e;
	struct task *task;
	unsigned long served;
};

static struct block *disk;
static struct block_info info;
static unsigned char buffer[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* --- requests ----------------------------------------------------------- */

/* Between the buffer and the frontend's page; the same offset in both. */
static int move(const struct vbd *v, const struct blkif_request_segment *s,
		bool out)
{
	uint16_t at = (uint16_t)(s->first_sect * SECTOR);
	struct gnttab_end ours = {.local = buffer + at};
	struct gnttab_end theirs = {
		.ref = s->gref, .domid = v->dev->peer, .offset = at};
	struct gnttab_copy_op op = {
		.from = out ? ours : theirs,
		.to = out ? theirs : ours,
		.len = (uint16_t)((s->last_sect - s->first_sect + 1) * SECTOR)};

	return gnttab_copy(&op, 1, SOON);
}

static int segment(const struct vbd *v, const struct blkif_request_segment *s,
		   uint64_t at, bool write)
{
	unsigned char *p = buffer + s->first_sect * SECTOR;
	size_t n = (s->last_sect - s->first_sect + 1u) * SECTOR;
	int rc;

	if (s->first_sect > s->last_sect || s->last_sect >= PAGE_SIZE / SECTOR)
		return -EINVAL;
	if (!write) {
		rc = block_read(disk, at, p, n, SOON);
		return rc ? rc : move(v, s, true);
	}
	rc = move(v, s, false);
	return rc ? rc : block_write(disk, at, p, n, SOON);
}

static int transfer(const struct vbd *v, const blkif_request_t *r, bool write)
{
	uint64_t at = r->sector_number * SECTOR;

	if (r->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return -EINVAL;
	for (unsigned i = 0; i < r->nr_segments; i++) {
		const struct blkif_request_segment *s = &r->seg[i];
		int rc = segment(v, s, at, write);

		if (rc)
			return rc;
		at += (s->last_sect - s->first_sect + 1u) * SECTOR;
	}
	return 0;
}

static int16_t answer_to(const struct vbd *v, const blkif_request_t *r)
{
	int rc = -EOPNOTSUPP;

	if (r->operation == BLKIF_OP_READ || r->operation == BLKIF_OP_WRITE)
		rc = transfer(v, r, r->operation == BLKIF_OP_WRITE);
	else if (r->operation == BLKIF_OP_FLUSH_DISKCACHE)
		rc = block_flush(disk, SOON);
	if (rc)
		printf("request %d: %s\n", r->operation, strerror(-rc));
	return rc == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP
	       : rc		 ? BLKIF_RSP_ERROR
				 : BLKIF_RSP_OKAY;
}

static void serve_one(struct vbd *v)
{
	blkif_request_t r;
	blkif_response_t answer = {0};
	int notify;

	RING_COPY_REQUEST(&v->ring, v->ring.req_cons++, &r);
	answer.id = r.id;
	answer.operation = r.operation;
	answer.status = answer_to(v, &r);
	memcpy(RING_GET_RESPONSE(&v->ring, v->ring.rsp_prod_pvt++), &answer,
	       sizeof(answer));
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&v->ring, notify);
	if (notify)
		evtchn_notify(&v->e);
	v->served++;
}

/* What is on the ring: 0 when there is no more and an event will tell. */
static int serve_ring(struct vbd *v)
{
	int more;

	for (;;) {
		RING_FINAL_CHECK_FOR_REQUESTS(&v->ring, more);
		if (!more || evtchn_port(&v->e) < 0)
			return 0;
		if (RING_REQUEST_PROD_OVERFLOW(&v->ring,
					       v->ring.sring->req_prod))
			return -EPROTO;
		serve_one(v);
	}
}

/* A task for each disk, until its channel is closed. */
static int serve(void *arg)
{
	struct vbd *v = arg;
	uint64_t seen = event_count(evtchn_event(&v->e));

	do {
		if (!serve_ring(v))
			continue;
		xenbus_broken(v->dev, "its ring is nonsense");
		return -EPROTO;
	} while (!evtchn_wait(&v->e, &seen, FATA_FOREVER));
	return 0;
}

/* --- xenbus --------------------------------------------------------------- */

static int probe(struct xenbus_device *d)
{
	struct vbd *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->dev = d;
	d->data = v;
	printf("%s: found\n", d->path);
	return 0;
}

static void removed(struct xenbus_device *d)
{
	printf("%s: removed\n", d->path);
	free(d->data);
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	return xenbus_printf(d, t, "feature-flush-cache", "1");
}

static int setup(struct xenbus_device *d)
{
	struct vbd *v = d->data;
	uint64_t ref, port;
	int rc = xenbus_read_u64(d, "ring-ref", UINT32_MAX, &ref);

	if (!rc)
		rc = xenbus_read_u64(d, "event-channel", UINT32_MAX, &port);
	if (rc)
		return rc;
	v->page = (struct gnttab_page){.ref = (uint32_t)ref, .domid = d->peer};
	rc = gnttab_map(&v->page, 1, xenbus_deadline());
	if (rc)
		return rc;
	BACK_RING_INIT(&v->ring, (blkif_sring_t *)v->page.address, PAGE_SIZE);
	rc = evtchn_bind_interdomain(&v->e, d->peer, (uint32_t)port);
	if (rc)
		gnttab_unmap(&v->page, 1);
	return rc;
}

static int connect(struct xenbus_device *d)
{
	struct vbd *v = d->data;
	int rc = xenbus_printf(d, NULL, "sectors", "%llu",
			       (unsigned long long)info.size / SECTOR);

	if (!rc)
		rc = xenbus_printf(d, NULL, "sector-size", "%d", SECTOR);
	if (!rc)
		rc = xenbus_printf(d, NULL, "info", "0");
	if (!rc && !v->task)
		rc = fata_task_spawn(&v->task, NULL, serve, v);
	if (!rc)
		rc = evtchn_unmask(&v->e);
	if (!rc)
		printf("%s: connected\n", d->path);
	return rc;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct vbd *v = d->data;

	evtchn_close(&v->e); /* the task ends */
	if (v->task)
		fata_task_join(v->task, NULL, FATA_FOREVER);
	v->task = NULL;
	gnttab_unmap(&v->page, 1);
	printf("%s: disconnected (%d) after %lu requests\n", d->path, why,
	       v->served);
}

static const struct xenbus_driver blkback = {
	.class = "fata-disk",
	.probe = probe,
	.publish = publish,
	.setup = setup,
	.connect = connect,
	.disconnect = disconnect,
	.remove = removed,
};

int main(void)
{
	int rc = block_open("data", &disk, SOON);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!rc) {
		block_info(disk, &info);
		rc = xenbus_register_backend(&blkback, SOON);
	}
	if (rc) {
		fprintf(stderr, "blkback: %s\n", strerror(-rc));
		return 1;
	}
	printf("serving\n");
	for (;;)
		fata_sleep(60 * FATA_NS_PER_S);
}
