/* SPDX-License-Identifier: ISC */
/*
 * Shared folders (9pfs) of a backend that breaks the rules: of the rings, of
 * messages, of what they say. Tests named class_NN are the classes of what a
 * frontend must survive (docs/simulator.md): the call is an error, the device
 * breaks, the guest goes on, and the folder that the toolstack plugs in next
 * works.
 */
#include <stdint.h>
#include <string.h>

#include <xen/io/9pfs.h>

#include "lib/sim_p9.h"

static const struct trick {
	const char *what;
	uint8_t type; /* of the reply that is changed; 0: any */
	void (*fn)(unsigned char *reply, size_t *n);
} * trick;

static bool tricked;

static bool twist(struct sim_p9back *b, unsigned char *reply, size_t *n)
{
	(void)b;
	if (trick->type && trick->type != reply[4])
		return true;
	tricked = true;
	trick->fn(reply, n);
	return true;
}

static void set_u32(unsigned char *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

/* --- class 46: the first seven bytes -------------------------------------- */

static void size_0(unsigned char *r, size_t *n)
{
	(void)n;
	set_u32(r, 0);
}

static void size_6(unsigned char *r, size_t *n)
{
	(void)n;
	set_u32(r, 6);
}

static void size_huge(unsigned char *r, size_t *n)
{
	(void)n;
	set_u32(r, UINT32_MAX);
}

static void size_above_msize(unsigned char *r, size_t *n)
{
	(void)n;
	set_u32(r, 65537);
}

/* More than the request left room for, but a message that there can be. */
static void size_above_room(unsigned char *r, size_t *n)
{
	memset(r + *n, 0, 60000 - *n);
	*n = 60000;
	set_u32(r, 60000);
}

static void tag_of_nobody(unsigned char *r, size_t *n)
{
	(void)n;
	r[5] ^= 2; /* a tag of the same ring */
}

static void tag_beyond(unsigned char *r, size_t *n)
{
	(void)n;
	r[6] = 0x7f;
}

static void tag_none(unsigned char *r, size_t *n)
{
	(void)n;
	r[5] = r[6] = 0xff;
}

static void tag_of_other_ring(unsigned char *r, size_t *n)
{
	(void)n;
	r[5] ^= 1;
}

static void type_of_request(unsigned char *r, size_t *n)
{
	(void)n;
	r[4]--;
}

static void type_of_other(unsigned char *r, size_t *n)
{
	(void)n;
	r[4] = r[4] == 111 ? 117 : 111;
}

/* --- class 46: what follows ----------------------------------------------- */

static void empty(unsigned char *r, size_t *n)
{
	*n = 7;
	set_u32(r, 7);
}

static void one_byte_short(unsigned char *r, size_t *n)
{
	set_u32(r, (uint32_t)--*n);
}

static void error_0(unsigned char *r, size_t *n)
{
	*n = 11;
	set_u32(r, 11);
	r[4] = 7;
	set_u32(r + 7, 0);
}

static void error_huge(unsigned char *r, size_t *n)
{
	error_0(r, n);
	set_u32(r + 7, 5000);
}

static void count_above(unsigned char *r, size_t *n)
{
	set_u32(r + 7, (uint32_t)*n - 11 + 1);
}

static void count_huge(unsigned char *r, size_t *n)
{
	(void)n;
	set_u32(r + 7, UINT32_MAX);
}

static void msize_above(unsigned char *r, size_t *n)
{
	count_huge(r, n);
}

static void msize_0(unsigned char *r, size_t *n)
{
	(void)n;
	set_u32(r + 7, 0);
}

static void two_names(unsigned char *r, size_t *n)
{
	(void)n;
	r[7] = 2;
}

static void text_above(unsigned char *r, size_t *n)
{
	(void)n;
	r[8] = 0xff;
}

static void nul_in_text(unsigned char *r, size_t *n)
{
	r[*n - 1] = 0;
}

static void root_a_file(unsigned char *r, size_t *n)
{
	(void)n;
	r[7] = 0;
}

/* Rgetattr: valid[8] qid[13] mode[4] uid[4] gid[4] nlink[8] rdev[8] size[8] */
static void no_kind(unsigned char *r, size_t *n)
{
	(void)n;
	r[7 + 21 + 1] = 0xf0;
}

static void kind_not_of_qid(unsigned char *r, size_t *n)
{
	(void)n;
	r[7 + 8] ^= 0x80;
}

static void size_negative(unsigned char *r, size_t *n)
{
	(void)n;
	memset(r + 7 + 49, 0xff, 8);
}

/* Rreaddir: count[4], then qid[13] next[8] type[1] length[2] name; "." first */
static void name_with_slash(unsigned char *r, size_t *n)
{
	(void)n;
	r[11 + 24] = '/';
}

static void name_empty(unsigned char *r, size_t *n)
{
	(void)n;
	r[11 + 22] = 0;
}

static void name_beyond(unsigned char *r, size_t *n)
{
	(void)n;
	r[11 + 23] = 0x10;
}

static void cookie_wraps(unsigned char *r, size_t *n)
{
	(void)n;
	memset(r + 11 + 13, 0xff, 8);
}

static const struct trick tricks[] = {
	{"size 0", 0, size_0},
	{"size 6", 0, size_6},
	{"size huge", 0, size_huge},
	{"size above msize", 0, size_above_msize},
	{"size above the room", 25, size_above_room},
	{"tag of nobody", 25, tag_of_nobody},
	{"tag beyond", 0, tag_beyond},
	{"tag none", 25, tag_none},
	{"tag of the other ring", 25, tag_of_other_ring},
	{"the request's type", 0, type_of_request},
	{"another's type", 0, type_of_other},
	{"empty Rversion", 101, empty},
	{"empty Rattach", 105, empty},
	{"empty Rwalk", 111, empty},
	{"empty Rlopen", 13, empty},
	{"empty Rread", 117, empty},
	{"empty Rwrite", 119, empty},
	{"short Rgetattr", 25, one_byte_short},
	{"short Rwalk", 111, one_byte_short},
	{"short Rlcreate", 15, one_byte_short},
	{"short Rread", 117, one_byte_short},
	{"short Rreaddir", 41, one_byte_short},
	{"short Rreadlink", 23, one_byte_short},
	{"short Rstatfs", 9, one_byte_short},
	{"error 0", 25, error_0},
	{"error 5000", 25, error_huge},
	{"Rread counts more", 117, count_above},
	{"Rread counts much more", 117, count_huge},
	{"Rwrite counts more", 119, count_huge},
	{"Rreaddir counts more", 41, count_above},
	{"msize too large", 101, msize_above},
	{"msize 0", 101, msize_0},
	{"a walk of two", 111, two_names},
	{"a link's text beyond", 23, text_above},
	{"a link's text ends early", 23, nul_in_text},
	{"the root is a file", 105, root_a_file},
	{"a file of no kind", 25, no_kind},
	{"a file and a directory", 25, kind_not_of_qid},
	{"a negative size", 25, size_negative},
	{"a name with a slash", 41, name_with_slash},
	{"no name", 41, name_empty},
	{"a name beyond", 41, name_beyond},
	{"a cookie that wraps", 41, cookie_wraps},
};

/* Calls of all kinds; how many were errors. */
static unsigned use(void)
{
	static char m[70000];
	struct statfs f;
	struct stat s;
	unsigned errors = 0;
	long fd = sys_open("/mnt/a", O_RDWR, 0);

	errors += fd < 0;
	if (fd >= 0) {
		errors += sys_pread64((int)fd, m, sizeof(m), 0) < 0;
		errors += sys_pwrite64((int)fd, m, 70000, 0) < 0;
		sys_close((int)fd);
	}
	errors += sys_stat("/mnt/l", &s) < 0;
	errors += sys_statfs("/mnt", &f) < 0;
	fd = sys_open("/mnt", O_RDONLY | O_DIRECTORY, 0);
	errors += fd < 0;
	if (fd >= 0) {
		errors += sys_getdents64((int)fd, m, 4096) < 0;
		sys_close((int)fd);
	}
	fd = sys_open("/mnt/new", O_CREAT | O_RDWR, 0600);
	errors += fd < 0;
	if (fd >= 0)
		sys_close((int)fd);
	return errors;
}

static void plug_with_files(void)
{
	static char m[70000];

	plug();
	p9_server_put(&back.server, "a", m, sizeof(m));
}

/* Mounted, used, broken; then plugged in anew. */
static void suffer(void)
{
	struct fs_source from = {.name = "share"};
	uint64_t begin = clock_mono_ns();
	struct node *root;
	bool there;

	plug_with_files();
	tricked = false;
	if (trick->type == 101 || trick->type == 105)
		back.twist = twist;
	there = fs_p9.mount(&from, false, &root) == 0;
	if (there) {
		CHECK(mounts_add("/mnt", root) == 0);
		CHECK(sys_symlink("a", "/mnt/l") == 0);
		back.twist = twist;
		CHECK(use() > 0);
	}
	CHECK(tricked);
	sim_sleep(FATA_NS_PER_S);
	/* for good: until the toolstack plugs it in anew */
	CHECK(strcmp(sim_xs_read(SIM_P9_FRONT "/state"), "6") == 0);
	CHECK(clock_mono_ns() - begin < 60 * FATA_NS_PER_S);
	if (there)
		CHECK(use() == 5); /* all: the root needs not be opened */
	sim_p9back_unplug(&back);
	sim_sleep(3 * FATA_NS_PER_S);
	back.twist = NULL;
	sim_p9back_plug(&back);
	sim_sleep(3 * FATA_NS_PER_S);
	if (!there)
		mount_share("/mnt");
	p9_server_put(&back.server, "b", "fine", 4);
	has("/mnt/b", "fine");
	unmount_share("/mnt");
	unplug();
}

static void class_46_replies(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(tricks) / sizeof(*tricks); i++) {
		trick = &tricks[i];
		printf("# %s\n", trick->what);
		suffer();
	}
}

