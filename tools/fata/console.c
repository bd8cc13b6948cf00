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
 * What the guest's platform says, as against the program: after the log's
 * time stamp ("[    0.012345] fata: ..."), or at the beginning of a line.
 */
static const char *said(const struct console *c)
{
	const char *p = c->line;

	if (*p == '[') {
		p += 1 + strspn(p + 1, " 0123456789.");
		if (*p++ != ']')
			return NULL;
		p += *p == ' ';
	}
	if (starts_with(p, "error: "))
		p += strlen("error: ");
	return starts_with(p, "fata: ") ? p + strlen("fata: ") : NULL;
}

static void end_line(struct console *c)
{
	const char *words;
	char *end;
	long n;

	c->line[c->n] = '\0';
	c->n = 0;
	words = said(c);
	if (!words)
		return;
	if (starts_with(words, "panic: "))
		c->panic = true;
	if (!starts_with(words, "exit status "))
		return;
	words += strlen("exit status ");
	n = strtol(words, &end, 10);
	if (end == words || *end)
		return;
	c->has_status = true;
	c->status = n & 255; /* all that a process's status can hold */
}

/* Text without a carriage return in it. */
static void take_text(struct console *c, const char *data, size_t n)
{
	write_out(c, data, n);
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			end_line(c);
		else if (c->n < sizeof(c->line) - 1)
			c->line[c->n++] = data[i];
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
