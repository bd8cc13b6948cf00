/* SPDX-License-Identifier: ISC */
/*
 * Disks: found by name or number, connected by xenbus, for ever.
 *
 * A struct blkfront is made once for each device/vbd/N and never freed: a
 * program's pointer stays valid while the backend comes and goes, the guest
 * moves to another host, or the disk is unplugged and plugged in again.
 *
 * All that the backend says about sectors (io/blkif.h) is in units of 512
 * bytes, whatever its sector size: that is what backends do.
 */
#include <core/fmt.h>
#include <core/manifest.h>
#include <core/parse.h>
#include <drivers/blkfront.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/page.h>
#include <fata/xen/gnttab.h>
#include <string.h>
#include <xen/io/protocols.h>

FATA_LOG_SOURCE("block");

static struct blkfront *disks;

/* --- names ---------------------------------------------------------------- */

/* Xen's numbers of disks: docs/man/xen-vbd-interface.7. */
static uint32_t xvd_number(uint32_t disk, uint32_t part)
{
	return disk < 16 && part < 16 ? 202u << 8 | disk << 4 | part
				      : 1u << 28 | disk << 8 | part;
}

/* "b3" of "xvdb3" as a disk and a partition. */
static bool parse_letters(const char *s, uint32_t *disk, uint64_t *part)
{
	*disk = *part = 0;
	if (*s < 'a' || *s > 'z')
		return false;
	for (uint32_t n = 0; *s >= 'a' && *s <= 'z'; s++) {
		n = n * 26 + (uint32_t)(*s - 'a') + 1;
		*disk = n - 1;
		if (n > 1u << 20)
			return false;
	}
	return !*s || (parse_uint(s, part) == 0 && *part && *part < 256);
}

static int parse_name(const char *name, uint32_t *number)
{
	uint32_t disk;
	uint64_t part;

	if (strlen(name) < 4 || !parse_letters(name + (*name == 'x' ? 3 : 2),
					       &disk, &part))
		return -ENOENT;
	if (strncmp(name, "xvd", 3) == 0)
		*number = xvd_number(disk, (uint32_t)part);
	else if (strncmp(name, "sd", 2) == 0 && disk < 16 && part < 16)
		*number = 8u << 8 | disk << 4 | (uint32_t)part;
	else if (strncmp(name, "hd", 2) == 0 && disk < 4 && part < 64)
		*number = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 |
			  (uint32_t)part;
	else
		return -ENOENT;
	return 0;
}

static int number_of(const char *name, uint32_t *number)
{
	int index = manifest_index(FATA_NOTE_BLOCK, name);
	uint64_t n;

	if (index >= 0) {
		*number = xvd_number((uint32_t)index, 0);
		return 0;
	}
	if (parse_uint(name, &n) == 0 && n <= UINT32_MAX) {
		*number = (uint32_t)n;
		return 0;
	}
	return parse_name(name, number);
}

/* --- what the backend says ------------------------------------------------ */

static int read_flag(struct blkfront *f, const char *key, bool *flag)
{
	uint64_t v;
	int rc = xenbus_read_u64_or(f->dev, key, UINT32_MAX, 0, &v);

	*flag = !rc && v;
	return rc;
}

static int read_size(struct blkfront *f, uint64_t *size)
{
	int rc = xenbus_read_u64(f->dev, "sectors", INT64_MAX / BLK_SECTOR,
				 size);

	*size *= BLK_SECTOR;
	return rc;
}

static bool is_sector(uint64_t n)
{
	return n >= BLK_SECTOR && n <= PAGE_SIZE && !(n & (n - 1));
}

static int read_geometry(struct blkfront *f, struct block_info *info)
{
	uint64_t sector, physical, bits;
	int rc = read_size(f, &info->size);

	if (!rc)
		rc = xenbus_read_u64_or(f->dev, "sector-size", UINT32_MAX,
					BLK_SECTOR, &sector);
	if (!rc && !is_sector(sector))
		rc = -EINVAL;
	if (!rc)
		rc = xenbus_read_u64_or(f->dev, "physical-sector-size",
					UINT32_MAX, sector, &physical);
	if (!rc)
		rc = xenbus_read_u64_or(f->dev, "info", UINT32_MAX, 0, &bits);
	if (rc)
		return rc;
	info->size -= info->size % sector;
	info->sector = (uint32_t)sector;
	info->physical = (uint32_t)physical;
	info->cdrom = bits & VDISK_CDROM;
	info->removable = bits & VDISK_REMOVABLE;
	info->readonly = bits & VDISK_READONLY;
	return 0;
}

static int read_discard(struct blkfront *f, struct block_info *info)
{
	uint64_t granularity, alignment;
	int rc = read_flag(f, "feature-discard", &info->discard);

	if (!rc)
		rc = read_flag(f, "discard-secure", &info->discard_secure);
	if (!rc)
		rc = xenbus_read_u64_or(f->dev, "discard-granularity",
					UINT32_MAX, info->sector, &granularity);
	if (!rc)
		rc = xenbus_read_u64_or(f->dev, "discard-alignment", UINT32_MAX,
					0, &alignment);
	if (rc)
		return rc;
	info->discard_secure &= info->discard;
	info->discard_granularity = (uint32_t)granularity;
	info->discard_alignment = (uint32_t)alignment;
	return 0;
}

