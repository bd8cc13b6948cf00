/* SPDX-License-Identifier: ISC */
/*
 * What unit tests share: cmocka, and a child process for what must die.
 *
 * Tests run on the first task, with a clock that stands still except while
 * every task waits (unix/unix.h), so they are the same in each run.
 */
#ifndef FATA_TESTS_UNIT_UNIT_H
#define FATA_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unix/unix.h"

#include <fata/fata.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START       (1000 * FATA_NS_PER_S)
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Run the tests of this file; its name is the first task's. */
#define UNIT_MAIN(name, tests)                                                 \
	int main(void)                                                         \
	{                                                                      \
		unix_init(name);                                               \
		unix_clock_manual(START);                                      \
		return cmocka_run_group_tests_name(name, tests, NULL, NULL);   \
	}

/* Events that a test notes, one letter each. */
static char notes[256];
static unsigned n_notes;

static inline void note(char c)
{
	if (n_notes + 1 < sizeof(notes))
		notes[n_notes++] = c;
	notes[n_notes] = '\0';
}

/* What was noted since the last call. */
static inline const char *noted(void)
{
	static char copy[sizeof(notes)];

	memcpy(copy, notes, sizeof(notes));
	n_notes = 0;
	notes[0] = '\0';
	return copy;
}

static inline void note_arg(void *arg)
{
	note(*(const char *)arg);
}

/*
 * Run fn in a child; `text` gets the beginning of what it prints. Returns the
 * exit status, or 1000 + signal. The child ends with 0 when fn returns.
 */
static inline int run_child(void (*fn)(void), char *text, size_t n)
{
	size_t got = 0;
	ssize_t part;
	int fd[2], status;
	char rest[256];
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while ((part = read(fd[0], rest, sizeof(rest))) > 0) {
		size_t room = n - 1 - got;

		if ((size_t)part < room)
			room = (size_t)part;
		memcpy(text + got, rest, room);
		got += room;
	}
	text[got] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

#endif
