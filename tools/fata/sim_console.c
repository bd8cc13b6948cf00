/* SPDX-License-Identifier: ISC */
/*
 * A node's console: a file in memory, so that printing never waits for us,
 * which would be real time. After each turn what is there is taken out of it;
 * that is how lines get their time.
 *
 * Interface: sim.h.
 */
#include "sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK        65536
#define LINE_LONGEST 65536

static void write_line(struct sim *s, struct sim_node *n, const char *text,
		       size_t size)
{
	uint64_t t = s->now;

	while (size && text[size - 1] == '\r')
		size--;
	n->lines++;
	fprintf(n->log, "[%6ju.%09ju] ", (uintmax_t)(t / SIM_NS_PER_S),
		(uintmax_t)(t % SIM_NS_PER_S));
	fwrite(text, 1, size, n->log);
	putc('\n', n->log);
	if (s->config->verbose)
		printf("%s [%6ju.%09ju] %.*s\n", n->topo->name,
		       (uintmax_t)(t / SIM_NS_PER_S),
		       (uintmax_t)(t % SIM_NS_PER_S), (int)size, text);
}

void sim_node_note(struct sim *s, struct sim_node *n, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	write_line(s, n, text, strlen(text));
	free(text);
}

/* What was printed: whole lines to the file, the rest is kept. */
static void print(struct sim *s, struct sim_node *n, const char *data,
		  size_t size)
{
	const char *end;

	while ((end = memchr(data, '\n', size))) {
		size_t part = (size_t)(end - data);

		text_add(&n->line, data, part);
		write_line(s, n, n->line.s, n->line.n);
		n->line.n = 0;
		data += part + 1;
		size -= part + 1;
	}
	text_add(&n->line, data, size);
	if (n->line.n > LINE_LONGEST) {
		write_line(s, n, n->line.s, n->line.n);
		n->line.n = 0;
	}
}

void sim_console_read(struct sim *s, struct sim_node *n)
{
	char data[CHUNK];
	off_t at = 0;
	ssize_t got;

	while ((got = pread(n->console, data, sizeof(data), at)) > 0) {
		print(s, n, data, (size_t)got);
		at += got;
	}
	if (at && ftruncate(n->console, 0))
		fail("%s: its console: %s", n->topo->name, strerror(errno));
}

void sim_console_finish(struct sim *s, struct sim_node *n)
{
	sim_console_read(s, n);
	if (n->line.n)
		write_line(s, n, n->line.s, n->line.n);
	n->line.n = 0;
	close(n->console);
	n->console = -1;
}

/* Has it printed more in one turn than anybody would read? */
bool sim_console_floods(const struct sim_node *n)
{
	struct stat st;

	return !fstat(n->console, &st) && st.st_size > SIM_PRINT_MOST;
}
