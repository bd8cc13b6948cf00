/* SPDX-License-Identifier: ISC */
/*
 * The guest of hotplug.sh: a card and a disk come and go; after each time it
 * counts what it holds: no grant, and of ports, watches and heap what it was
 * after the first time.
 *
 *     1 up          both are connected, and have been used
 *     1 down: ...   both are gone
 */
#include <fata/block.h>
#include <fata/fata.h>
#include <fata/net.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/gnttab.h>
#include <fata/xen/xs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FATA_NET("card");
FATA_BLOCK("disk");

#define PATIENCE (120 * FATA_NS_PER_S)

struct held {
	unsigned ports, grants, quarantine, watches;
	size_t heap;
};

static int die(const char *what, long value)
{
	printf("WRONG: %s: %ld\n", what, value);
	exit(1);
}

static struct held held(void)
{
	struct evtchn_stat e;
	struct gnttab_stat g;
	struct heap_stat h;
	struct xs_stat x;

	evtchn_stat(&e);
	gnttab_stat(&g);
	heap_quick_stat(&h);
	xs_stat(&x);
	return (struct held){e.bound, g.total - g.free, g.quarantine, x.watches,
			     h.live};
}

static bool card_is_up(struct net *card)
{
	struct net_info i;

	net_info(card, &i);
	return i.up;
}

static bool disk_is_up(struct block *disk)
{
	struct block_info i;

	block_info(disk, &i);
	return i.up;
}

/* Until both are there, or both are gone. */
static void wait_for(struct net *card, struct block *disk, bool up)
{
	uint64_t end = clock_deadline(PATIENCE);

	while (card_is_up(card) != up || disk_is_up(disk) != up) {
		if (clock_mono_ns() > end)
			die(up ? "not there" : "not gone", disk_is_up(disk));
		fata_sleep(20 * FATA_NS_PER_MS);
	}
}

static void use(struct net *card, struct block *disk)
{
	struct net_frame *f = net_frame_alloc(card, 60, 0);
	unsigned char *sector = block_buffer_alloc(disk, 4096);
	int rc;

	if (!f || !sector)
		die("memory", 0);
	memset(f->piece[0].data, 0xff, f->size);
	rc = net_send(card, &f, 1, clock_deadline(PATIENCE));
	if (rc != 1)
		die("net_send", rc);
	rc = block_read(disk, 0, sector, 4096, clock_deadline(PATIENCE));
	if (rc)
		die("block_read", rc);
	block_buffer_free(disk, sector, 4096);
}

/* What is held when both are gone for good, which takes a moment. */
static struct held settled(const struct held *first)
{
	uint64_t end = clock_deadline(30 * FATA_NS_PER_S);
	struct held h;

	do {
		fata_sleep(100 * FATA_NS_PER_MS);
		h = held();
	} while (clock_mono_ns() < end &&
		 (h.grants || (first->ports && memcmp(&h, first, sizeof(h)))));
	return h;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1, err;
	struct held first = {0}, now;
	struct block *disk;
	struct net *card;

	puts("ready");
	err = net_open("card", &card, clock_deadline(PATIENCE));
	err = err ? err : block_open("disk", &disk, clock_deadline(PATIENCE));
	if (err)
		die("open", err);
	for (int i = 1; i <= rounds; i++) {
		wait_for(card, disk, true);
		use(card, disk);
		printf("%d up\n", i);
		wait_for(card, disk, false);
		now = settled(&first);
		printf("%d down: %u ports, %u grants, %u watches, %zu bytes\n",
		       i, now.ports, now.grants, now.watches, now.heap);
		if (now.grants || (i > 1 && memcmp(&now, &first, sizeof(now))))
			die("something is left", i);
		first = now;
	}
	printf("hotplug: ok\n");
	return 0;
}
