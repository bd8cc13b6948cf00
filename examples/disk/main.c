/* SPDX-License-Identifier: ISC */
/*
 * A disk's first sectors, before and after a counter in its first was raised:
 * how often this has run on it.
 *
 *     build/fata run --block data=disk.img build/examples/disk.xen
 */
#include <fata/block.h>
#include <fata/clock.h>
#include <fata/manifest.h>
#include <stdio.h>
#include <string.h>

FATA_NAME("disk", "counts its runs in the first sector of a disk");
FATA_BLOCK("data");

int main(void)
{
	uint64_t deadline = clock_deadline(30 * FATA_NS_PER_S);
	static unsigned char sector[4096];
	struct block_info info;
	struct block *b;
	unsigned runs = 0;
	int rc = block_open("data", &b, deadline);

	if (rc) {
		fprintf(stderr, "data: %s\n", strerror(-rc));
		return 1;
	}
	block_info(b, &info);
	printf("data: %llu bytes, sectors of %u%s%s\n",
	       (unsigned long long)info.size, info.sector,
	       info.readonly ? ", read-only" : "",
	       info.flush ? ", with a cache" : "");
	rc = block_read(b, 0, sector, info.sector, deadline);
	if (!rc) {
		sscanf((char *)sector, "runs: %u", &runs);
		snprintf((char *)sector, info.sector, "runs: %u\n", runs + 1);
		rc = block_write(b, 0, sector, info.sector, deadline);
	}
	if (!rc)
		rc = block_flush(b, deadline);
	if (rc) {
		fprintf(stderr, "data: %s\n", strerror(-rc));
		return 1;
	}
	printf("runs: %u\n", runs + 1);
	return 0;
}
