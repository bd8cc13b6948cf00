/* SPDX-License-Identifier: ISC */
/*
 * Xenstore's client against a xenstored that is this file: it keeps a flat
 * store, and tests tell it how to misbehave. Ring indices start just below
 * 2^32. What a real xenstored's tree does is in xs_tree.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/task.h>
#include <fata/xen/xs.h>
#include <xen/io/xs_wire.h>

#include "lib/sim.h"
#include "xen/xenstore.h"

#define PAIRS    16
#define SOON     (clock_mono_ns() + 100 * FATA_NS_PER_MS)
#define DIR_SIZE 9000

struct message {
	struct xsd_sockmsg h;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
};

static struct {
	struct xenstore_domain_interface *page;
	uint32_t port, guest_port;
	struct message in;
	size_t have;
	char out[1 << 17];
	size_t out_first, out_last;
	struct {
		char path[64], value[4097];
		size_t size;
	} store[PAIRS];
	struct {
		char path[64], token[16];
	} watch[PAIRS];
	unsigned int n_watches, transactions, ends;
	unsigned int requests, unanswered, most;
	/* misbehaviour */
	bool silent;                     /* take requests, answer nothing */
	bool (*hook)(struct message *m); /* true: it has answered */
	unsigned int eagain;             /* so many commits fail */
	struct message held[PAIRS];
	unsigned int n_held;
	char directory[DIR_SIZE];
	size_t directory_size;
	unsigned int generation, moving; /* parts that change the node */
} d;

/* --- the daemon --------------------------------------------------- */

static void flush_out(void)
{
	struct xenstore_domain_interface *p = d.page;
	bool any = false;

	while (d.out_first < d.out_last && p->rsp_prod - p->rsp_cons < 1024) {
		p->rsp[p->rsp_prod++ & 1023] = d.out[d.out_first++];
		any = true;
	}
	if (d.out_first == d.out_last)
		d.out_first = d.out_last = 0;
	if (any)
		sim_evtchn_send(SIM_DOM0, d.port);
}

static void answer(uint32_t type, uint32_t id, const void *data, size_t n)
{
	struct xsd_sockmsg h = {type, id, 0, n};

	memcpy(d.out + d.out_last, &h, sizeof(h));
	memcpy(d.out + d.out_last + sizeof(h), data, n);
	d.out_last += sizeof(h) + n;
	if (type != XS_WATCH_EVENT)
		d.unanswered--;
	flush_out();
}

static void answer_text(const struct message *m, const char *text)
{
	answer(m->h.type, m->h.req_id, text, strlen(text) + 1);
}

static void answer_error(const struct message *m, const char *word)
{
	answer(XS_ERROR, m->h.req_id, word, strlen(word) + 1);
}

static void fire(const char *path)
{
	char event[96];
	unsigned int i;

	for (i = 0; i < d.n_watches; i++) {
		size_t n = strlen(d.watch[i].path), size;

		if (strncmp(path, d.watch[i].path, n))
			continue;
		size = sprintf(event, "%s", path) + 1;
		size += sprintf(event + size, "%s", d.watch[i].token) + 1;
		answer(XS_WATCH_EVENT, 0, event, size);
	}
}

static int slot(const char *path)
{
	int i;

	for (i = 0; i < PAIRS; i++)
		if (strcmp(d.store[i].path, path) == 0)
			return i;
	return -1;
}

static void put(const char *path, const char *value, size_t n)
{
	int i = slot(path) >= 0 ? slot(path) : slot("");

	CHECK(i >= 0);
	strcpy(d.store[i].path, path);
	memcpy(d.store[i].value, value, n);
	d.store[i].size = n;
	fire(path);
}

static void watch_or_not(const struct message *m)
{
	const char *token = m->payload + strlen(m->payload) + 1;
	unsigned int i;

	if (m->h.type == XS_WATCH) {
		CHECK(d.n_watches < PAIRS);
		strcpy(d.watch[d.n_watches].path, m->payload);
		strcpy(d.watch[d.n_watches++].token, token);
		answer_text(m, "OK");
		fire(m->payload);
		return;
	}
	for (i = 0; i < d.n_watches; i++) {
		if (strcmp(d.watch[i].token, token))
			continue;
		d.watch[i] = d.watch[--d.n_watches];
		answer_text(m, "OK");
		return;
	}
	answer_error(m, "ENOENT");
}

