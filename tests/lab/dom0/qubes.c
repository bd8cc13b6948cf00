/* SPDX-License-Identifier: ISC */
/*
 * dom0/qubes.c - dom0 of Qubes OS as far as examples/qubes needs it, with
 * libxenvchan: QubesDB's daemon, which restarts, and qrexec's daemon and the
 * callers behind it. Written from the protocols; knows nothing of src/qubes.
 *
 * Arguments: DOMAIN VERSION. Prints a line for each thing that was seen; ends
 * with a status other than 0 at the first thing that is wrong.
 */
#include <libxenvchan.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/qubes.h"

#define check(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			printf("line %d: not so: %s\n", __LINE__, #cond);      \
			exit(1);                                               \
		}                                                              \
	} while (0)

static int domain;
static uint32_t version;

/* --- streams ------------------------------------------------------------ */

static struct libxenvchan *serve(int port)
{
	struct libxenvchan *v;
	char path[100];

	snprintf(path, sizeof(path), "/local/domain/0/data/vchan/%d/%d", domain,
		 port);
	v = libxenvchan_server_init(NULL, domain, path, 4096, 4096);
	check(v);
	v->blocking = 1;
	return v;
}

static struct libxenvchan *join(int port)
{
	struct libxenvchan *v = NULL;
	char path[100];

	snprintf(path, sizeof(path), "/local/domain/%d/data/vchan/0/%d", domain,
		 port);
	for (int i = 0; !v && i < 600; i++) {
		v = libxenvchan_client_init(NULL, domain, path);
		if (!v)
			usleep(100000);
	}
	check(v);
	v->blocking = 1;
	return v;
}

static void met(struct libxenvchan *v)
{
	while (libxenvchan_is_open(v) == 2)
		libxenvchan_wait(v);
}

static void get(struct libxenvchan *v, void *data, size_t n)
{
	char *to = data;

	while (n) {
		int rc = libxenvchan_read(v, to, n);

		check(rc > 0);
		to += rc;
		n -= (size_t)rc;
	}
}

static void put(struct libxenvchan *v, const void *data, size_t n)
{
	const char *from = data;

	while (n) {
		int rc = libxenvchan_write(v, from, n);

		check(rc > 0);
		from += rc;
		n -= (size_t)rc;
	}
}

/* --- QubesDB ------------------------------------------------------------ */

static void db_say(struct libxenvchan *v, int type, const char *path,
		   const char *value)
{
	struct db_message m = {.type = (uint8_t)type,
			       .size = (uint32_t)strlen(value)};

	snprintf(m.path, sizeof(m.path), "%s", path);
	put(v, &m, sizeof(m));
	put(v, value, strlen(value));
}

static void db_hears(struct libxenvchan *v, int type, const char *path)
{
	struct db_message m;

	get(v, &m, sizeof(m));
	check(m.type == type && !strcmp(m.path, path) && !m.size);
}

static struct libxenvchan *db_start(const char *name)
{
	struct libxenvchan *v = serve(111);

	met(v);
	db_hears(v, MULTIREAD, "");
	db_say(v, ENTRY, "/qubes-ip", "10.137.0.77");
	db_say(v, ENTRY, "/name", name);
	db_say(v, ENTRY, "", "");
	return v;
}

static void db_commit(struct libxenvchan *v)
{
	db_say(v, WRITE, "/qubes-firewall/10.137.0.9/0000", "action=accept");
	db_say(v, WRITE, "/qubes-firewall/10.137.0.9", "");
	db_hears(v, OK, "/qubes-firewall/10.137.0.9/0000");
	db_hears(v, OK, "/qubes-firewall/10.137.0.9");
}

/* --- qrexec ------------------------------------------------------------- */

static struct libxenvchan *control;
static char body[70000];

static void say(struct libxenvchan *v, uint32_t type, const void *data,
		size_t n)
{
	uint32_t header[2] = {type, (uint32_t)n};

	put(v, header, sizeof(header));
	put(v, data, n);
}

static size_t hear(struct libxenvchan *v, uint32_t type)
{
	uint32_t header[2];

	get(v, header, sizeof(header));
	check(header[0] == type && header[1] < sizeof(body));
	get(v, body, header[1]);
	return header[1];
}

static void greet(struct libxenvchan *v)
{
	check(hear(v, HELLO) == 4);
	say(v, HELLO, &version, 4);
}

