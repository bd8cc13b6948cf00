/* SPDX-License-Identifier: ISC */
/*
 * What the backend says of its disk. Each value is judged before it is
 * believed: without a size or with a sector that no disk has, the disk is
 * broken; a limit that is absurd becomes ours.
 *
 * All that it says about sectors (io/blkif.h) is in units of 512 bytes,
 * whatever its sector size: that is what backends do.
 */
#include <drivers/blkfront.h>
#include <errno.h>
#include <fata/page.h>

static int read_flag(struct blkfront *f, const char *key, bool *flag)
{
	uint64_t v;
	int rc = xenbus_read_u64_or(f->dev, key, UINT32_MAX, 0, &v);

	*flag = !rc && v;
	return rc;
}

int blk_read_size(struct blkfront *f, uint64_t *size)
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
	int rc = blk_read_size(f, &info->size);

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

int blk_read_info(struct blkfront *f, struct block_info *info)
{
	int rc = read_geometry(f, info);

	return rc ? rc : read_features(f, info);
}