static void directory_part(const struct message *m)
{
	char part[4096];
	size_t at = atoi(m->payload + strlen(m->payload) + 1), n, head;

	if (d.moving) {
		d.moving--;
		d.generation++;
	}
	head = sprintf(part, "%u", d.generation) + 1;
	n = d.directory_size - at < 3000 ? d.directory_size - at : 3000;
	while (at + n < d.directory_size && d.directory[at + n - 1])
		n--;
	memcpy(part + head, d.directory + at, n);
	if (at + n == d.directory_size)
		part[head + n++] = 0;
	answer(m->h.type, m->h.req_id, part, head + n);
}

static void handle(struct message *m)
{
	int i = slot(m->payload);

	switch (m->h.type) {
	case XS_READ:
		if (i < 0)
			return answer_error(m, "ENOENT");
		return answer(m->h.type, m->h.req_id, d.store[i].value,
			      d.store[i].size);
	case XS_WRITE:
		put(m->payload, m->payload + strlen(m->payload) + 1,
		    m->h.len - strlen(m->payload) - 1);
		break;
	case XS_RM:
		if (i >= 0)
			d.store[i].path[0] = 0;
		fire(m->payload);
		break;
	case XS_WATCH:
	case XS_UNWATCH:
		return watch_or_not(m);
	case XS_TRANSACTION_START:
		d.transactions++;
		return answer_text(m, "77");
	case XS_TRANSACTION_END:
		CHECK(m->h.tx_id == 77);
		d.transactions--;
		d.ends++;
		if (m->payload[0] == 'T' && d.eagain) {
			d.eagain--;
			return answer_error(m, "EAGAIN");
		}
		break;
	case XS_RESET_WATCHES:
		CHECK(d.requests == 1); /* later it would end our watches */
		d.n_watches = 0;
		break;
	case XS_DIRECTORY:
		if (d.directory_size > XENSTORE_PAYLOAD_MAX)
			return answer_error(m, "E2BIG");
		return answer(m->h.type, m->h.req_id, d.directory,
			      d.directory_size);
	case XS_DIRECTORY_PART:
		return directory_part(m);
	case XS_GET_PERMS:
		return answer(m->h.type, m->h.req_id, "n5\0r0\0b7", 9);
	case XS_SET_PERMS:
		put("perms", m->payload, m->h.len);
		break;
	case XS_GET_DOMAIN_PATH:
		return answer_text(m, "/local/domain/9");
	case XS_IS_DOMAIN_INTRODUCED:
		return answer_text(m, "T");
	default:
		break;
	}
	answer_text(m, "OK");
}

static void serve(void *arg)
{
	struct xenstore_domain_interface *p = d.page;
	char *in = (char *)&d.in;

	(void)arg;
	if (p->connection == XENSTORE_RECONNECT) {
		if (d.silent)
			return;
		memset(p, 0, 2048 + 16);
		d.n_watches = d.transactions = d.unanswered = 0;
		d.have = d.out_first = d.out_last = 0;
		p->error = 0;
		p->connection = XENSTORE_CONNECTED;
		sim_evtchn_send(SIM_DOM0, d.port);
		return;
	}
	while (p->req_cons != p->req_prod) {
		CHECK(d.have < sizeof(d.in));
		in[d.have++] = p->req[p->req_cons++ & 1023];
		if (d.have < sizeof(d.in.h) ||
		    d.have < sizeof(d.in.h) + d.in.h.len)
			continue;
		d.in.payload[d.in.h.len] = 0;
		d.have = 0;
		d.requests++;
		if (++d.unanswered > d.most)
			d.most = d.unanswered;
		if (d.silent || (d.hook && d.hook(&d.in)))
			continue;
		handle(&d.in);
	}
	sim_evtchn_send(SIM_DOM0, d.port);
	flush_out();
}

