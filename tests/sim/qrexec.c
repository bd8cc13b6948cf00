/* SPDX-License-Identifier: ISC */
/*
 * qrexec with a dom0 that is played here, by the published protocol, in its
 * versions 2, 3 and 4: services that the guest has and has not, calls of its
 * own, each message that must not come, a peer that goes, and every failure of
 * memory, hypercalls and xenstore.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/qrexec.h>
#include <fata/task.h>

#include "lib/qubes.h"
#include "lib/sim_lifecycle.h"
#include "lib/sim_vchan.h"

static struct sim_vchan control, data;
static struct qrexec *q;
static char heard[70000], large[70000];
static uint32_t heard_type, heard_size;

static uint64_t soon(void)
{
	return clock_deadline(20 * FATA_NS_PER_S);
}

static bool say(struct sim_vchan *v, uint32_t type, const void *text,
		uint32_t n)
{
	uint32_t header[2] = {type, n};

	return sim_vchan_put(v, header, 8) && sim_vchan_put(v, text, n);
}

/* The next message: heard_type, heard_size, heard; false at the end. */
static bool hear(struct sim_vchan *v)
{
	uint32_t header[2];

	if (!sim_vchan_get(v, header, 8))
		return false;
	heard_type = header[0];
	heard_size = header[1];
	CHECK(heard_size < sizeof(heard));
	heard[heard_size] = '\0';
	return sim_vchan_get(v, heard, heard_size);
}

static bool greet(struct sim_vchan *v, uint32_t version)
{
	uint32_t theirs;

	if (!hear(v))
		return false;
	memcpy(&theirs, heard, 4);
	CHECK(heard_type == HELLO && heard_size == 4 && theirs == 3);
	return say(v, HELLO, &version, 4);
}

static void hears(struct sim_vchan *v, uint32_t type, const char *text)
{
	CHECK(hear(v));
	if (heard_type != type || heard_size != strlen(text) ||
	    memcmp(heard, text, heard_size))
		sim_die("heard %#x '%s', not %#x '%s'", heard_type, heard, type,
			text);
}

static void hears_status(struct sim_vchan *v, uint32_t status)
{
	uint32_t code;

	CHECK(hear(v) && heard_type == EXIT_CODE && heard_size == 4);
	memcpy(&code, heard, 4);
	CHECK(code == status);
}

static void hears_terminated(uint32_t port)
{
	uint32_t where[2];

	CHECK(hear(&control) && heard_type == TERMINATED && heard_size == 8);
	memcpy(where, heard, 8);
	CHECK(where[0] == 0 && where[1] == port);
}

/* EXEC and its like, with their NUL. */
static bool order(uint32_t type, uint32_t domain, uint32_t port,
		  const char *text)
{
	size_t n = strlen(text) + 1;
	char m[512];

	memcpy(m, &domain, 4);
	memcpy(m + 4, &port, 4);
	memcpy(m + 8, text, n);
	return say(&control, type, m, (uint32_t)(8 + n));
}

/* --- the guest ---------------------------------------------------------- */

static int last_error;

static int echo(struct qrexec_call *c, void *arg)
{
	const struct qrexec_request *r = qrexec_request(c);
	char part[700];
	ssize_t n;

	CHECK(arg == &q && !strcmp(r->service, "my.Echo"));
	while ((n = qrexec_read(c, part, sizeof(part), soon())) > 0)
		if (qrexec_write(c, part, (size_t)n, soon()) != n)
			return 9;
	last_error = (int)n;
	qrexec_write_error(c, r->source, strlen(r->source), soon());
	qrexec_write_error(c, r->argument, strlen(r->argument), soon());
	return n ? 1 : 3;
}

static int wait_long(struct qrexec_call *c, void *arg)
{
	char part[10];

	(void)arg;
	last_error = (int)qrexec_read(c, part, sizeof(part), FATA_FOREVER);
	return 0;
}

static unsigned ran;

static int count(struct qrexec_call *c, void *arg)
{
	char part[10];

	(void)arg;
	CHECK(qrexec_read(c, part, sizeof(part), soon()) == 0);
	CHECK(qrexec_write(c, part, 5, soon()) == 5);
	ran++;
	return 5;
}

static const struct qrexec_service services[] = {
	{.name = "my.Echo", .serve = echo, .arg = &q, .stack_size = 32768},
	{.name = "my.Wait", .serve = wait_long},
	{.name = "my.Count", .serve = count},
	{.name = NULL}};