static void order(uint32_t type, uint32_t port, const char *text)
{
	uint32_t where[2] = {0, port};
	char m[200];

	memcpy(m, where, 8);
	strcpy(m + 8, text);
	say(control, type, m, 8 + strlen(text) + 1);
}

static struct libxenvchan *begin(uint32_t port, const char *command)
{
	struct libxenvchan *v = serve((int)port);

	order(EXEC, port, command);
	met(v);
	greet(v);
	return v;
}

static void hears_end(struct libxenvchan *v, uint32_t port, uint32_t wanted)
{
	uint32_t code;

	check(hear(v, STDOUT) == 0 && hear(v, STDERR) == 0);
	check(hear(v, EXIT_CODE) == 4);
	memcpy(&code, body, 4);
	check(code == wanted);
	libxenvchan_close(v);
	check(hear(control, TERMINATED) == 8);
	memcpy(&code, body + 4, 4);
	check(code == port);
}

/* n bytes there and back, a piece at a time. */
static void echo(size_t n)
{
	struct libxenvchan *v =
		begin(513, "user:QUBESRPC fata.Echo work name fata");
	static char part[3000], back[3000];

	for (size_t at = 0; at < n; at += sizeof(part)) {
		size_t have = 0;

		for (size_t i = 0; i < sizeof(part); i++)
			part[i] = (char)((at + i) * 7 + (at >> 8));
		say(v, STDIN, part, sizeof(part));
		while (have < sizeof(part)) {
			size_t some = hear(v, STDOUT);

			check(some && have + some <= sizeof(part));
			memcpy(back + have, body, some);
			have += some;
		}
		check(!memcmp(part, back, sizeof(part)));
	}
	say(v, STDIN, "", 0);
	hears_end(v, 513, 0);
	printf("echo of %zu bytes\n", n);
}

/* The guest calls a service that is played here. */
static void relay(void)
{
	struct libxenvchan *v = begin(514,
				      "user:QUBESRPC fata.Relay+other work"),
			   *there;
	uint32_t zero = 0;
	char ident[33] = "";

	if (version < 3) {
		check(hear(control, TRIGGER) == 128);
		check(!strcmp(body, "fata.Echo") &&
		      !strcmp(body + 64, "other"));
		memcpy(ident, body + 96, 32);
	} else {
		check(hear(control, TRIGGER3) == 64 + 32 + 10);
		check(!strcmp(body + 96, "fata.Echo"));
		check(!strcmp(body, "other"));
		memcpy(ident, body + 64, 32);
	}
	order(CONNECT, 520, ident);
	there = join(520);
	greet(there);
	say(v, STDIN, "question", 8);
	check(hear(there, STDIN) == 8 && !memcmp(body, "question", 8));
	say(v, STDIN, "", 0);
	check(hear(there, STDIN) == 0);
	say(there, STDOUT, "answer", 6);
	check(hear(v, STDOUT) == 6 && !memcmp(body, "answer", 6));
	say(there, STDOUT, "", 0);
	say(there, EXIT_CODE, &zero, 4);
	check(hear(control, TERMINATED) == 8);
	libxenvchan_close(there);
	hears_end(v, 514, 0);
	printf("relay\n");
}

static void refused(void)
{
	struct libxenvchan *v = begin(515, "user:QUBESRPC fata.Relay+no work");
	char ident[32];

	hear(control, version < 3 ? TRIGGER : TRIGGER3);
	memcpy(ident, body + (version < 3 ? 96 : 64), 32);
	say(control, REFUSED, ident, 32);
	hears_end(v, 515, 126);
	printf("refused\n");
}

int main(int argc, char **argv)
{
	struct libxenvchan *db;

	check(argc == 3);
	domain = atoi(argv[1]);
	version = (uint32_t)atoi(argv[2]);
	setbuf(stdout, NULL);
	alarm(120);
	db = db_start("first");
	printf("QubesDB\n");
	control = join(512);
	greet(control);
	printf("qrexec\n");
	echo(30000);
	hears_end(begin(516, "user:QUBESRPC fata.Nothing work"), 516, 127);
	printf("no such service\n");
	relay();
	refused();
	db_commit(db);
	printf("commit\n");
	libxenvchan_close(db);
	db = db_start("second");
	db_commit(db);
	printf("QubesDB again\n");
	libxenvchan_close(control);
	sleep(1); /* a daemon takes its time to start; the old ring goes */
	control = join(512);
	greet(control);
	echo(3000);
	printf("qrexec again\n");
	libxenvchan_close(control);
	libxenvchan_close(db);
	printf("ok\n");
	return 0;
}