/* --- class 46: the indices ------------------------------------------------ */

static uint32_t *index_of(unsigned which)
{
	struct xen_9pfs_data_intf *page = back.ring[0].page;

	return which & 1 ? &page->out_cons : &page->in_prod;
}

static void class_46_indices(void **state)
{
	static const int32_t jumps[] = {262145, -280000, INT32_MAX,
					INT32_MIN};
	struct stat s;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t begin;

		plug_with_files();
		mount_share("/mnt");
		CHECK(sys_stat("/mnt/a", &s) == 0);
		*index_of(i) += (uint32_t)jumps[i / 2];
		sim_p9back_notify(&back);
		begin = clock_mono_ns();
		CHECK(sys_stat("/mnt/a", &s) == -EIO);
		CHECK(clock_mono_ns() - begin < FATA_NS_PER_S);
		sim_sleep(FATA_NS_PER_S);
		CHECK(strcmp(sim_xs_read(SIM_P9_FRONT "/state"), "6") == 0);
		CHECK(mounts_remove("/mnt") == 0);
		unplug();
	}
}

/* --- class 37: two reasons to tear down at once --------------------------- */

static unsigned moment;

static void two_reasons(void)
{
	struct stat s;

	plug_with_files();
	mount_share("/mnt");
	CHECK(sys_stat("/mnt/a", &s) == 0);
	back.holds = true;
	*index_of(0) += 0x7fffffff; /* it breaks */
	sim_p9back_notify(&back);
	if (moment & 1)
		sim_sleep(sim_below(20) * MS);
	if (moment & 2)
		sim_p9back_restart(&back);
	else
		sim_xs_rm(SIM_P9_FRONT);
	if (moment & 4)
		sim_xs_rm(SIM_P9_BACK);
	sys_stat("/mnt/a", &s);
	sim_sleep(2 * FATA_NS_PER_S);
	CHECK(mounts_remove("/mnt") == 0);
	unplug();
}