static void ignore(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

/* A watch that is set at once survives the forgetting of an earlier life. */
static void first_start(void)
{
	struct xs_watch *w;

	strcpy(d.watch[d.n_watches++].path, "left behind");
	CHECK(xs_init(d.page, d.guest_port) == 0);
	CHECK(xs_watch(&w, "a", ignore, NULL, FATA_FOREVER) == 0);
	sim_sleep(10 * FATA_NS_PER_MS);
	CHECK(d.n_watches == 1 && !strcmp(d.watch[0].path, "a"));
	xs_unwatch(w);
	sim_sleep(10 * FATA_NS_PER_MS);
}

static int set_up(void **state)
{
	static bool booted;
	uint32_t start = 0xfffffff0 - sim_below(2000);

	(void)state;
	if (!booted) {
		sim_start(1);
		sim_boot(5);
	} else {
		sim_evtchn_close(SIM_DOM0, d.port);
		page_free(d.page, 0);
	}
	memset(&d, 0, sizeof(d));
	d.page = page_alloc(0);
	d.page->req_cons = d.page->req_prod = start;
	d.page->rsp_cons = d.page->rsp_prod = start + 100;
	d.guest_port = sim_evtchn_unbound(sim_guest, 0);
	d.port = sim_evtchn_bind(SIM_DOM0, sim_guest->id, d.guest_port);
	sim_evtchn_on(SIM_DOM0, d.port, serve, NULL);
	if (booted)
		CHECK(xs_resume_at(d.page, d.guest_port) == 0);
	else
		first_start();
	booted = true;
	sim_sleep(10 * FATA_NS_PER_MS);
	return 0;
}

/* --- asking ------------------------------------------------------- */

static void class_50_no_xenstore(void **state)
{
	struct xs_watch *w;
	char *value;

	(void)state;
	CHECK(xs_read(NULL, "a", &value, NULL, FATA_FOREVER) == -ENODEV);
	CHECK(xs_write(NULL, "a", "b", 1, FATA_FOREVER) == -ENODEV);
	CHECK(xs_watch(&w, "a", NULL, NULL, FATA_FOREVER) == -ENODEV);
}

static void test_values(void **state)
{
	char *value;
	size_t size;
	uint64_t n;

	(void)state;
	CHECK(xs_read(NULL, "absent", &value, NULL, SOON) == -ENOENT);
	CHECK(xs_write(NULL, "data/x", "a\0b", 3, SOON) == 0);
	CHECK(xs_read(NULL, "data/x", &value, &size, SOON) == 0);
	CHECK(size == 3 && memcmp(value, "a\0b", 4) == 0);
	heap_free(value);
	CHECK(xs_read_u64(NULL, "data/x", 9, &n, SOON) == -EINVAL);
	CHECK(xs_printf(NULL, "data/n", SOON, "%d", 123) == 0);
	CHECK(xs_read_u64(NULL, "data/n", 200, &n, SOON) == 0 && n == 123);
	CHECK(xs_read_u64(NULL, "data/n", 122, &n, SOON) == -ERANGE);
	CHECK(xs_printf(NULL, "data/n", SOON, "%01000d", 1) == 0);
	CHECK(xs_read(NULL, "data/n", &value, &size, SOON) == 0);
	CHECK(size == 1000 && value[999] == '1');
	heap_free(value);
	CHECK(xs_rm(NULL, "data/n", SOON) == 0);
	CHECK(xs_read(NULL, "data/n", &value, NULL, SOON) == -ENOENT);
}

static void test_permissions_and_domains(void **state)
{
	struct xs_permission *list, set[2] = {{5, XS_PERM_NONE}, {65535, 3}};
	unsigned int n;
	char *path;
	bool yes;

	(void)state;
	CHECK(xs_get_permissions(NULL, "a", &list, &n, SOON) == 0);
	CHECK(n == 3 && list[0].domid == 5 && list[0].access == XS_PERM_NONE);
	CHECK(list[2].domid == 7 &&
	      list[2].access == (XS_PERM_READ | XS_PERM_WRITE));
	heap_free(list);
	CHECK(xs_set_permissions(NULL, "a", set, 2, SOON) == 0);
	CHECK(memcmp(d.store[slot("perms")].value, "a\0n5\0b65535", 12) == 0);
	CHECK(xs_set_permissions(NULL, "a", set, 0, SOON) == -EINVAL);
	CHECK(xs_get_domain_path(9, &path, SOON) == 0);
	CHECK(strcmp(path, "/local/domain/9") == 0);
	heap_free(path);
	CHECK(xs_is_domain_introduced(9, &yes, SOON) == 0 && yes);
}

static void test_too_long_is_not_sent(void **state)
{
	static char big[XENSTORE_PAYLOAD_MAX + 1];
	unsigned int before = d.requests;
	char *value;

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	CHECK(xs_read(NULL, big, &value, NULL, SOON) == -E2BIG);
	CHECK(xs_write(NULL, "x", big, 4095, SOON) == -E2BIG);
	CHECK(xs_printf(NULL, "x", SOON, "%s", big) == -E2BIG);
	CHECK(xs_read(NULL, "a b", &value, NULL, SOON) == -EINVAL);
	CHECK(d.requests == before);
	CHECK(xs_write(NULL, "x", big, 4094, SOON) == 0);
	CHECK(d.requests == before + 1);
}

/* --- many at once ------------------------------------------------- */

static unsigned int done_tasks;

static int reader(void *arg)
{
	char path[16], *value;

	sprintf(path, "n%u", (unsigned int)(uintptr_t)arg);
	CHECK(xs_read(NULL, path, &value, NULL, FATA_FOREVER) == 0);
	CHECK(strcmp(value, path) == 0);
	heap_free(value);
	done_tasks++;
	return 0;
}

/* Hold answers back; when 16 are there give them in the wrong order. */
static bool reversing(struct message *m)
{
	d.held[d.n_held++] = *m;
	if (d.n_held < 16)
		return true;
	while (d.n_held) {
		struct message *one = &d.held[--d.n_held];

		answer(one->h.type, one->h.req_id, one->payload,
		       strlen(one->payload));
	}
	return true;
}

static void test_answers_in_any_order(void **state)
{
	uintptr_t i;

	(void)state;
	d.hook = reversing;
	done_tasks = 0;
	for (i = 0; i < 64; i++)
		CHECK(fata_task_spawn(NULL, NULL, reader, (void *)i) == 0);
	sim_sleep(FATA_NS_PER_S);
	CHECK(done_tasks == 64);
	CHECK(d.most == 16); /* xenstored's quota is 20 */
}

static void class_27_silence_ends_at_the_deadline(void **state)
{
	struct xs_stat s;
	char *value;
	int i;

	(void)state;
	d.silent = true;
	for (i = 0; i < 20; i++)
		CHECK(xs_read(NULL, "a", &value, NULL, SOON) == -ETIMEDOUT);
	CHECK(d.requests == 16); /* four never left */
	d.silent = false;
	for (i = 1; i <= 16; i++)
		answer(XS_READ, d.in.h.req_id - 16 + i, "late", 4);
	sim_sleep(10 * FATA_NS_PER_MS);
	xs_stat(&s);
	CHECK(s.underway == 0 && s.unknown == 0);
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == 0);
}

