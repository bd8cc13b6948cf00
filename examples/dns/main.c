/* SPDX-License-Identifier: ISC */
/*
 * A name server for one zone file, which is given as a boot module: lines of
 * NAME TYPE VALUE (README.md). Source: RFC 1035, sections 3 and 4.
 *
 * An answer is the question, with records behind it; every name in a record is
 * written out, so nothing is ever longer than it looks:
 *
 *     0 id  2 flags  4 questions  6 answers  8 10 none  12 question  .. records
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fata/boot.h>
#include <fata/manifest.h>
#include <fata/param.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

FATA_NAME("dns", "serves a zone file");
FATA_NET("lan");

static int64_t port = 53, ttl = 300;
FATA_PARAM_INT(port, "port", "53", "the UDP port");
FATA_PARAM_INT(ttl, "ttl", "300", "seconds that an answer may be kept");

#define ANSWER_MAX 512 /* without extensions, RFC 1035 2.3.4 */
#define NAME_MAX_  255

enum { A = 1, NS = 2, CNAME = 5, MX = 15, TXT = 16, AAAA = 28, ANY = 255 };
enum { FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4 };

static const struct {
	const char *name;
	int type;
} types[] = {{"A", A},	 {"AAAA", AAAA}, {"CNAME", CNAME},
	     {"NS", NS}, {"MX", MX},	 {"TXT", TXT}};

static struct record {
	struct record *next;
	int type;
	size_t size;
	char name[NAME_MAX_ + 1];
	unsigned char data[NAME_MAX_ + 3];
} *zone;

/* --- the zone -------------------------------------------------------- */

/* "www.example.test" as labels with their lengths; bytes used, 0: no name. */
static size_t labels(const char *name, unsigned char *out)
{
	size_t used = 0;

	while (*name) {
		size_t n = strcspn(name, ".");

		if (!n || n > 63 || used + n + 2 > NAME_MAX_)
			return 0;
		out[used++] = (unsigned char)n;
		memcpy(out + used, name, n);
		used += n;
		name += n + (name[n] == '.');
	}
	out[used] = 0;
	return used + 1;
}

static size_t text_data(const char *value, unsigned char *out)
{
	size_t n = strlen(value);

	if (n > 255)
		return 0;
	out[0] = (unsigned char)n;
	memcpy(out + 1, value, n);
	return n + 1;
}

static size_t mx_data(const char *value, unsigned char *out)
{
	char *end;
	unsigned long preference = strtoul(value, &end, 10);
	size_t n;

	if (end == value || *end != ' ' || preference > 65535)
		return 0;
	out[0] = (unsigned char)(preference >> 8);
	out[1] = (unsigned char)preference;
	n = labels(end + strspn(end, " \t"), out + 2);
	return n ? n + 2 : 0;
}

static size_t value_data(int type, const char *value, unsigned char *out)
{
	switch (type) {
	case A:
		return inet_pton(AF_INET, value, out) == 1 ? 4 : 0;
	case AAAA:
		return inet_pton(AF_INET6, value, out) == 1 ? 16 : 0;
	case TXT:
		return text_data(value, out);
	case MX:
		return mx_data(value, out);
	default:
		return labels(value, out);
	}
}

/* One line without its newline: 0, or -1 when it makes no sense. */
static int add_line(char *line)
{
	unsigned char unused[NAME_MAX_ + 1];
	struct record *r;
	char *name, *type, *value, *save = NULL;
	size_t n;

	line[strcspn(line, "#\r")] = '\0';
	name = strtok_r(line, " \t", &save);
	if (!name)
		return 0;
	type = strtok_r(NULL, " \t", &save);
	value = type ? save + strspn(save, " \t") : NULL;
	if (!value || !*value || !labels(name, unused))
		return -1;
	for (n = strlen(value); n && isspace((unsigned char)value[n - 1]); n--)
		value[n - 1] = '\0';
	r = calloc(1, sizeof(*r));
	if (!r)
		return -1;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcasecmp(types[i].name, type))
			r->type = types[i].type;
	strcpy(r->name, name); /* labels() has seen its length */
	r->size = r->type ? value_data(r->type, value, r->data) : 0;
	if (!r->size) {
		free(r);
		return -1;
	}
	r->next = zone;
	zone = r;
	return 0;
}

static int read_zone(const char *text, size_t size)
{
	const char *end = text + size;
	unsigned line = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		char copy[1024];

		line++;
		if (n < sizeof(copy)) {
			memcpy(copy, text, n);
			copy[n] = '\0';
		}
		if (n >= sizeof(copy) || add_line(copy)) {
			fprintf(stderr,
				"dns: line %u: expected NAME TYPE VALUE\n",
				line);
			return -1;
		}
		text += n + 1;
	}
	return 0;
}

