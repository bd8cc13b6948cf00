/* SPDX-License-Identifier: ISC */
/*
 * The guest of block.sh: reads, writes and checks its disk in many ways, with
 * a copy of what the disk should hold in memory, and prints the disk's CRC (as
 * cksum does) so that dom0 can compare.
 *
 * Interface: load      what there is, a mixed load, what there is then
 *            busy      the same, until data/stop appears in xenstore; the disk
 *                      may come and go meanwhile, and grow to its double
 *            readonly  writing is refused
 */
#include <errno.h>
#include <fata/block.h>
#include <fata/clock.h>
#include <fata/manifest.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NAME("block", "checks its disk");
FATA_BLOCK("data");

#define DEPTH 32
#define SOON  clock_deadline(60 * FATA_NS_PER_S)

static struct block *disk;
static struct block_info info;
static unsigned char *model;
static unsigned sector;
static size_t first_size;

static void die(const char *what, int rc)
{
	printf("FAIL: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static uint64_t chance(uint64_t below)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % below;
}

/* POSIX cksum. */
static void print_crc(const char *when)
{
	uint32_t crc = 0;
	size_t n = info.size;

	for (size_t i = 0; i < info.size + 8 && (i < info.size || n); i++) {
		unsigned char c = i < info.size ? model[i] : (unsigned char)n;

		if (i >= info.size)
			n >>= 8;
		crc ^= (uint32_t)c << 24;
		for (int k = 0; k < 8; k++)
			crc = crc & 1u << 31 ? crc << 1 ^ 0x04c11db7 : crc << 1;
	}
	printf("crc %s: %u\n", when, ~crc);
}

static void open_disk(void)
{
	int rc = block_open("data", &disk, SOON);

	if (rc)
		die("block_open", rc);
	block_info(disk, &info);
	sector = info.sector;
}

/* --- the whole disk ------------------------------------------------------ */

/* Read all of it, in pieces of this size. */
static void read_all(unsigned char *to, size_t piece)
{
	for (size_t at = 0; at < info.size; at += piece) {
		size_t n = info.size - at < piece ? info.size - at : piece;
		int rc = block_read(disk, at, to + at, n, SOON);

		if (rc == -ENODEV) {
			open_disk();
			rc = block_read(disk, at, to + at, n, SOON);
		}
		if (rc)
			die("reading all", rc);
	}
}

static void check_all(void)
{
	unsigned char *now = malloc(info.size);

	if (!now)
		die("memory", -ENOMEM);
	read_all(now, 1 << 20);
	for (size_t i = 0; i < info.size; i++)
		if (now[i] != model[i]) {
			printf("FAIL: byte %zu differs\n", i);
			exit(1);
		}
	free(now);
}

/* --- many requests at a time ---------------------------------------------- */

struct job {
	struct block_request r;
	struct iovec v[4];
	unsigned char *memory, *base; /* base: what malloc gave */
	bool busy;
};

static struct job jobs[DEPTH];
static unsigned char *shared;
#define ROOM 65536u

static bool overlaps(uint64_t offset, size_t n)
{
	for (unsigned i = 0; i < DEPTH; i++)
		if (jobs[i].busy && offset < jobs[i].r.offset + ROOM &&
		    jobs[i].r.offset < offset + n)
			return true;
	return false;
}

/* Memory that can be shared, or any; in one piece or four odd ones. */
static void lay_out(struct job *j, size_t n)
{
	unsigned which = (unsigned)(j - jobs);
	size_t at = 0;

	j->base = chance(2) ? NULL : malloc(n + 7);
	j->memory = j->base ? j->base + chance(8) : shared + which * ROOM;
	memset(&j->r, 0, sizeof(j->r));
	j->r.vec = j->v;
	j->r.count = 1;
	j->v[0] = (struct iovec){j->memory, n};
	if (chance(2))
		return;
	for (unsigned i = 0; i < 4; i++) {
		size_t part = i == 3 ? n - at : chance(n - at + 1);

		j->v[i] = (struct iovec){j->memory + at, part};
		at += part;
	}
	j->r.count = 4;
}

static void submit(struct job *j)
{
	int rc = block_submit(disk, &j->r);

	if (rc == -ENODEV) {
		open_disk();
		rc = block_submit(disk, &j->r);
	}
	if (rc)
		die("block_submit", rc);
}

static void start(struct job *j)
{
	size_t n = (1 + chance(chance(2) ? 8 : ROOM / sector)) * sector;
	uint64_t offset = chance(info.size / sector) * sector;

	if (n > ROOM || offset + n > info.size || overlaps(offset, n))
		return;
	lay_out(j, n);
	j->r.op = chance(2) ? BLOCK_READ : BLOCK_WRITE;
	j->r.offset = offset;
	for (size_t i = 0; j->r.op == BLOCK_WRITE && i < n; i++)
		j->memory[i] = (unsigned char)(chance(256));
	submit(j);
	j->busy = true;
}

static void finish(struct job *j)
{
	unsigned char *m = j->memory;
	int rc = block_wait(&j->r, SOON);

	while (rc == -ENODEV) { /* unplugged: do it again */
		submit(j);
		rc = block_wait(&j->r, SOON);
	}
	if (rc)
		die("a request", rc);
	if (j->r.op == BLOCK_WRITE)
		memcpy(model + j->r.offset, m, j->r.size);
	else if (memcmp(model + j->r.offset, m, j->r.size))
		die("wrong data", -EIO);
	free(j->base);
	j->busy = false;
}

static void load(unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		struct job *j = &jobs[chance(DEPTH)];

		if (j->busy)
			finish(j);
		else
			start(j);
	}
	for (unsigned i = 0; i < DEPTH; i++)
		if (jobs[i].busy)
			finish(&jobs[i]);
}