static struct task *victim;
static int victim_result;

static int cancelled(void *arg)
{
	char *value;

	(void)arg;
	victim_result = xs_read(NULL, "a", &value, NULL, FATA_FOREVER);
	return 0;
}

static void test_cancel(void **state)
{
	(void)state;
	d.silent = true;
	CHECK(fata_task_spawn(&victim, NULL, cancelled, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	fata_task_cancel(victim);
	CHECK(fata_task_join(victim, NULL, SOON) == 0);
	CHECK(victim_result == -ECANCELED);
	answer(XS_READ, d.in.h.req_id, "late", 4);
	sim_sleep(FATA_NS_PER_MS);
}

/* --- nonsense ----------------------------------------------------- */

static bool nonsense(struct message *m)
{
	answer(XS_READ, m->h.req_id + 1000, "stranger", 8);
	answer(XS_WATCH_EVENT, 0, "no token", 8);
	answer(XS_WATCH_EVENT, 0, "a\0004294967295", 13);
	answer(XS_WATCH_EVENT, 0, "a\0junk", 7);
	d.unanswered += 1;
	answer(XS_WRITE, m->h.req_id, "OK", 3); /* it was a read */
	answer(XS_READ, m->h.req_id, "again", 5);
	d.hook = NULL;
	return true;
}

static void class_35_nonsense_harms_nobody(void **state)
{
	struct xs_stat before, after;
	char *value;

	(void)state;
	xs_stat(&before);
	d.hook = nonsense;
	CHECK(xs_read(NULL, "a", &value, NULL, SOON) == -EPROTO);
	sim_sleep(FATA_NS_PER_MS);
	xs_stat(&after);
	CHECK(after.unknown == before.unknown + 3);
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == 0);
}

static const char *word;

static bool error_word(struct message *m)
{
	answer_error(m, word);
	return true;
}

static void class_36_error_words(void **state)
{
	char *value;

	(void)state;
	d.hook = error_word;
	word = "EACCES";
	CHECK(xs_read(NULL, "a", &value, NULL, SOON) == -EACCES);
	word = "ENOSPC";
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == -ENOSPC);
	word = "EQUOTA";
	CHECK(xs_write(NULL, "a", "b", 1, SOON) == -EDQUOT);
	word = "gibberish";
	CHECK(xs_rm(NULL, "a", SOON) == -EPROTO);
	word = "EEXIST";
	CHECK(xs_mkdir(NULL, "a", SOON) == 0);
	CHECK(xs_rm(NULL, "a", SOON) == -EEXIST);
}

