/* SPDX-License-Identifier: ISC */
/*
 * Grants on a real Xen, to and from the own domain: the table to its end,
 * copies, mapping, and grants that cannot end while they are mapped.
 * guest: exit 0
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/gnttab.h>
#include <lib/guest.h>
#include <string.h>

#define SELF  0 /* the guest is dom0 */
#define PAGES 256

static unsigned char *pages;
static uint32_t refs[PAGES];
static struct gnttab_page map[PAGES];

static void share_all(void)
{
	for (int i = 0; i < PAGES; i++)
		check_equal(gnttab_share(&refs[i], SELF, pages + i * PAGE_SIZE,
					 i % 2, 0),
			    0);
}

static void fill_map(void)
{
	for (int i = 0; i < PAGES; i++)
		map[i] = (struct gnttab_page){
			.ref = refs[i], .domid = SELF, .readonly = !(i % 2)};
}

static void test_errors(void)
{
	fill_map();
	map[0].readonly = false; /* it is granted read-only */
	check(gnttab_map(map, 1, 0) < 0);
	check(map[0].status < 0);
	map[0].ref = 1 << 20;
	check_equal(gnttab_map(map, 1, 0), -EINVAL);
	map[0].domid = 1234;
	check_equal(gnttab_map(map, 1, 0), -ESRCH);
}

static void test_copy(void)
{
	static struct gnttab_copy_op op[PAGES];
	unsigned char *to = page_alloc(8);

	check(to);
	for (int i = 0; i < PAGES; i++)
		op[i] = (struct gnttab_copy_op){
			.from = {.ref = refs[i], .domid = SELF, .offset = 8},
			.to = {.local = to + i * PAGE_SIZE + 16},
			.len = 4000,
		};
	check_equal(gnttab_copy(op, PAGES, 0), 0);
	for (int i = 0; i < PAGES; i++)
		check(!memcmp(to + i * PAGE_SIZE + 16,
			      pages + i * PAGE_SIZE + 8, 4000));
	op[3].len = 4090;
	check_equal(gnttab_copy(op, PAGES, 0), -EINVAL);
	check_equal(op[3].status, -EINVAL);
	check_equal(op[4].status, 0);
	page_free(to, 8);
}

static void test_whole_table(void)
{
	static unsigned char to[16];
	struct gnttab_copy_op op = {
		.from = {.domid = SELF}, .to = {.local = to}, .len = 16};
	struct gnttab_stat s;
	uint32_t *all, one;

	gnttab_stat(&s);
	all = malloc(s.max * sizeof(*all));
	check(all);
	check_equal(gnttab_alloc(all, s.max - PAGES, 0), 0);
	check_equal(gnttab_alloc(&one, 1, 0), -ENOSPC);
	check_equal(gnttab_alloc(&one, 1, clock_deadline(FATA_NS_PER_MS)),
		    -ETIMEDOUT);
	/* the last one works as the first */
	op.from.ref = all[s.max - PAGES - 1];
	check_equal(gnttab_grant_access(op.from.ref, SELF, pages, false), 0);
	check_equal(gnttab_copy(&op, 1, 0), 0);
	check_equal(gnttab_end_access(op.from.ref), 0);
	for (unsigned i = 0; i < s.max - PAGES; i++)
		gnttab_free(all[i]);
	printf("version %u, %u references\n", s.version, s.max);
	free(all);
}

/*
 * Mapped into the own domain a page moves: Xen lets one page of the guest have
 * one address. So this comes last, and the pages are not used again.
 */
static void test_map(void)
{
	struct gnttab_stat s;

	fill_map();
	check_equal(gnttab_map(map, PAGES, 0), 0);
	for (int i = 0; i < PAGES; i++) {
		unsigned char *p = map[i].address;

		check(p == (unsigned char *)map[0].address + i * PAGE_SIZE);
		check(p[0] == (unsigned char)i && p[4095] == (unsigned char)i);
		if (!map[i].readonly)
			p[7] = i + 1;
	}
	gnttab_stat(&s);
	check_equal(s.mapped, PAGES);
	check_equal(gnttab_end_access(refs[0]), -EBUSY);
	check_equal(gnttab_end_pages(refs, PAGES, NULL, 0), PAGES);
	gnttab_stat(&s);
	check_equal(s.quarantine, PAGES);
	check_equal(gnttab_unmap(map, PAGES), 0);
	fata_sleep(100 * FATA_NS_PER_MS);
	gnttab_stat(&s);
	check_equal(s.quarantine, 0);
	check_equal(s.mapped, 0);
}

int main(void)
{
	pages = page_alloc(8);
	check(pages);
	for (int i = 0; i < PAGES; i++)
		memset(pages + i * PAGE_SIZE, i, PAGE_SIZE);
	share_all();
	test_errors();
	test_copy();
	test_whole_table();
	test_map();
	return 0;
}
