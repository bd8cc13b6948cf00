/* SPDX-License-Identifier: ISC */
/* Rules; see rules.h. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

#define ALL 0 /* instead of a client's address */

struct rule {
	struct rule *next;
	uint32_t client;
	bool accept, dns;
	uint8_t proto; /* 0: any */
	uint32_t net, mask;
	uint16_t low, high; /* ports */
	int icmp_type;      /* -1: any */
};

static struct rule *rules, **last = &rules;
static bool have_rules;

/* --- reading -------------------------------------------------------------- */

static bool number(const char **s, unsigned long max, unsigned long *v)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	*v = strtoul(*s, &end, 10);
	*s = end;
	return *v <= max;
}

bool rules_parse_net(const char *s, uint32_t *address, unsigned *bits)
{
	unsigned long v;

	*address = 0;
	*bits = 32;
	for (unsigned i = 0; i < 4; i++) {
		if (!number(&s, 255, &v) || (i < 3 && *s++ != '.'))
			return false;
		*address = *address << 8 | (uint32_t)v;
	}
	if (*s == '/') {
		s++;
		if (!number(&s, 32, &v))
			return false;
		*bits = (unsigned)v;
	}
	return !*s;
}

static bool read_ports(const char *s, struct rule *r)
{
	unsigned long low, high;

	if (!number(&s, 65535, &low))
		return false;
	high = low;
	if (*s == '-') {
		s++;
		if (!number(&s, 65535, &high))
			return false;
	}
	r->low = (uint16_t)low;
	r->high = (uint16_t)high;
	return !*s && low <= high;
}

static bool read_proto(const char *s, struct rule *r)
{
	r->proto = !strcmp(s, "tcp")    ? TCP
		   : !strcmp(s, "udp")  ? UDP
		   : !strcmp(s, "icmp") ? ICMP
					: 0;
	return r->proto;
}

/* One word of a rule: NULL, or what was expected. */
static const char *read_word(char *word, struct rule *r)
{
	char *value = strchr(word, '=');
	unsigned long v;
	unsigned bits;

	if (!value)
		return "name=value";
	*value++ = '\0';
	if (!strcmp(word, "action")) {
		r->accept = !strcmp(value, "accept");
		return r->accept || !strcmp(value, "drop") ? NULL
							   : "accept or drop";
	}
	if (!strcmp(word, "proto"))
		return read_proto(value, r) ? NULL : "tcp, udp or icmp";
	if (!strcmp(word, "dst4")) {
		if (!rules_parse_net(value, &r->net, &bits))
			return "an address or address/bits";
		r->mask = bits ? ~0u << (32 - bits) : 0;
		return NULL;
	}
	if (!strcmp(word, "dstports"))
		return read_ports(value, r) ? NULL : "a port or port-port";
	if (!strcmp(word, "specialtarget")) {
		r->dns = !strcmp(value, "dns");
		return r->dns ? NULL : "dns";
	}
	if (!strcmp(word, "icmptype")) {
		const char *at = value;

		if (!number(&at, 255, &v) || *at)
			return "a number up to 255";
		r->icmp_type = (int)v;
		return NULL;
	}
	return "action, proto, dst4, dstports, specialtarget or icmptype";
}

/* "client 10.0.0.7", "client *" */
static const char *read_client(char *words, uint32_t *client)
{
	char *name = strtok_r(NULL, " \t\r", &words);
	unsigned bits;

	*client = ALL;
	if (name && !strcmp(name, "*"))
		return NULL;
	if (!name || !rules_parse_net(name, client, &bits) || bits != 32 ||
	    *client == ALL)
		return "client and an address, or *";
	return NULL;
}

static const char *read_line(char *line, uint32_t *client)
{
	char *words, *word = strtok_r(line, " \t\r", &words);
	const char *wrong = NULL;
	struct rule *r;

	if (!word || *word == '#')
		return NULL;
	if (!strcmp(word, "client"))
		return read_client(words, client);
	if (strncmp(word, "action=", 7))
		return "action=accept or action=drop first";
	r = calloc(1, sizeof(*r));
	if (!r)
		return "memory";
	r->client = *client;
	r->high = 65535;
	r->icmp_type = -1;
	for (; word && !wrong; word = strtok_r(NULL, " \t\r", &words))
		wrong = read_word(word, r);
	if (!wrong && (r->low || r->high != 65535) && r->proto != TCP &&
	    r->proto != UDP)
		wrong = "proto=tcp or proto=udp with dstports";
	if (!wrong && r->icmp_type >= 0 && r->proto != ICMP)
		wrong = "proto=icmp with icmptype";
	*last = r;
	last = &r->next;
	return wrong;
}

int rules_read(const char *text, size_t n, const char **what)
{
	uint32_t client = ALL;
	char *copy = malloc(n + 1), *at = copy;

	if (!copy)
		return -1;
	memcpy(copy, text, n);
	copy[n] = '\0';
	have_rules = true;
	for (int line = 1; at; line++) {
		char *end = strchr(at, '\n');

		if (end)
			*end++ = '\0';
		*what = read_line(at, &client);
		if (*what) {
			free(copy);
			return line;
		}
		at = end;
	}
	free(copy);
	return 0;
}

/* --- matching ------------------------------------------------------------- */

static bool has_ports(const struct packet *p)
{
	return p->proto == TCP || p->proto == UDP;
}

static bool matches(const struct rule *r, const struct packet *p)
{
	if ((r->proto && r->proto != p->proto) || ((p->dst ^ r->net) & r->mask))
		return false;
	if (r->dns && (!has_ports(p) || p->dport != 53))
		return false;
	if (has_ports(p) && (p->dport < r->low || p->dport > r->high))
		return false;
	return r->icmp_type < 0 || r->icmp_type == p->icmp_type;
}

/* Has the client lines of its own? */
static bool is_named(uint32_t client)
{
	for (const struct rule *r = rules; r; r = r->next)
		if (r->client == client)
			return true;
	return false;
}

bool rules_accept(uint32_t client, const struct packet *p)
{
	uint32_t whose = is_named(client) ? client : ALL;

	if (!have_rules)
		return true;
	for (const struct rule *r = rules; r; r = r->next)
		if (r->client == whose && matches(r, p))
			return r->accept;
	return false;
}