static void start(uint32_t version)
{
	CHECK(qrexec_open(services, &q) == 0);
	CHECK(qrexec_wait(q, clock_deadline(1)) == -ETIMEDOUT);
	CHECK(sim_vchan_connect(&control, 512) && greet(&control, version));
	CHECK(qrexec_wait(q, soon()) == 0);
}

static void stop(void)
{
	qrexec_close(q);
	sim_vchan_close(&control);
}

/* --- services ----------------------------------------------------------- */

static void begin(uint32_t type, uint32_t port, const char *text,
		  uint32_t version)
{
	sim_vchan_serve(&data, port);
	CHECK(order(type, 0, port, text));
	CHECK(sim_vchan_met(&data) && greet(&data, version));
}

static void hears_end(uint32_t status, uint32_t port)
{
	hears(&data, STDOUT, "");
	hears(&data, STDERR, "");
	hears_status(&data, status);
	CHECK(sim_vchan_left(&data));
	sim_vchan_close(&data);
	hears_terminated(port);
}

static void run_echo(uint32_t version)
{
	start(version);
	begin(EXEC, 513, "user:QUBESRPC my.Echo+an+arg work name x", version);
	CHECK(say(&data, STDIN, "hello", 5));
	hears(&data, STDOUT, "hello");
	CHECK(say(&data, STDIN, "", 0));
	hears(&data, STDERR, "work");
	hears(&data, STDERR, "an+arg");
	hears_end(3, 513);
	/* two at once, no trailing words, "nogui:" */
	begin(EXEC, 514, "root:nogui:QUBESRPC my.Echo dom0", version);
	CHECK(say(&data, STDIN, "", 0));
	hears(&data, STDERR, "dom0");
	hears_end(3, 514);
	stop();
}

static void test_echo(void **state)
{
	(void)state;
	for (uint32_t version = 2; version <= 4; version++)
		run_echo(version);
}

/* As much as a message may have, through rings that are smaller. */
static void run_large(uint32_t version, uint32_t chunk)
{
	uint32_t back = 0;

	start(version);
	begin(EXEC, 513, "user:QUBESRPC my.Echo work", version);
	for (uint32_t i = 0; i < chunk; i++)
		large[i] = (char)(i * 7 + (i >> 8));
	uint32_t header[2] = {STDIN, chunk};
	CHECK(sim_vchan_put(&data, header, 8));
	for (uint32_t sent = 0; sent < chunk; sent += 512) {
		CHECK(sim_vchan_put(&data, large + sent, 512));
		while (back < sent && hear(&data)) {
			CHECK(heard_type == STDOUT && heard_size <= 4096);
			CHECK(!memcmp(heard, large + back, heard_size));
			back += heard_size;
		}
	}
	CHECK(say(&data, STDIN, "", 0));
	while (back < chunk && hear(&data)) {
		CHECK(heard_type == STDOUT);
		CHECK(!memcmp(heard, large + back, heard_size));
		back += heard_size;
	}
	CHECK(back == chunk);
	hears(&data, STDERR, "work");
	hears_end(3, 513);
	stop();
}

static void test_large(void **state)
{
	(void)state;
	run_large(2, 4096);
	run_large(3, 65536);
}

static void test_no_service(void **state)
{
	static const struct {
		const char *text;
		uint32_t status;
	} list[] = {
		{"user:QUBESRPC my.Nothing work", 127},
		{"user:QUBESRPC my.Ech work", 127},
		{"user:QUBESRPC my.Echos work", 127},
		{"user:ls -l", 127},
		{"user:", 127},
		{"no colon", 125},
		{"", 125},
		{"user:QUBESRPC", 125},
		{"user:QUBESRPC my.Echo", 125},
		{"user:QUBESRPC  work", 125},
		{"user:QUBESRPC +a work", 125},
		{"user:QUBESRPC my.Echo ", 125},
		{"user:QUBESRPCmy.Echo work", 125},
		{"root:QUBESRPC qubes.WaitForSession dom0", 0},
	};

	(void)state;
	start(3);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		begin(EXEC, 600, list[i].text, 3);
		CHECK(say(&data, STDIN, "", 0));
		hears_end(list[i].status, 600);
	}
	begin(EXEC, 513, "root:QUBESRPC qubes.SetDateTime dom0", 3);
	CHECK(say(&data, STDIN, "2026-11-22T08:00:00+00:00\n", 26));
	CHECK(say(&data, STDIN, "", 0));
	hears_end(0, 513);
	stop();
}

