/* SPDX-License-Identifier: ISC */
/*
 * The start of a program of the unix twin: the order of src/main.c without a
 * machine to set up. The link replaces the program's main by ours (ld's
 * --wrap), which becomes the first task and calls it.
 *
 *     memory, loop, first task      unix_init
 *     the simulator, if it asks     unix_world
 *     parameters, as on Xen         status 63 or 64 ends here
 *     tasks on threads, if asked    task_thread.c
 *     log, trace, metrics           as on Xen
 *     signals                       lifecycle.c
 *     the program's main, on the stack that Linux gave
 *
 * The end: exit, or main's return, runs the program's own handlers and
 * destructors, then ours, which was registered before all of them; from there
 * it is fata_end (core/end.c) and platform_end.
 */
#include "core/boot.h"
#include "core/end.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/param.h"
#include "core/random.h"
#include "core/task.h"
#include "core/trace.h"
#include "platform.h"
#include "unix/sim.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

FATA_LOG_SOURCE("boot");

int __real_main(int argc, char **argv, char **envp);
int __wrap_main(int argc, char **argv, char **envp);

static uint64_t stack_size;
FATA_PARAM_SIZE(stack_size, "main-stack", "the limit of the process",
		"stack of main");

/* --- the command line --------------------------------------------------- */

static bool plain(const char *word)
{
	return *word && !strpbrk(word, " \t\r\n'\"\\$`");
}

/* Append a word, in quotes where they are needed; returns the new end. */
static char *put_word(char *at, const char *word)
{
	bool bare = plain(word);

	if (!bare)
		*at++ = '\'';
	for (; *word; word++) {
		if (*word == '\'' && !bare) {
			memcpy(at, "'\\'", 3);
			at += 3;
		}
		*at++ = *word;
	}
	if (!bare)
		*at++ = '\'';
	return at;
}

/* The words as one line that would be taken apart into the same words. */
static char *join(char **argv)
{
	size_t n = 1;
	char *line, *at;

	for (char **w = argv; *w; w++)
		n += 4 * strlen(*w) + 3;
	line = at = malloc(n);
	if (!line)
		fata_panic("too little memory (for the command line)");
	for (char **w = argv; *w; w++) {
		if (w != argv)
			*at++ = ' ';
		at = put_word(at, *w);
	}
	*at = '\0';
	return line;
}

static void limit_stack(void)
{
	struct rlimit l;

	if (!stack_size || getrlimit(RLIMIT_STACK, &l))
		return;
	if (l.rlim_max != RLIM_INFINITY && stack_size > l.rlim_max)
		stack_size = l.rlim_max;
	l.rlim_cur = stack_size;
	setrlimit(RLIMIT_STACK, &l);
}

/* Parameters are taken out of the words; main sees the others, and "fata". */
static void read_parameters(int *argc, char **argv)
{
	static char name[] = "fata";
	int rc;

	boot_info.cmdline = join(argv + 1);
	argv[0] = name;
	rc = param_apply(argc, argv, platform_log);
	if (rc)
		end_early(rc);
	for (char **pair = param_environment(); *pair; pair++)
		putenv(*pair);
	limit_stack();
}

/* --- the end ------------------------------------------------------------ */

static pid_t process; /* 0: main has not begun */

static void at_end(int status, void *arg)
{
	(void)arg;
	if (process == getpid()) /* and not a child that forked */
		fata_end(END_POWEROFF, status & 255);
}

/* Before the constructors of C++, so that their destructors come first. */
__attribute__((constructor(101))) static void register_end(void)
{
	on_exit(at_end, NULL);
}

/* --- modules ------------------------------------------------------------ */

static int add_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat s;
	void *p = MAP_FAILED;

	if (fd >= 0 && !fstat(fd, &s))
		p = mmap(NULL, s.st_size ? (size_t)s.st_size : 1,
			 PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return param_bad("%s", strerror(errno));
	boot_add_module(&boot_info, p, (uint64_t)s.st_size, NULL);
	return 0;
}
FATA_PARAM_LIST(add_module, "ramdisk", "", "a file as a boot module");

/* --- main --------------------------------------------------------------- */

int __wrap_main(int argc, char **argv, char **envp)
{
	static char **words;

	words = calloc((size_t)argc + 1, sizeof(*words));
	if (!words)
		return 1;
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	unix_program = argv;
	setvbuf(stdout, NULL, _IOLBF, 0); /* as on a console */
	unix_stack_least = 256 << 10;
	unix_sim();
	unix_init("main");
	random_init();
	boot_info.entry_ns = clock_mono_ns();
	unix_fs();
	read_parameters(&argc, words);
	unix_task_threads();
	unix_console_start();
	unix_stdin();
	log_init();
	trace_start();
	metrics_start();
	unix_signals();
	if (unix_watchdog())
		log_error("no watchdog");
	process = getpid();
	return __real_main(argc, words, envp);
}