/* --- directories -------------------------------------------------- */

static void fill_directory(unsigned int n)
{
	unsigned int i;

	d.directory_size = 0;
	for (i = 0; i < n; i++)
		d.directory_size +=
			sprintf(d.directory + d.directory_size, "name%u", i) +
			1;
}

static void test_directory(void **state)
{
	char **names;
	unsigned int n;

	(void)state;
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 0);
	heap_free(names);
	fill_directory(3);
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 3);
	CHECK(strcmp(names[2], "name2") == 0);
	heap_free(names);
	fill_directory(1000);
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 1000);
	CHECK(strcmp(names[999], "name999") == 0);
	heap_free(names);
	d.moving = 7; /* changes under us, then rests */
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == 0 && n == 1000);
	heap_free(names);
	d.moving = UINT32_MAX;
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EAGAIN);
}

static bool bad_part(struct message *m)
{
	if (m->h.type == XS_DIRECTORY)
		answer_error(m, "E2BIG");
	else
		answer(m->h.type, m->h.req_id, word, strlen(word) + 1);
	return true;
}

static void class_35_directory_nonsense(void **state)
{
	char **names;
	unsigned int n;

	(void)state;
	d.hook = bad_part;
	word = "";
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EPROTO);
	word = "17";
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EPROTO);
	word = "x";
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -EPROTO);
	d.hook = error_word;
	word = "E2BIG"; /* also for parts: no such thing there */
	CHECK(xs_directory(NULL, "a", &names, &n, SOON) == -E2BIG);
}

/* --- transactions ------------------------------------------------- */

static unsigned int attempts;

static int body(struct xs_transaction *t, void *arg)
{
	int err = xs_write(t, "t", "1", 1, FATA_FOREVER);

	attempts++;
	CHECK(err == 0 || sim.failed);
	return err ? err : *(int *)arg;
}

static void test_transactions(void **state)
{
	int result = 0;

	(void)state;
	attempts = 0;
	d.eagain = 5;
	CHECK(xs_transaction(body, &result, FATA_FOREVER) == 0);
	CHECK(attempts == 6 && d.transactions == 0);
	result = -EPERM;
	CHECK(xs_transaction(body, &result, FATA_FOREVER) == -EPERM);
	CHECK(attempts == 7 && d.transactions == 0);
}

static void class_36_eagain_storm_ends(void **state)
{
	int result = 0;

	(void)state;
	attempts = 0;
	d.eagain = UINT32_MAX;
	CHECK(xs_transaction(body, &result, FATA_FOREVER) == -EAGAIN);
	CHECK(attempts == 50 && d.transactions == 0);
	CHECK(xs_transaction(body, &result, SOON) == -ETIMEDOUT);
	CHECK(d.transactions == 0);
}

