/* SPDX-License-Identifier: ISC */
/*
 * A node that speaks the simulator's protocol itself (unix/sim_wire.h), so
 * that the coordinator is tested without anything of ours in the node, and
 * with nodes that break the rules. Its first argument says what it does:
 *
 *     ping MS    a frame on each interface every MS ms; prints what comes
 *     echo       sends back what comes, and prints it
 *     exit N     ends with this status at 1 s, by the rules
 *     quit N     the same without SIM_END
 *     reboot     asks for a reboot at 1 s, in its first three lives
 *     crash      a segmentation fault at 1 s
 *     spin       never waits again from 1 s on
 *     flood      prints for ever from 1 s on
 *     loop       lets no time pass
 *     garbage    answers with noise
 *     huge       announces a message of 4 GiB
 *     badnet     sends on an interface that it has not
 *     environ    prints what it was started with
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unix/sim_wire.h"

#define MS 1000000ull

static int fd;
static uint64_t now, seed[4], wall;
static unsigned nets;
static struct sim_net net[16];
static char in[1 << 20], out[1 << 20], name[SIM_NAME_SIZE + 1];
static size_t out_n;

static void all(ssize_t (*io)(), void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = io(fd, (char *)p + done, n - done);

		if (k <= 0)
			exit(9);
		done += (size_t)k;
	}
}

static void add(uint16_t type, uint16_t which, const void *data, uint32_t size)
{
	struct sim_record r = {.type = type, .net = which, .size = size};

	memcpy(out + out_n, &r, sizeof(r));
	memcpy(out + out_n + sizeof(r), data, size);
	out_n += sizeof(r) + size;
}

static void send_out(uint64_t deadline)
{
	struct sim_message m = {.size = (uint32_t)out_n, .time = deadline};

	fflush(stdout);
	all((ssize_t(*)())write, &m, sizeof(m));
	all((ssize_t(*)())write, out, out_n);
	out_n = 0;
}

static void begin_net(unsigned n, const char *data)
{
	memcpy(&net[n], data, sizeof(net[n]));
	nets = n + 1;
}

/* One turn's message; frames go to fn. */
static void receive(void (*fn)(unsigned n, const char *data, uint32_t size))
{
	struct sim_message m;
	struct sim_record r;

	all((ssize_t(*)())read, &m, sizeof(m));
	all((ssize_t(*)())read, in, m.size);
	now = m.time;
	for (size_t at = 0; at < m.size; at += r.size) {
		memcpy(&r, in + at, sizeof(r));
		at += sizeof(r);
		if (r.type == SIM_SEED)
			memcpy(seed, in + at, 32);
		else if (r.type == SIM_WALL)
			memcpy(&wall, in + at, 8);
		else if (r.type == SIM_NAME)
			memcpy(name, in + at, r.size);
		else if (r.type == SIM_NET)
			begin_net(r.net, in + at);
		else if (r.type == SIM_LINK)
			printf("link %u %s\n", r.net, in[at] ? "up" : "down");
		else if (r.type == SIM_REQUEST)
			printf("request %d\n", in[at]);
		else if (fn)
			fn(r.net, in + at, r.size);
		if (r.type == SIM_REQUEST) {
			struct sim_end e = {0};

			add(SIM_END, 0, &e, sizeof(e));
			send_out(0);
			exit(0);
		}
	}
}

static void show(unsigned n, const char *data, uint32_t size)
{
	printf("got %u bytes on %u: %.*s\n", size, n, (int)size - 14,
	       data + 14);
}

static void send_back(unsigned n, const char *data, uint32_t size)
{
	char back[2048];

	show(n, data, size);
	memcpy(back, data, size);
	memcpy(back, data + 6, 6);
	memcpy(back + 6, net[n].mac, 6);
	add(SIM_FRAME, (uint16_t)n, back, size);
}

static void ping(uint64_t every)
{
	uint64_t next = now;
	char frame[128] = {0};

	for (unsigned count = 0;;) {
		if (now >= next) {
			memset(frame, 0xff, 6);
			count++;
			for (unsigned i = 0; i < nets; i++) {
				memcpy(frame + 6, net[i].mac, 6);
				snprintf(frame + 14, 100, "%s %u", name, count);
				add(SIM_FRAME, (uint16_t)i, frame, 60);
			}
			next += every;
		}
		send_out(next);
		receive(show);
	}
}

static void misbehave(const char *what)
{
	uint32_t noise[4] = {0xffffffff, 0, 0, 0};

	if (!strcmp(what, "crash"))
		*(volatile int *)8 = 1;
	for (;;) {
		if (!strcmp(what, "flood"))
			puts("again and again");
		else if (!strcmp(what, "loop")) {
			send_out(now);
			receive(NULL);
		} else if (!strcmp(what, "huge")) {
			all((ssize_t(*)())write, noise, sizeof(noise));
			pause();
		} else if (!strcmp(what, "garbage")) {
			noise[0] = 64;
			all((ssize_t(*)())write, noise, 16);
			for (int i = 0; i < 4; i++)
				all((ssize_t(*)())write, noise, 16);
			pause();
		} else if (!strcmp(what, "badnet")) {
			add(SIM_FRAME, 7, "fourteen bytes", 14);
			send_out(UINT64_MAX);
			receive(NULL);
		}
	}
}

static void show_start(void)
{
	extern char **environ;
	int variable = 0;

	printf("name %s wall %ju seed %016jx\n", name, (uintmax_t)wall,
	       (uintmax_t)seed[0]);
	for (unsigned i = 0; i < nets; i++)
		printf("net %u %s mtu %u mac %02x%02x%02x\n", i, net[i].name,
		       net[i].mtu, net[i].mac[3], net[i].mac[4], net[i].mac[5]);
	printf("stack %p code %p\n", (void *)&variable, (void *)show_start);
	for (char **e = environ; *e; e++)
		puts(*e);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct sim_end e = {0};

	fd = atoi(getenv(SIM_ENV));
	receive(NULL);
	if (!strcmp(what, "ping"))
		ping((uint64_t)atoi(argv[2]) * MS);
	if (!strcmp(what, "environ"))
		show_start();
	for (; !strcmp(what, "echo");) {
		send_out(UINT64_MAX);
		receive(send_back);
	}
	for (uint64_t begin = now; now < begin + 1000 * MS;) {
		send_out(begin + 1000 * MS);
		receive(NULL);
	}
	if (!strcmp(what, "exit") || !strcmp(what, "quit"))
		e.status = atoi(argv[2]);
	else if (!strcmp(what, "reboot") && now < 3000 * MS)
		e.reason = 1;
	else if (strcmp(what, "environ") && strcmp(what, "reboot"))
		misbehave(what);
	if (strcmp(what, "quit")) {
		add(SIM_END, 0, &e, sizeof(e));
		send_out(0);
	}
	return e.status;
}
