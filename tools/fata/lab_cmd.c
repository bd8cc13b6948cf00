/* SPDX-License-Identifier: ISC */
/*
 * lab_cmd.c - the command `fata lab ...`.
 *
 * Interface: cmd_lab() parses; the work is lab.h's. Exit status: that of the
 * command in dom0 for `exec` and `console`, else 0 or 1; 2 for a wrong usage.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab_int.h"
#include "qmp.h"
#include "tool.h"

static const char usage[] =
	"usage: fata lab up [--memory MIB] [--cpus N] [--counted]\n"
	"       fata lab down\n"
	"       fata lab status\n"
	"       fata lab exec COMMAND [ARGUMENT...]\n"
	"       fata lab put FILE DOM0-FILE\n"
	"       fata lab get DOM0-FILE FILE\n"
	"       fata lab console DOMAIN\n"
	"       fata lab forward PORT GUEST-ADDRESS:PORT\n"
	"       fata lab log\n"
	"The lab is a real Xen with Linux as dom0 and xl, in QEMU.\n"
	"exec with one argument gives it to a shell; console ends with ^].\n";

static int bad_usage(const char *why, const char *what)
{
	fprintf(stderr, "fata: lab: %s%s%s\n", why, what ? ": " : "",
		what ? what : "");
	return 2;
}

/* A decimal number in its range; -1 if `text` is none. */
static int number(const char *text, int least, int most)
{
	char *end;
	long n;

	if (!text)
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || end == text || *end || n < least || n > most ? -1
								     : (int)n;
}

static int status_of(int rc)
{
	return rc ? 1 : 0;
}

static int cmd_up(int argc, char **argv)
{
	struct lab_options o = {0};

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--counted")) {
			o.counted = 1;
		} else if (!strcmp(argv[i], "--memory")) {
			o.memory = number(argv[++i], 1024, 65536);
			if (o.memory < 0)
				return bad_usage("--memory needs MiB, 1024 to "
						 "65536",
						 argv[i]);
		} else if (!strcmp(argv[i], "--cpus")) {
			o.cpus = number(argv[++i], 1, 8);
			if (o.cpus < 0)
				return bad_usage("--cpus needs 1 to 8",
						 argv[i]);
		} else {
			return bad_usage("up has no such option", argv[i]);
		}
	}
	return status_of(lab_up(argc ? &o : NULL));
}

static int cmd_exec(int argc, char **argv)
{
	char *shell[] = {"sh", "-c", argv[0], NULL};
	int rc = lab_exec(argc == 1 ? shell : argv, 0, 1, 2, 0);

	return rc < 0 ? 1 : rc;
}

static int cmd_log(int argc, char **argv)
{
	char log[PATH_MAX + 32];
	struct lab_paths p;

	(void)argc;
	(void)argv;
	if (lab_find_paths(&p))
		return 1;
	snprintf(log, sizeof(log), "%s/qemu.log", p.run);
	if (access(log, R_OK))
		return status_of(
			lab_error(-ENOENT, "none has run in %s", p.run));
	lab_show_tail(p.run, "qemu.log", 20);
	lab_show_tail(p.run, "serial.log", 40);
	return 0;
}

/* A line for QEMU's monitor about a forwarded port. */
static int forwarding(int port, const char *line)
{
	struct lab_instance i;
	struct lab_paths p;
	struct qmp *q;
	int rc = lab_find_paths(&p);

	if (rc)
		return rc;
	if (lab_find_instance(&p, &i))
		return lab_error(-ESRCH,
				 "no lab runs; start one with `fata lab up`");
	q = malloc(sizeof(*q));
	rc = q ? qmp_open(q, p.run, "qmp.sock") : -ENOMEM;
	if (!rc) {
		rc = qmp_human(q, line);
		q->text[strcspn(q->text, "\r\n")] = 0;
		/* an end is confirmed in words, a beginning is not */
		if (!rc && q->text[0] && !strstr(q->text, " removed"))
			rc = lab_error(-EADDRINUSE, "port %d: %s", port,
				       q->text);
		else if (rc)
			lab_error(rc, "port %d: %s", port, strerror(-rc));
		qmp_close(q);
	} else {
		lab_error(rc, "QEMU does not answer: %s", strerror(-rc));
	}
	free(q);
	return rc;
}

int lab_forward(int port, const char *guest)
{
	char line[256];

	snprintf(line, sizeof(line), "hostfwd_add bridge tcp:127.0.0.1:%d-%s",
		 port, guest);
	return forwarding(port, line);
}

int lab_unforward(int port)
{
	char line[256];

	snprintf(line, sizeof(line), "hostfwd_remove bridge tcp:127.0.0.1:%d",
		 port);
	return forwarding(port, line);
}

static int cmd_forward(int argc, char **argv)
{
	int port = number(argv[0], 1, 65535);
	size_t plain = strspn(argv[1], "0123456789.:");

	(void)argc;
	if (port < 0)
		return bad_usage("not a port", argv[0]);
	if (argv[1][plain] || !strchr(argv[1], ':'))
		return bad_usage("not ADDRESS:PORT", argv[1]);
	return status_of(lab_forward(port, argv[1]));
}

static int cmd_console(int argc, char **argv)
{
	int rc = lab_console(argv[0]);

	(void)argc;
	return rc < 0 ? 1 : rc;
}

static int cmd_put(int argc, char **argv)
{
	(void)argc;
	return status_of(lab_put(argv[0], argv[1]));
}

static int cmd_get(int argc, char **argv)
{
	(void)argc;
	return status_of(lab_get(argv[0], argv[1]));
}

static int cmd_down(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return status_of(lab_down());
}

static int cmd_status(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return status_of(lab_status(stdout));
}

int cmd_lab(int argc, char **argv)
{
	static const struct {
		const char *name, *takes;
		int least, most;
		int (*fn)(int argc, char **argv);
	} commands[] = {
		{"up", "options", 0, INT_MAX, cmd_up},
		{"down", "nothing", 0, 0, cmd_down},
		{"status", "nothing", 0, 0, cmd_status},
		{"exec", "COMMAND [ARGUMENT...]", 1, INT_MAX, cmd_exec},
		{"put", "FILE DOM0-FILE", 2, 2, cmd_put},
		{"get", "DOM0-FILE FILE", 2, 2, cmd_get},
		{"console", "DOMAIN", 1, 1, cmd_console},
		{"forward", "PORT GUEST-ADDRESS:PORT", 2, 2, cmd_forward},
		{"log", "nothing", 0, 0, cmd_log},
	};
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc - 2;

	if (!strcmp(what, "help") || !strcmp(what, "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(what, commands[i].name))
			continue;
		if (n >= commands[i].least && n <= commands[i].most)
			return commands[i].fn(n, argv + 2);
		fprintf(stderr, "fata: lab: %s takes %s (fata help lab)\n",
			what, commands[i].takes);
		return 2;
	}
	if (argc < 2)
		return bad_usage("a command is missing (fata help lab)", NULL);
	fprintf(stderr, "fata: lab: no such command '%s' (fata help lab)\n",
		what);
	return 2;
}
