/* SPDX-License-Identifier: ISC */
/*
 * A line from a console, echoed and editable; console_read_line of
 * fata/console.h. One byte is read at a time, so what follows the line stays
 * for the next reader. A line ends with CR, LF or CR LF; since nobody knows
 * whether an LF will follow a CR, it is skipped when it comes.
 */
#include "core/console.h"

#include <string.h>

#define BACKSPACE 0x08
#define DELETE 0x7f
#define KILL_LINE 0x15 /* ^U */

struct line {
	struct console *console;
	char *text;
	size_t used, room; /* room: without the NUL */
};

static void echo_bytes(struct line *l, const char *text, size_t n)
{
	if (!console_line(l->console)->silent)
		console_write(l->console, text, n);
}

static void echo(struct line *l, const char *text)
{
	echo_bytes(l, text, strlen(text));
}

static void erase(struct line *l, size_t n)
{
	while (n-- && l->used) {
		l->used--;
		echo(l, "\b \b");
	}
}

static void add(struct line *l, char c)
{
	if (l->used == l->room)
		return; /* the rest of a line that is too long */
	l->text[l->used++] = c;
	echo_bytes(l, &c, 1);
}

/* True when the line is complete. */
static bool key(struct line *l, char c)
{
	switch (c) {
	case '\r':
	case '\n':
		echo(l, "\n");
		return true;
	case BACKSPACE:
	case DELETE:
		erase(l, 1);
		break;
	case KILL_LINE:
		erase(l, l->used);
		break;
	default:
		/* control characters would garble the line */
		if ((unsigned char)c >= ' ' || c == '\t')
			add(l, c);
	}
	return false;
}

ssize_t console_read_line(struct console *c, char *line, size_t n,
			  uint64_t deadline)
{
	struct console_line *state = console_line(c);
	struct line l = {.console = c, .text = line, .room = n ? n - 1 : 0};
	bool ended = false;

	while (!ended) {
		char byte;
		ssize_t rc = console_read(c, &byte, 1, deadline);

		if (rc < 0)
			return rc;
		if (!(state->after_cr && byte == '\n'))
			ended = key(&l, byte);
		state->after_cr = byte == '\r';
	}
	if (n)
		line[l.used] = '\0';
	return (ssize_t)l.used;
}