static int read_features(struct blkfront *f, struct block_info *info)
{
	uint64_t segments;
	bool barrier;
	int rc = read_flag(f, "feature-flush-cache", &info->flush);

	if (!rc)
		rc = read_flag(f, "feature-barrier", &barrier);
	if (!rc)
		rc = read_discard(f, info);
	if (!rc)
		rc = xenbus_read_u64_or(f->dev, "feature-max-indirect-segments",
					UINT32_MAX, 0, &segments);
	if (rc)
		return rc;
	f->barrier = !info->flush && barrier;
	info->flush |= barrier;
	f->flush_refused = false;
	f->segments_max = segments > BLK_INDIRECT_MAX ? BLK_INDIRECT_MAX
			  : segments > BLK_DIRECT     ? (unsigned)segments
						      : BLK_DIRECT;
	return 0;
}

/* --- the ring ------------------------------------------------------------- */

static void ring_free(struct blkfront *f)
{
	gnttab_end_pages(f->ring_ref, 1u << f->order, f->ring.page, f->order);
	heap_free(f->io);
	f->io = NULL;
}

/* The largest ring up to this order that there is memory for. */
static int ring_alloc(struct blkfront *f, unsigned order)
{
	unsigned char *pages = page_alloc(order);
	unsigned n;
	int rc;

	while (!pages && order)
		pages = page_alloc(--order);
	f->order = order;
	if (!pages)
		return -ENOMEM;
	rc = gnttab_alloc(f->ring_ref, 1u << order, xenbus_deadline());
	if (rc) {
		page_free(pages, order);
		return rc;
	}
	for (unsigned i = 0; i < 1u << order; i++)
		gnttab_grant_access(f->ring_ref[i], f->dev->peer,
				    pages + (size_t)i * PAGE_SIZE, true);
	ring_front_init(&f->ring, pages, (size_t)PAGE_SIZE << order,
			sizeof(struct blkif_request), RING_START);
	n = f->ring.size;
	f->io = heap_calloc(n, sizeof(*f->io) + sizeof(uint16_t));
	if (!f->io) {
		ring_free(f);
		return -ENOMEM;
	}
	ring_ids_init(&f->ids, (uint16_t *)(f->io + n), (uint16_t)n);
	return 0;
}

static int open_channel(struct blkfront *f)
{
	int rc = evtchn_bind_unbound(&f->evtchn, f->dev->peer);

	if (!rc)
		evtchn_handle(&f->evtchn, blk_event, f);
	return rc;
}

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
	uint64_t order, trusted;
	int rc = xenbus_read_u64_or(d, "max-ring-page-order", UINT32_MAX, 0,
				    &order);

	if (!rc)
		rc = xenbus_read_own_u64(d, "trusted", 1, &trusted);
	if (rc == -ENOENT)
		rc = 0, trusted = 1;
	if (rc)
		return rc;
	f->trusted = trusted;
	rc = ring_alloc(f, order < BLK_ORDER_MAX ? (unsigned)order
						 : BLK_ORDER_MAX);
	if (rc)
		return rc;
	rc = blk_pages_grant(f);
	if (rc) {
		ring_free(f);
		return rc;
	}
	rc = open_channel(f);
	if (rc) {
		blk_pages_revoke(f);
		ring_free(f);
	}
	return rc;
}

static int publish_ring(struct blkfront *f, struct xs_transaction *t)
{
	char key[16];
	int rc;

	if (!f->order)
		return xenbus_printf(f->dev, t, "ring-ref", "%u",
				     f->ring_ref[0]);
	rc = xenbus_printf(f->dev, t, "ring-page-order", "%u", f->order);
	for (unsigned i = 0; !rc && i < 1u << f->order; i++) {
		fmt(key, sizeof(key), "ring-ref%u", i);
		rc = xenbus_printf(f->dev, t, key, "%u", f->ring_ref[i]);
	}
	return rc;
}

static int publish(struct xenbus_device *d, struct xs_transaction *t)
{
	struct blkfront *f = d->data;
	int rc = publish_ring(f, t);

	if (!rc)
		rc = xenbus_printf(d, t, "event-channel", "%d",
				   evtchn_port(&f->evtchn));
	if (!rc)
		rc = xenbus_printf(d, t, "protocol", "%s",
				   XEN_IO_PROTO_ABI_NATIVE);
	if (!rc)
		rc = xenbus_printf(d, t, "feature-persistent", "1");
	return rc;
}

static int connect(struct xenbus_device *d)
{
	struct blkfront *f = d->data;
	struct block_info info = {.up = true};
	int rc = read_geometry(f, &info);

	if (!rc)
		rc = read_features(f, &info);
	if (rc)
		return rc;
	f->block.info = info;
	f->running = true;
	f->paused = false;
	f->broken_s = 0;
	f->block.stat.connects++;
	log_info("%s: up, %llu KiB, sectors of %u%s, ring of %u, %u segments",
		 d->path, (unsigned long long)info.size / 1024, info.sector,
		 info.readonly ? ", read-only" : "", f->ring.size,
		 f->segments_max);
	evtchn_unmask(&f->evtchn);
	blk_serve_soon(f);
	event_signal(&f->block.changed);
	return 0;
}

/* It may have been resized. */
static int update(struct xenbus_device *d)
{
	struct blkfront *f = d->data;
	uint64_t size;
	int rc = read_size(f, &size);

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
	evtchn_close(&f->evtchn);
	if (why != XENBUS_WHY_BROKEN)
		blk_take(f); /* what is answered need not be done again */
	blk_requeue(f);
	ring_free(f);
	blk_pages_revoke(f);
	blk_tell(f);
	blk_watch(f);
	event_signal(&f->block.changed);
}

static void suspend(struct xenbus_device *d)
{
	((struct blkfront *)d->data)->paused = true;
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
	int rc = number_of(name, &number);

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