static void test_just_exec(void **state)
{
	(void)state;
	start(3);
	ran = 0;
	begin(JUST_EXEC, 513, "user:QUBESRPC my.Count work", 3);
	hears_status(&data, 0);
	CHECK(sim_vchan_left(&data));
	sim_vchan_close(&data);
	hears_terminated(513);
	CHECK(ran == 1);
	begin(JUST_EXEC, 513, "user:QUBESRPC my.No work", 3);
	hears_status(&data, 127);
	sim_vchan_close(&data);
	hears_terminated(513);
	stop();
}

/* --- calls of the guest's ------------------------------------------------ */

static const char *target, *service;
static int call_rc, call_status, finish_rc;
static char got[100];

static int caller(void *arg)
{
	struct qrexec_call *c;
	ssize_t n;

	(void)arg;
	call_status = -1;
	got[0] = '\0';
	call_rc = qrexec_call(q, target, service, &c, soon());
	if (call_rc)
		return 0;
	CHECK(qrexec_write(c, "question", 8, soon()) == 8);
	CHECK(qrexec_end_write(c, soon()) == 0);
	CHECK(qrexec_write(c, "x", 1, soon()) == -EPIPE);
	CHECK(qrexec_write_error(c, "x", 1, soon()) == -EINVAL);
	n = qrexec_read(c, got, sizeof(got) - 1, soon());
	got[n > 0 ? n : 0] = '\0';
	finish_rc = qrexec_finish(c, &call_status, soon());
	return 0;
}

static struct task *call(const char *to, const char *what)
{
	struct task *t;

	target = to;
	service = what;
	CHECK(!fata_task_spawn(&t, NULL, caller, NULL));
	return t;
}

/* The guest's request; its ident. */
static char *asked(uint32_t version)
{
	static char ident[32];
	bool old = version == 2;

	CHECK(hear(&control) && heard_type == (old ? TRIGGER : TRIGGER3));
	CHECK(heard_size == (old ? 128 : 64 + 32 + strlen(service) + 1));
	CHECK(!strcmp(heard + (old ? 64 : 0), target));
	CHECK(!strcmp(heard + (old ? 0 : 96), service));
	memcpy(ident, heard + (old ? 96 : 64), 32);
	CHECK(ident[31] == '\0' && ident[0]);
	return ident;
}

static void run_call(uint32_t version)
{
	struct task *t;
	uint32_t code = 7;

	start(version);
	t = call("work", "qubes.Ask+it");
	CHECK(order(CONNECT, 0, 520, asked(version)));
	CHECK(sim_vchan_connect(&data, 520) && greet(&data, version));
	hears(&data, STDIN, "question");
	hears(&data, STDIN, "");
	CHECK(say(&data, STDERR, "a note", 6));
	CHECK(say(&data, STDOUT, "answer", 6));
	CHECK(say(&data, STDOUT, "", 0) && say(&data, STDERR, "", 0));
	CHECK(say(&data, EXIT_CODE, &code, 4));
	CHECK(!fata_task_join(t, NULL, soon()));
	CHECK(call_rc == 0 && finish_rc == 0 && call_status == 7);
	CHECK(!strcmp(got, "answer"));
	CHECK(sim_vchan_left(&data));
	sim_vchan_close(&data);
	hears_terminated(520);
	/* refused; and a refusal of nothing */
	t = call("@default", "qubes.Ask");
	CHECK(say(&control, REFUSED, "FATA9999\0______________________", 32));
	CHECK(say(&control, REFUSED, asked(version), 32));
	CHECK(!fata_task_join(t, NULL, soon()));
	CHECK(call_rc == -EACCES);
	stop();
}

static void test_call(void **state)
{
	(void)state;
	for (uint32_t version = 2; version <= 3; version++)
		run_call(version);
}

static void test_call_limits(void **state)
{
	struct qrexec_call *c;
	char name[100];

	(void)state;
	start(2);
	memset(name, 'n', 64);
	name[64] = '\0';
	CHECK(qrexec_call(q, "w", name, &c, soon()) == -ENAMETOOLONG);
	CHECK(qrexec_call(q, name, "s", &c, soon()) == -ENAMETOOLONG);
	CHECK(qrexec_call(q, "", "s", &c, soon()) == -EINVAL);
	CHECK(qrexec_call(q, "w", "", &c, soon()) == -EINVAL);
	stop();
}

/* dom0 answers late, or never, or goes: the port is given back. */
static void test_call_late(void **state)
{
	struct task *t;
	char *ident;

	(void)state;
	start(3);
	t = call("work", "my.Late");
	ident = asked(3);
	CHECK(!fata_task_join(t, NULL, clock_deadline(60 * FATA_NS_PER_S)));
	CHECK(call_rc == -ETIMEDOUT);
	CHECK(order(CONNECT, 0, 530, ident));
	hears_terminated(530);
	t = call("work", "my.Gone");
	asked(3);
	sim_vchan_close(&control);
	CHECK(!fata_task_join(t, NULL, soon()));
	CHECK(call_rc == -ECONNRESET);
	stop();
}

