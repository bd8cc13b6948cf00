/* SPDX-License-Identifier: ISC */
/*
 * What passes between the tool and a guest while it lives (guest_int.h): the
 * lines that xl says, the console both ways. Nothing here blocks.
 */
#include "guest_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what xl says ----------------------------------------------------- */

/*
 * The console client is xl's own helper, run directly: only so does it read a
 * stdin that is no terminal, and say (by a NUL) that it listens.
 */
static int attach(struct guest *g)
{
	static char script[] =
		"for c in xenconsole /usr/lib/xen*/bin/xenconsole "
		"/usr/libexec/xen/bin/xenconsole "
		"/usr/local/lib/xen*/bin/xenconsole "
		"/usr/local/libexec/xen/bin/xenconsole; do "
		"c=$(command -v \"$c\") && "
		"exec \"$c\" --interactive --start-notify-fd 2 \"$1\"; done; "
		"echo xenconsole not found >&2; exit 1";
	char *argv[] = {"sh", "-c", script, "sh", g->id, NULL};

	int err = job_start(&g->attach, g->o->lab, argv);

	if (!err)
		fcntl(g->attach.in, F_SETFL, O_NONBLOCK);
	return err;
}

/* Of all that xl says before it fails, its first error tells the most. */
static void complain(struct guest *g, const char *line)
{
	if (g->complaint && strstr(g->complaint, "error"))
		return;
	free(g->complaint);
	g->complaint = xstrdup(line);
}

static void xl_line(struct guest *g, const char *line)
{
	const char *p;
	int err;

	if (g->o->verbose)
		fprintf(stderr, "xl: %s\n", line);
	p = strstr(line, "(domid ");
	if (g->stage == CREATING && p && starts_with(line, "Waiting for")) {
		snprintf(g->id, sizeof(g->id), "%d", atoi(p + 7));
		g->stage = ATTACHING;
		free(g->complaint); /* no more than a warning */
		g->complaint = NULL;
		if (g->unwanted) {
			guest_destroy(g);
			return;
		}
		guest_capture_start(g);
		err = attach(g);
		if (err)
			g->complaint = xstrdup(strerror(-err));
		return;
	}
	p = strstr(line, "has shut down, reason code ");
	if (p && g->stage >= ATTACHING) {
		g->reason = atoi(p + strlen("has shut down, reason code "));
		g->stage = DRAINING;
	}
	if (g->stage == CREATING && *line)
		complain(g, line);
}

/* Lines of xl's stderr; false at its end. */
bool guest_read_xl(struct guest *g)
{
	char buffer[1024], *newline;
	ssize_t n = read(g->create.err, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	text_add(&g->said, buffer, n);
	while (g->said.n && (newline = memchr(g->said.s, '\n', g->said.n))) {
		size_t used = newline + 1 - g->said.s;

		*newline = '\0';
		xl_line(g, g->said.s);
		g->said.n -= used;
		memmove(g->said.s, g->said.s + used, g->said.n);
	}
	return true;
}

/* --- the console ------------------------------------------------------ */

/* The client's stderr: a NUL when it listens; else what is wrong. */
bool guest_read_notice(struct guest *g)
{
	char buffer[256];
	ssize_t n = read(g->attach.err, buffer, sizeof(buffer) - 1);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	buffer[n] = '\0';
	if (g->stage == ATTACHING && memchr(buffer, '\0', n)) {
		g->listening = true;
		guest_begin(g);
	} else if (g->stage == ATTACHING && !g->complaint) {
		buffer[strcspn(buffer, "\n")] = '\0';
		g->complaint = xstrdup(buffer);
	}
	return true;
}

bool guest_read_console(struct guest *g)
{
	char buffer[4096];
	ssize_t n = read(g->attach.out, buffer, sizeof(buffer));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	console_take(&g->console, buffer, n);
	g->quiet = NEVER; /* begins anew */
	if (g->console.broken)
		guest_destroy(g);
	return true;
}

/* Our stdin; false at its end. */
bool guest_read_stdin(struct guest *g)
{
	ssize_t n = read(STDIN_FILENO, g->input, sizeof(g->input));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	g->input_n = n;
	return true;
}

/* Never blocks: a guest that reads nothing must not keep us from a ^C. */
void guest_write_input(struct guest *g)
{
	ssize_t n = write(g->attach.in, g->input, g->input_n);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = g->input_n; /* the console is closing */
	g->input_n -= n;
	memmove(g->input, g->input + n, g->input_n);
}