/* --- modes ---------------------------------------------------------------- */

static void sequential(void)
{
	for (size_t at = 0; at < info.size / 2; at += 128 * 1024) {
		int rc;

		for (size_t i = 0; i < 128 * 1024; i += 8)
			memcpy(model + at + i, &(uint64_t){chance(1ull << 62)},
			       8);
		rc = block_write(disk, at, model + at, 128 * 1024, SOON);
		if (rc)
			die("writing in order", rc);
	}
}

static bool stopped(void)
{
	char *value;

	if (xs_read(NULL, "data/stop", &value, NULL, SOON))
		return false;
	free(value);
	return true;
}

/* What the disk has grown by belongs to the load from now on. */
static void look_for_growth(void)
{
	struct block_info now;
	size_t old = info.size;

	block_info(disk, &now);
	if (!now.up || now.size <= old || now.size > 2 * first_size)
		return;
	info = now;
	for (size_t at = old; at < now.size; at += sector) {
		int rc = block_read(disk, at, model + at, sector, SOON);

		if (rc)
			die("reading what is new", rc);
	}
	printf("grown to %llu\n", (unsigned long long)now.size);
	fflush(stdout);
}

static void busy(void)
{
	unsigned rounds = 0;

	printf("busy\n");
	fflush(stdout);
	while (!stopped()) {
		load(200);
		look_for_growth();
		if (rounds++ % 50 == 0) {
			printf("round %u\n", rounds);
			fflush(stdout);
		}
	}
}

/* Where the disk can: what was discarded reads as it does from now on. */
static void discard(void)
{
	size_t at = info.size / 2, n = 64 * 1024;
	int rc = block_discard(disk, at, n, false, SOON);

	if (rc != (info.discard ? 0 : -EOPNOTSUPP))
		die("discarding", rc);
	rc = block_read(disk, at, model + at, n, SOON);
	if (rc)
		die("reading what was discarded", rc);
}

static void readonly(void)
{
	int rc = block_write(disk, 0, model, sector, SOON);

	if (rc != -EROFS || !info.readonly)
		die("writing", rc);
}

static void print_stat(void)
{
	struct block_stat s;

	block_stat(disk, &s);
	printf("stat: reads %llu writes %llu issued %llu joined %llu "
	       "copied %llu again %llu connects %llu\n",
	       (unsigned long long)s.reads, (unsigned long long)s.writes,
	       (unsigned long long)s.issued, (unsigned long long)s.joined,
	       (unsigned long long)s.copied,
	       (unsigned long long)s.again, (unsigned long long)s.connects);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "load";
	int rc;

	open_disk();
	printf("size %llu sector %u%s%s%s\n", (unsigned long long)info.size,
	       sector, info.flush ? " flush" : "",
	       info.discard ? " discard" : "",
	       info.readonly ? " readonly" : "");
	first_size = info.size;
	model = malloc(2 * first_size);
	shared = block_buffer_alloc(disk, DEPTH * ROOM);
	if (!model || !shared)
		die("memory", -ENOMEM);
	read_all(model, 104 * 512); /* 13 of the largest sectors */
	print_crc("before");
	if (!strcmp(mode, "readonly")) {
		readonly();
	} else if (!strcmp(mode, "busy")) {
		busy();
	} else {
		sequential();
		discard();
		load(1500);
	}
	check_all();
	rc = info.readonly ? 0 : block_flush(disk, SOON);
	if (rc)
		die("block_flush", rc);
	print_crc("after");
	print_stat();
	printf("block: ok\n");
	return 0;
}