/* --- misbehaviour -------------------------------------------------------- */

static void new_control(void)
{
	CHECK(sim_vchan_left(&control));
	sim_vchan_close(&control);
	sim_sleep(FATA_NS_PER_S);
	CHECK(sim_vchan_connect(&control, 512) && greet(&control, 3));
	CHECK(qrexec_wait(q, soon()) == 0);
}

static void test_malformed_control(void **state)
{
	static const struct {
		uint32_t type, size;
	} bad[] = {
		{0, 0},         {STDIN, 4},       {HELLO, 4},
		{TRIGGER, 128}, {TRIGGER3, 100},  {TERMINATED, 8},
		{EXEC, 0},      {EXEC, 8},        {EXEC, 8 + 65536},
		{EXEC, ~0u},    {JUST_EXEC, 8},   {CONNECT, 8},
		{REFUSED, 31},  {REFUSED, 33},    {REFUSED, ~0u},
		{~0u, 16},      {EXEC, 1u << 31}, {0x204, 32},
	};
	uint32_t where[4] = {0, 513, 0x61616161, 0x61616161};

	(void)state;
	start(3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t header[2] = {bad[i].type, bad[i].size};

		CHECK(sim_vchan_put(&control, header, 8));
		new_control();
	}
	/* a command without its NUL, and one with another inside */
	CHECK(say(&control, EXEC, where, 16));
	new_control();
	where[2] = where[3] = 0;
	CHECK(say(&control, EXEC, where, 16));
	new_control();
	/* silence in the middle */
	CHECK(sim_vchan_put(&control, where, 3));
	sim_sleep(25 * FATA_NS_PER_S);
	new_control();
	/* places where no caller can be: turned away, the connection stays */
	CHECK(order(EXEC, 0x7ff0, 513, "user:QUBESRPC my.Echo w"));
	CHECK(hear(&control) && heard_type == TERMINATED);
	CHECK(order(EXEC, 0, 1u << 31, "user:QUBESRPC my.Echo w"));
	CHECK(hear(&control) && heard_type == TERMINATED);
	CHECK(order(CONNECT, 0, 513, "FATA"));
	hears_terminated(513);
	CHECK(order(CONNECT, 0, 513, "FATA99999999999999999999999"));
	hears_terminated(513);
	stop();
}

static void test_bad_hello(void **state)
{
	static const uint32_t bad[][3] = {
		{HELLO, 4, 1}, {HELLO, 4, 0}, {HELLO, 8, 3}, {EXEC, 4, 3}};

	(void)state;
	CHECK(qrexec_open(services, &q) == 0);
	for (size_t i = 0; i < 4; i++) {
		CHECK(sim_vchan_connect(&control, 512) && hear(&control));
		CHECK(sim_vchan_put(&control, bad[i], 12));
		CHECK(sim_vchan_left(&control));
		sim_vchan_close(&control);
		sim_sleep(6 * FATA_NS_PER_S);
	}
	CHECK(sim_vchan_connect(&control, 512) && greet(&control, 3));
	CHECK(qrexec_wait(q, soon()) == 0);
	stop();
}

/* The service's reader is told; the guest goes on. */
static void test_malformed_data(void **state)
{
	static const struct {
		uint32_t type, size, version;
	} bad[] = {
		{STDOUT, 1, 3},   {STDERR, 1, 3},    {EXIT_CODE, 4, 3},
		{EXEC, 20, 3},    {STDIN, 65537, 3}, {STDIN, ~0u, 3},
		{STDIN, 4097, 2}, {0, 0, 3},         {HELLO, 4, 3},
	};

	(void)state;
	start(3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t header[2] = {bad[i].type, bad[i].size};

		last_error = 0;
		begin(EXEC, 513, "user:QUBESRPC my.Wait work", bad[i].version);
		CHECK(sim_vchan_put(&data, header, 8));
		CHECK(sim_vchan_left(&data));
		CHECK(last_error == -EPROTO);
		sim_vchan_close(&data);
		hears_terminated(513);
	}
	/* the caller goes */
	begin(EXEC, 513, "user:QUBESRPC my.Wait work", 3);
	sim_vchan_close(&data);
	hears_terminated(513);
	CHECK(last_error == -ECONNRESET);
	stop();
}

