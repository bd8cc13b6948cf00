/* SPDX-License-Identifier: ISC */
/*
 * Disks: found by name or number, connected by xenbus, for ever.
 *
 * A struct blkfront is made once for each device/vbd/N and never freed: a
 * program's pointer stays valid while the backend comes and goes, the guest
 * moves to another host, or the disk is unplugged and plugged in again.
 */
#include <drivers/blkfront.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>

FATA_LOG_SOURCE("block");

static struct blkfront *disks;

/* --- xenbus --------------------------------------------------------------- */

static void close_disk(struct block *b)
{
	(void)b; /* the device stays */
}

static const struct block_ops blk_ops = {
	.submit = blk_submit,
	.push = blk_push,
	.cancel = blk_cancel,
	.close = close_disk,
	.buffer_alloc = blk_buffer_alloc,
	.buffer_free = blk_buffer_free,
};

/* A disk that was unplugged continues in one with the same number. */
static int probe(struct xenbus_device *d)
{
	struct blkfront *f = disks;

	while (f && f->number != d->id)
		f = f->all;
	if (!f) {
		f = heap_calloc(1, sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->block.ops = &blk_ops;
		f->block.info.sector = BLK_SECTOR;
		f->number = d->id;
		list_init(&f->requests);
		list_init(&f->ended);
		f->next = &f->requests;
		f->all = disks;
		disks = f;
	}
	f->dev = d;
	f->broken_s = 0;
	d->data = f;
	return 0;
}

static void removed(struct xenbus_device *d)
{
	struct blkfront *f = d->data;

	if (f->dev != d)
		return;
	f->dev = NULL;
	blk_fail_all(f, -ENODEV);
	blk_pages_free(f);
	event_signal(&f->block.changed);
}

static int setup(struct xenbus_device *d)
{
	struct blkfront *f = d->data;
	uint64_t trusted;
	int rc = xenbus_read_own_u64(d, "trusted", 1, &trusted);

	if (rc == -ENOENT)
		rc = 0, trusted = 1;
	if (rc)
		return rc;
	f->trusted = trusted;
	rc = blk_pages_grant(f);
	if (rc)
		return rc;
	rc = blk_rings_open(f);
	if (rc)
		blk_pages_revoke(f);
	return rc;
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	int rc = blk_rings_publish(d->data, t);

	return rc ? rc : xenbus_printf(d, t, "feature-persistent", "1");
}

static int connect(struct xenbus_device *d)
{
	struct blkfront *f = d->data;
	struct block_info info = {.up = true};
	int rc = blk_read_info(f, &info);

	if (rc)
		return rc;
	f->block.info = info;
	f->running = true;
	f->paused = false;
	f->broken_s = 0;
	f->block.stat.connects++;
	log_info("%s: up, %llu KiB, sectors of %u%s, %u x %u requests, "
		 "%u segments",
		 d->path, (unsigned long long)info.size / 1024, info.sector,
		 info.readonly ? ", read-only" : "", f->queues,
		 f->queue[0].ring.size, f->segments_max);
	blk_rings_listen(f);
	blk_serve_soon(f);
	event_signal(&f->block.changed);
	return 0;
}

/* It may have been resized. */
static int update(struct xenbus_device *d)
{
	struct blkfront *f = d->data;
	uint64_t size;
	int rc = blk_read_size(f, &size);

	if (rc)
		return rc;
	size -= size % f->block.info.sector;
	if (size == f->block.info.size)
		return 0;
	log_info("%s: now %llu KiB", d->path, (unsigned long long)size / 1024);
	f->block.info.size = size;
	event_signal(&f->block.changed);
	return 0;
}

static void disconnect(struct xenbus_device *d, enum xenbus_why why)
{
	struct blkfront *f = d->data;

	f->running = f->block.info.up = false;
	timer_cancel(&f->pusher);
	blk_rings_deafen(f);
	/*
	 * What is answered need not be done again. After a resume the ring may
	 * be newer than the data, for memory was copied while the backend
	 * wrote to it; suspend has taken all that there was.
	 */
	if (why != XENBUS_WHY_BROKEN && why != XENBUS_WHY_RESUMED)
		blk_take(f);
	blk_requeue(f);
	blk_rings_free(f);
	blk_pages_revoke(f);
	blk_tell(f);
	blk_watch(f);
	event_signal(&f->block.changed);
}

/*
 * Nothing is left on the ring: else the old backend could still write to the
 * disk what is done again elsewhere, and after what came next there. One that
 * does not answer is not waited for.
 */
static void suspend(struct xenbus_device *d)
{
	struct blkfront *f = d->data;
	uint64_t deadline = clock_deadline(BLK_DRAIN_S * FATA_NS_PER_S);
	uint64_t seen = event_count(&f->answered);

	f->paused = true;
	blk_serve(f);
	while (f->running && blk_in_flight(f))
		if (event_wait(&f->answered, &seen, deadline))
			break;
}

static void unsuspend(struct xenbus_device *d)
{
	struct blkfront *f = d->data;

	f->paused = false;
	blk_serve_soon(f);
}

static const struct xenbus_driver blkfront = {
	.class = "vbd",
	.ready = XENBUS_INITIALISED,
	.probe = probe,
	.setup = setup,
	.publish = publish,
	.connect = connect,
	.update = update,
	.disconnect = disconnect,
	.suspend = suspend,
	.unsuspend = unsuspend,
	.remove = removed,
};

static bool has_number(struct xenbus_device *d, void *number)
{
	return d->data && d->id == *(uint32_t *)number;
}

int block_open(const char *name, struct block **b, uint64_t deadline)
{
	struct xenbus_device *d;
	uint32_t number;
	int rc = blk_number(name, &number);

	if (!rc)
		rc = xenbus_register(&blkfront, deadline);
	if (!rc)
		rc = xenbus_find(&blkfront, has_number, &number, &d, deadline);
	if (rc)
		return rc;
	rc = xenbus_wait(d, deadline);
	if (!rc)
		*b = &((struct blkfront *)d->data)->block;
	xenbus_put(d);
	return rc;
}