static void class_37_two_reasons(void **state)
{
	(void)state;
	two_reasons(); /* what is made once is there */
	for (moment = 0; moment < 8; moment++)
		sim_runs(5, two_reasons);
}

/* --- what it offers ------------------------------------------------------- */

static void test_offers(void **state)
{
	static const struct {
		const char *key, *value;
	} wrong[] = {{"versions", "2"},
		     {"versions", "11"},
		     {"versions", ""},
		     {"max-rings", "0"},
		     {"max-rings", "many"},
		     {"max-ring-page-order", "0"},
		     {"max-ring-page-order", "-1"}};
	struct fs_source from = {.name = "share"};
	struct node *root;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		memset(&back, 0, sizeof(back));
		p9_server_start(&back.server, 1 << 20);
		back.max_rings = 1;
		back.max_order = 9;
		sim_p9back_plug(&back);
		sim_p9back_key(wrong[i].key, wrong[i].value);
		CHECK(fs_p9.mount(&from, false, &root) == -EIO);
		unplug();
	}
	plug();
	back.server.msize = 1 << 20;
	sim_p9back_key("versions", "2,1");
	mount_share("/mnt");
	unmount_share("/mnt");
	unplug();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_46_replies),
		cmocka_unit_test(class_46_indices),
		cmocka_unit_test(class_37_two_reasons),
		cmocka_unit_test(test_offers),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