/* The answer to a start comes when nobody waits: it is ended all the same. */
static void test_orphaned_transaction(void **state)
{
	struct xs_transaction t;

	(void)state;
	d.silent = true;
	CHECK(xs_transaction_start(&t, SOON) == -ETIMEDOUT);
	d.silent = false;
	d.transactions = 1;
	answer(XS_TRANSACTION_START, d.in.h.req_id, "77", 3);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(d.transactions == 0 && d.ends == 1);
}

/* --- watches ------------------------------------------------------ */

static void test_watch(void **state)
{
	struct xs_watch *w;
	char *path;

	(void)state;
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	CHECK(strcmp(path, "a") == 0);
	heap_free(path);
	CHECK(xs_watch_next(w, &path, SOON) == -ETIMEDOUT);
	put("a/b", "1", 1);
	put("c", "1", 1);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	CHECK(strcmp(path, "a/b") == 0);
	heap_free(path);
	CHECK(xs_watch_next(w, &path, SOON) == -ETIMEDOUT);
	xs_unwatch(w);
	put("a", "2", 1);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
}

static void class_34_watch_storm(void **state)
{
	struct xs_watch *w;
	struct xs_stat s;
	char path[32], *got;
	unsigned int i, n = 0;
	int err;

	(void)state;
	CHECK(xs_watch(&w, "s", NULL, NULL, SOON) == 0);
	for (i = 0; i < 1000; i++) {
		sprintf(path, "s/%u", i);
		fire(path);
	}
	sim_sleep(FATA_NS_PER_S);
	err = xs_watch_next(w, &got, SOON);
	CHECK(err == -EOVERFLOW);
	fire("s/same");
	for (i = 0; i < 1000; i++)
		fire("s/same"); /* count once */
	sim_sleep(FATA_NS_PER_S);
	while (xs_watch_next(w, &got, SOON) == 0) {
		heap_free(got);
		n++;
	}
	CHECK(n == 1);
	xs_stat(&s);
	CHECK(s.lost > 0);
	xs_unwatch(w);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
}

static struct xs_watch *both[2];
static unsigned int called;

static void drop_both(void *arg, const char *path)
{
	(void)arg;
	called++;
	if (!path || strcmp(path, "a/now"))
		return;
	xs_unwatch(both[0]);
	xs_unwatch(both[1]);
}

static void test_unwatch_in_callback(void **state)
{
	(void)state;
	CHECK(xs_watch(&both[0], "a", drop_both, NULL, SOON) == 0);
	CHECK(xs_watch(&both[1], "a", drop_both, NULL, SOON) == 0);
	sim_sleep(FATA_NS_PER_MS);
	called = 0;
	fire("a/now");
	fire("a/now");
	sim_sleep(FATA_NS_PER_MS);
	CHECK(called == 1);
	CHECK(d.n_watches == 0);
}

static void class_36_watch_refused_or_late(void **state)
{
	struct xs_watch *w;
	struct xs_stat s;

	(void)state;
	d.hook = error_word;
	word = "E2BIG";
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == -E2BIG);
	d.hook = NULL;
	d.silent = true;
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == -ETIMEDOUT);
	d.silent = false;
	/* The late answer registers it; it is removed at once. */
	handle(&d.in);
	sim_sleep(10 * FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
	xs_stat(&s);
	CHECK(s.watches == 0);
}

static unsigned int looks;

static int enough(void *arg)
{
	char *value;

	(void)arg;
	looks++;
	if (xs_read(NULL, "go", &value, NULL, SOON))
		return -EAGAIN;
	heap_free(value);
	return 0;
}

static void set_go(void *arg)
{
	put("go", arg, 1);
}