/* --- answers --------------------------------------------------------- */

struct packet {
	unsigned char data[ANSWER_MAX];
	size_t size;
	unsigned answers;
	int cut;
};

static void put16(struct packet *p, unsigned v)
{
	p->data[p->size++] = (unsigned char)(v >> 8);
	p->data[p->size++] = (unsigned char)v;
}

static void put_record(struct packet *p, const struct record *r)
{
	unsigned char name[NAME_MAX_ + 1];
	size_t n = labels(r->name, name);

	if (p->size + n + 10 + r->size > sizeof(p->data)) {
		p->cut = 1;
		return;
	}
	memcpy(p->data + p->size, name, n);
	p->size += n;
	put16(p, (unsigned)r->type);
	put16(p, 1); /* Internet */
	put16(p, (unsigned)(ttl >> 16));
	put16(p, (unsigned)ttl);
	put16(p, (unsigned)r->size);
	memcpy(p->data + p->size, r->data, r->size);
	p->size += r->size;
	p->answers++;
}

/* A name of the question as text; where it ends, or 0. */
static size_t read_name(const unsigned char *data, size_t size, char *name)
{
	size_t at = 12, used = 0;

	while (at < size && data[at]) {
		size_t n = data[at++];

		if (n > 63 || at + n > size || used + n + 1 > NAME_MAX_ ||
		    memchr(data + at, 0, n))
			return 0;
		if (used)
			name[used++] = '.';
		memcpy(name + used, data + at, n);
		used += n;
		at += n;
	}
	name[used] = '\0';
	return at < size ? at + 1 : 0;
}

/* The records of a name, and of what it is another name for. */
static int find(struct packet *p, const char *name, int type)
{
	int exists = 0;

	for (int hops = 0; name && hops < 8; hops++) {
		const char *on = NULL;
		static char alias[NAME_MAX_ + 1];

		for (const struct record *r = zone; r; r = r->next) {
			if (strcasecmp(r->name, name))
				continue;
			exists = 1;
			if (r->type == type || type == ANY ||
			    r->type == CNAME)
				put_record(p, r);
			if (r->type != CNAME || type == CNAME || type == ANY)
				continue;
			/* labels to text: as in a question at offset 12 */
			unsigned char as[12 + sizeof(r->data)] = {0};

			memcpy(as + 12, r->data, r->size);
			if (read_name(as, 12 + r->size, alias))
				on = alias;
		}
		name = on;
	}
	return exists;
}

/* Turns a request into its answer; 0: none is due. */
static int answer(struct packet *p)
{
	char name[NAME_MAX_ + 1];
	unsigned opcode, flags, code = 0;
	size_t end;

	if (p->size < 12 || p->data[2] & 0x80)
		return 0;
	opcode = p->data[2] >> 3 & 15;
	end = read_name(p->data, p->size, name);
	if (opcode)
		code = NOTIMP;
	else if (p->data[4] || p->data[5] != 1 || !end || end + 4 > p->size)
		code = FORMERR;
	p->size = code ? 12 : end + 4;
	p->answers = 0;
	p->cut = 0;
	if (!code && !find(p, name, p->data[end] << 8 | p->data[end + 1]))
		code = NXDOMAIN;
	flags = 0x8400u | (p->data[2] & 0x79u) << 8 | (p->cut ? 0x200u : 0) |
		code;
	p->data[2] = (unsigned char)(flags >> 8);
	p->data[3] = (unsigned char)flags;
	p->data[4] = 0;
	p->data[5] = p->size > 12;
	memset(p->data + 6, 0, 6);
	p->data[7] = (unsigned char)p->answers;
	return 1;
}

int main(void)
{
	struct sockaddr_in6 here = {.sin6_family = AF_INET6,
				    .sin6_addr = in6addr_any,
				    .sin6_port = htons((uint16_t)port)};
	int s = socket(AF_INET6, SOCK_DGRAM, 0);

	if (!boot_module_count()) {
		fprintf(stderr, "dns: no zone (give one with --ramdisk)\n");
		return 1;
	}
	if (read_zone(boot_module(0)->data, boot_module(0)->size))
		return 1;
	if (s < 0 || bind(s, (struct sockaddr *)&here, sizeof(here))) {
		perror("dns");
		return 1;
	}
	printf("dns: port %d\n", (int)port);
	for (;;) {
		struct packet p;
		struct sockaddr_in6 from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(s, p.data, sizeof(p.data), 0,
				     (struct sockaddr *)&from, &size);

		if (n < 0)
			continue;
		p.size = (size_t)n;
		if (answer(&p))
			sendto(s, p.data, p.size, 0, (struct sockaddr *)&from,
			       size);
	}
}
