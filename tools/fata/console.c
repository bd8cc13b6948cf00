/* SPDX-License-Identifier: ISC */
/* A guest's console on its way to stdout (console.h). */
#include "console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_out(struct console *c, const char *data, size_t n)
{
	while (n && !c->broken) {
		ssize_t w = write(STDOUT_FILENO, data, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			c->broken = true;
			return;
		}
		data += w;
		n -= w;
	}
}

/*
 * The status that the guest's platform says in its log's last line:
 *
 *     [    0.012345] fata: exit status 7
 *
 * What the program wrote before it without a newline stands in the same line.
 */
static void end_line(struct console *c)
{
	static const char words[] = "] fata: exit status ";
	const char *p = c->line, *found = NULL;
	char *end;
	long n;

	c->line[c->n] = '\0';
	c->n = 0;
	while ((p = strstr(p, words))) {
		p += strlen(words);
		found = p;
	}
	if (!found)
		return;
	n = strtol(found, &end, 10);
	if (end == found || *end)
		return;
	c->has_status = true;
	c->status = n & 255; /* all that a process's status can hold */
}

static void add_to_line(struct console *c, char byte)
{
	const size_t half = sizeof(c->line) / 2;

	if (c->n == sizeof(c->line) - 1) {
		memmove(c->line, c->line + half, c->n - half);
		c->n -= half;
	}
	/* a NUL would hide the rest */
	c->line[c->n++] = byte ? byte : ' ';
}

/* Text without a carriage return in it. */
static void take_text(struct console *c, const char *data, size_t n)
{
	write_out(c, data, n);
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			end_line(c);
		else
			add_to_line(c, data[i]);
	}
}

void console_take(struct console *c, const char *data, size_t n)
{
	while (n) {
		const char *cr;
		size_t plain;

		if (*data == '\r') {
			c->returns++;
			data++;
			n--;
			continue;
		}
		/* those that no newline follows are the program's own */
		for (; c->returns; c->returns--)
			if (*data != '\n')
				write_out(c, "\r", 1);
		cr = memchr(data, '\r', n);
		plain = cr ? (size_t)(cr - data) : n;
		take_text(c, data, plain);
		data += plain;
		n -= plain;
	}
}

void console_end(struct console *c)
{
	if (c->n)
		end_line(c);
}