static void test_wait(void **state)
{
	const char *const paths[] = {"go", "stop"};

	(void)state;
	looks = 0;
	CHECK(xs_wait(paths, 2, enough, NULL, SOON) == -ETIMEDOUT);
	CHECK(looks > 0);
	sim_after(20 * FATA_NS_PER_MS, set_go, "1");
	CHECK(xs_wait(paths, 2, enough, NULL, SOON) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
	CHECK(xs_wait(paths, 0, enough, NULL, SOON) == -EINVAL);
}

/* --- the connection breaks ---------------------------------------- */

static int reading, writing, in_transaction;

static int read_a(void *arg)
{
	char *value;

	(void)arg;
	reading = xs_read(NULL, "a", &value, NULL, FATA_FOREVER);
	if (reading == 0)
		heap_free(value);
	return 0;
}

static int write_a(void *arg)
{
	(void)arg;
	writing = xs_write(NULL, "a", "2", 1, FATA_FOREVER);
	return 0;
}

static int commit_a(void *arg)
{
	struct xs_transaction *t = arg;

	in_transaction = xs_write(t, "a", "2", 1, FATA_FOREVER);
	return 0;
}

/* One of each kind under way, unanswered. */
static void start_three(struct xs_transaction *t)
{
	reading = writing = in_transaction = 1;
	put("a", "1", 1);
	CHECK(xs_transaction_start(t, SOON) == 0);
	d.silent = true;
	CHECK(fata_task_spawn(NULL, NULL, read_a, NULL) == 0);
	CHECK(fata_task_spawn(NULL, NULL, write_a, NULL) == 0);
	CHECK(fata_task_spawn(NULL, NULL, commit_a, t) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(reading == 1 && writing == 1 && in_transaction == 1);
}

static void test_illegal_indices_without_reconnection(void **state)
{
	struct xs_transaction t;
	struct xs_watch *w;
	struct xs_stat s;
	char *path;

	(void)state;
	CHECK(xs_watch(&w, "a", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	start_three(&t);
	d.page->rsp_prod += 5000;
	sim_evtchn_send(SIM_DOM0, d.port);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(reading == -EIO && writing == -EIO && in_transaction == -EIO);
	CHECK(xs_watch_next(w, &path, FATA_FOREVER) == -EOVERFLOW);
	xs_unwatch(w);
	xs_stat(&s);
	CHECK(s.present && !s.connected && s.watches == 0);
	CHECK(xs_rm(NULL, "a", FATA_FOREVER) == -EIO);
	CHECK(xs_transaction_end(&t, false, FATA_FOREVER) == -EIO);
}

static void break_and_check(void)
{
	struct xs_transaction t;
	struct xs_watch *w;
	struct xs_stat s;
	char *path;

	d.page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION |
				  XENSTORE_SERVER_FEATURE_ERROR;
	CHECK(xs_watch(&w, "w", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	start_three(&t);
	if (sim_chance(2))
		d.page->rsp_prod -= 1;
	else
		d.page->error = XENSTORE_ERROR_PROTO;
	sim_evtchn_send(SIM_DOM0, d.port);
	sim_sleep(FATA_NS_PER_MS);
	xs_stat(&s);
	CHECK(!s.connected && reading == 1); /* the daemon is silent */
	d.silent = false;
	sim_sleep(3 * FATA_NS_PER_S);
	CHECK(reading == 0);
	CHECK(writing == -ECONNRESET);
	CHECK(in_transaction == -EAGAIN);
	CHECK(xs_transaction_end(&t, true, SOON) == -EAGAIN);
	CHECK(d.n_watches == 1);
	CHECK(xs_watch_next(w, &path, SOON) == 0); /* look again */
	heap_free(path);
	xs_unwatch(w);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
}

static void class_36_reconnection(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		break_and_check();
}

static bool always_too_long(struct message *m)
{
	struct xsd_sockmsg h = {XS_READ, m->h.req_id, 0, 4097};

	memcpy(d.out + d.out_last, &h, sizeof(h));
	d.out_last += sizeof(h);
	flush_out();
	return true;
}

/* A daemon that breaks each new connection is given up in the end. */
static void class_36_no_endless_reconnections(void **state)
{
	char *value;

	(void)state;
	d.page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION;
	d.hook = always_too_long;
	CHECK(xs_read(NULL, "a", &value, NULL, FATA_FOREVER) == -EIO);
}

/* --- suspend ------------------------------------------------------ */

static void class_49_suspend_waits_for_answers(void **state)
{
	(void)state;
	put("a", "1", 1);
	d.silent = true;
	reading = 1;
	CHECK(fata_task_spawn(NULL, NULL, read_a, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(xs_suspend(SOON) == -ETIMEDOUT);
	d.silent = false;
	handle(&d.in);
	CHECK(xs_suspend(SOON) == 0);
	CHECK(reading == 0);
	/* Nothing is sent now; it is later. */
	writing = 1;
	CHECK(fata_task_spawn(NULL, NULL, write_a, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(writing == 1);
	xs_resume_same();
	sim_sleep(FATA_NS_PER_MS);
	CHECK(writing == 0);
}

static void class_49_resume_elsewhere(void **state)
{
	struct xs_transaction t;
	struct xs_watch *w;
	char *path;

	CHECK(xs_watch(&w, "w", NULL, NULL, SOON) == 0);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	CHECK(xs_transaction_start(&t, SOON) == 0);
	CHECK(xs_suspend(SOON) == 0);
	writing = 1;
	CHECK(fata_task_spawn(NULL, NULL, write_a, NULL) == 0);
	sim_sleep(FATA_NS_PER_MS);
	set_up(state); /* a new page, port and daemon */
	CHECK(writing == 0);
	CHECK(d.n_watches == 1);
	CHECK(xs_watch_next(w, &path, SOON) == 0);
	heap_free(path);
	CHECK(xs_write(&t, "a", "x", 1, SOON) == -EAGAIN);
	CHECK(xs_transaction_end(&t, true, SOON) == -EAGAIN);
	xs_unwatch(w);
	sim_sleep(FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
}

/* --- failures of ours --------------------------------------------- */

static void everything(void)
{
	const char *const paths[] = {"go"};
	struct xs_permission *list;
	struct xs_watch *w;
	char **names, *value;
	unsigned int n;
	int result = 0;

	xs_write(NULL, "go", "1", 1, SOON);
	if (xs_read(NULL, "go", &value, NULL, SOON) == 0)
		heap_free(value);
	if (xs_directory(NULL, "a", &names, &n, SOON) == 0)
		heap_free(names);
	if (xs_get_permissions(NULL, "a", &list, &n, SOON) == 0)
		heap_free(list);
	xs_transaction(body, &result, SOON);
	if (xs_watch(&w, "a", NULL, NULL, SOON) == 0)
		xs_unwatch(w);
	xs_wait(paths, 1, enough, NULL, SOON);
	sim_sleep(10 * FATA_NS_PER_MS);
	CHECK(d.n_watches == 0);
	CHECK(d.transactions == 0);
}

static void class_48_no_memory(void **state)
{
	(void)state;
	fill_directory(1000);
	everything();
	sim_nth(SIM_FAIL_ALLOC, everything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(class_50_no_xenstore),
		cmocka_unit_test_setup(test_values, set_up),
		cmocka_unit_test_setup(test_permissions_and_domains, set_up),
		cmocka_unit_test_setup(test_too_long_is_not_sent, set_up),
		cmocka_unit_test_setup(test_answers_in_any_order, set_up),
		cmocka_unit_test_setup(class_27_silence_ends_at_the_deadline,
				       set_up),
		cmocka_unit_test_setup(test_cancel, set_up),
		cmocka_unit_test_setup(class_35_nonsense_harms_nobody, set_up),
		cmocka_unit_test_setup(class_36_error_words, set_up),
		cmocka_unit_test_setup(test_directory, set_up),
		cmocka_unit_test_setup(class_35_directory_nonsense, set_up),
		cmocka_unit_test_setup(test_transactions, set_up),
		cmocka_unit_test_setup(class_36_eagain_storm_ends, set_up),
		cmocka_unit_test_setup(test_orphaned_transaction, set_up),
		cmocka_unit_test_setup(test_watch, set_up),
		cmocka_unit_test_setup(class_34_watch_storm, set_up),
		cmocka_unit_test_setup(test_unwatch_in_callback, set_up),
		cmocka_unit_test_setup(class_36_watch_refused_or_late, set_up),
		cmocka_unit_test_setup(test_wait, set_up),
		cmocka_unit_test_setup(
			test_illegal_indices_without_reconnection, set_up),
		cmocka_unit_test_setup(class_36_reconnection, set_up),
		cmocka_unit_test_setup(class_36_no_endless_reconnections,
				       set_up),
		cmocka_unit_test_setup(class_49_suspend_waits_for_answers,
				       set_up),
		cmocka_unit_test_setup(class_49_resume_elsewhere, set_up),
		cmocka_unit_test_setup(class_48_no_memory, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
