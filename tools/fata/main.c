/* SPDX-License-Identifier: ISC */
/*
 * `fata`: one command for making, running and looking at images. This file
 * only finds the command; each one is a file of its own.
 */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{"cc", cmd_cc, "compile and link C into an image"},
	{"c++", cmd_cxx, "the same for C++"},
	{"run", cmd_run, "run an image on Xen, or in the lab without one"},
	{"config", cmd_config, "print an image's xl or libvirt configuration"},
	{"inspect", cmd_inspect, "show what an image holds and asks for"},
	{"core", cmd_core, "make xl's dump of a guest readable for gdb"},
	{"trace", cmd_trace, "draw a guest's trace as a timeline"},
	{"sim", cmd_sim, "run many programs in one virtual time"},
	{"new", cmd_new, "start a program of your own"},
	{"lab", cmd_lab, "a real Xen in QEMU: start, use, end it"},
};

static int usage(void)
{
	printf("usage: fata COMMAND [ARGUMENTS]\n"
	       "C programs as Xen PVH guests.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].about);
	printf("\n`fata help COMMAND` or `fata COMMAND --help` says more.\n");
	return 0;
}

static int unknown(const char *word)
{
	const char *names[ARRAY_SIZE(commands) + 2] = {"help"}, *guess;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i + 1] = commands[i].name;
	guess = did_you_mean(word, names);
	if (guess)
		return fail_usage("no command '%s'; did you mean '%s'?", word,
				  guess);
	return fail_usage("no command '%s' (fata --help lists them)", word);
}

static int run(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[0]))
			continue;
		tool_command(argv[0]);
		return commands[i].run(argc, argv);
	}
	return unknown(argv[0]);
}

/* A full disk or a closed pipe behind stdout must not look like success. */
static int finish(int status)
{
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			fail("cannot write to stdout: %s",
			     strerror(errno ? errno : EIO));
		return status ? status : 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	char *ask_help[] = {NULL, "--help", NULL};

	/* a write beyond a limit is an error to report, not a death */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		usage();
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("fata %s\n", FATA_VERSION);
		return finish(0);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2))
		return finish(usage());
	if (!strcmp(argv[1], "help")) {
		ask_help[0] = argv[2];
		return finish(run(2, ask_help));
	}
	return finish(run(argc - 1, argv + 1));
}
