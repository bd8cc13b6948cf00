/* SPDX-License-Identifier: ISC */
/*
 * Tests that need a fresh process: one that must die with a certain message,
 * or one whose state nobody has touched.
 *
 * The child runs fn(arg) with its output in a pipe. Use CHECK in it, not
 * cmocka's assertions, which would jump back into a runner that the child must
 * not go on with.
 */
#ifndef TESTS_LIB_DEATH_H
#define TESTS_LIB_DEATH_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* For children: say what failed and where, and end with status 1. */
#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #cond);  \
			_exit(1);                                              \
		}                                                              \
	} while (0)

/* Run fn(arg) in a child; its wait status, and its output in text. */
static inline int child_run(void (*fn)(void *arg), void *arg, char *text,
			    size_t size)
{
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	fflush(NULL);
	if (pipe(fd) || (pid = fork()) < 0)
		return -1;
	if (!pid) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		fn(arg);
		_exit(0);
	}
	close(fd[1]);
	while (n + 1 < size && (got = read(fd[0], text + n, size - 1 - n)) > 0)
		n += got;
	text[n] = 0;
	close(fd[0]);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Did the child end well? Its output is shown if not. */
static inline bool passes(void (*fn)(void *arg), void *arg)
{
	char text[4096];

	if (child_run(fn, arg, text, sizeof(text)) == 0)
		return true;
	fprintf(stderr, "%s", text);
	return false;
}

/* Did the child end badly, and say `words` on the way? */
static inline bool dies(void (*fn)(void *arg), void *arg, const char *words)
{
	char text[4096];

	if (child_run(fn, arg, text, sizeof(text)) && strstr(text, words))
		return true;
	fprintf(stderr, "expected to die with \"%s\", got: %s\n", words, text);
	return false;
}

#endif