static void malformed_answer(uint32_t type, uint32_t size, int expected)
{
	uint32_t header[2] = {type, size};
	struct task *t = call("work", "my.Bad");

	CHECK(order(CONNECT, 0, 520, asked(3)));
	CHECK(sim_vchan_connect(&data, 520) && greet(&data, 3));
	hears(&data, STDIN, "question");
	if (size)
		CHECK(sim_vchan_put(&data, header, 8));
	sim_sleep(FATA_NS_PER_S);
	sim_vchan_close(&data);
	CHECK(!fata_task_join(t, NULL, soon()));
	CHECK(call_rc == 0 && finish_rc == expected);
	hears_terminated(520);
}

static void test_malformed_answer(void **state)
{
	(void)state;
	start(3);
	malformed_answer(STDIN, 1, -ECONNRESET);
	malformed_answer(EXIT_CODE, 3, -ECONNRESET);
	malformed_answer(EXIT_CODE, 5, -ECONNRESET);
	malformed_answer(STDOUT, 65537, -ECONNRESET);
	malformed_answer(0, 0, -ECONNRESET); /* it goes without a status */
	stop();
}

/* So many at once, and not one more. */
static void test_many(void **state)
{
	static struct sim_vchan v[QREXEC_CALLS_MAX];
	unsigned port;

	(void)state;
	start(3);
	for (port = 0; port < QREXEC_CALLS_MAX; port++) {
		sim_vchan_serve(&v[port], 1000 + port);
		CHECK(order(EXEC, 0, 1000 + port,
			    "user:QUBESRPC my.Wait work"));
	}
	for (port = 0; port < QREXEC_CALLS_MAX; port++)
		CHECK(sim_vchan_met(&v[port]) && greet(&v[port], 3));
	CHECK(order(EXEC, 0, 2000, "user:QUBESRPC my.Wait work"));
	hears_terminated(2000);
	last_error = 0;
	stop(); /* with all of them running */
	CHECK(last_error == -ECONNRESET || last_error == -ECANCELED);
	for (port = 0; port < QREXEC_CALLS_MAX; port++)
		sim_vchan_close(&v[port]);
}

static void test_resume(void **state)
{
	(void)state;
	start(3);
	begin(EXEC, 513, "user:QUBESRPC my.Wait work", 3);
	sim_sleep(FATA_NS_PER_S);
	last_error = 0;
	sim_guest->suspend = sim_into_new_domain;
	sim_suspend();
	sim_guest->suspend = NULL;
	CHECK(last_error == -ECONNRESET);
	control.shared = data.shared = NULL; /* that domain is gone */
	sim_xs_rm("/local/domain/0/data/vchan/5/513");
	CHECK(sim_vchan_connect(&control, 512) && greet(&control, 3));
	begin(EXEC, 514, "user:QUBESRPC my.Echo work", 3);
	CHECK(say(&data, STDIN, "", 0));
	hears(&data, STDERR, "work");
	hears_end(3, 514);
	stop();
}

/* --- failures ------------------------------------------------------------ */

/* dom0's part; whatever fails on the way ends it. */
static void each_failure(void)
{
	struct qrexec_call *c;
	uint64_t end = clock_deadline(60 * FATA_NS_PER_S);
	int rc = qrexec_open(services, &q);

	CHECK(rc == 0 || sim.failed);
	if (rc)
		return;
	sim_vchan_serve(&data, 513);
	if (sim_vchan_connect(&control, 512) && greet(&control, 3) &&
	    order(EXEC, 0, 513, "user:QUBESRPC my.Echo work") &&
	    hear(&control) /* turned away */ && sim_vchan_met(&data))
		CHECK(sim.failed);
	rc = qrexec_wait(q, end);
	if (!rc)
		rc = qrexec_call(q, "work", "my.Call", &c,
				 clock_deadline(FATA_NS_PER_S));
	CHECK(rc == -ETIMEDOUT || sim.failed);
	/* dom0 first: without memory, pages that it still has are given up */
	sim_vchan_close(&control);
	qrexec_close(q);
	sim_vchan_close(&data);
	sim_sleep(20 * FATA_NS_PER_S);
}

static void test_failures(void **state)
{
	(void)state;
	for (int what = 0; what < SIM_FAILS; what++)
		sim_nth(what, each_failure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_service),
		cmocka_unit_test(test_just_exec),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_call_limits),
		cmocka_unit_test(test_call_late),
		cmocka_unit_test(test_malformed_control),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_malformed_data),
		cmocka_unit_test(test_malformed_answer),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_resume),
	};

	return cmocka_run_group_tests_name("qrexec", tests, sim_lifecycle_setup,
					   NULL);
}
