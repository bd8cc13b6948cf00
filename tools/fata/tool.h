/* SPDX-License-Identifier: ISC */
/*
 * What every file of the tool uses: messages, vectors of words, files, child
 * processes.
 *
 * Interface: a command is `int cmd_X(int argc, char **argv)`; argv[0] is the
 * command's name and the result is the exit status. All messages of the tool
 * are one line on stderr, `fata: COMMAND: what is wrong (what to do)`. Running
 * out of memory ends the process with such a line, so the x... functions never
 * return NULL.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TOOL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))

/* Exit statuses of the tool itself; a guest's own status is below 124. */
enum {
	EXIT_USAGE = 2,
	EXIT_TIMED_OUT = 124, /* `run --timeout`: as timeout(1) */
	EXIT_TOOL = 125,      /* `run` could not run the guest */
	EXIT_CRASHED = 134,   /* the guest crashed: as a shell says SIGABRT */
};

/* --- messages (util.c) -------------------------------------------------- */

/* The command that messages name from now on. */
void tool_command(const char *name);

/* Says what is wrong; returns 1, so that `return fail(...)` reads well. */
int fail(const char *format, ...) TOOL_PRINTF(1, 2);

/* The same for a command line that makes no sense; returns EXIT_USAGE. */
int fail_usage(const char *format, ...) TOOL_PRINTF(1, 2);

/* The usage of a command, from its help text, on stdout; returns 0. */
int help(const char *text);

/* The word of `words` (ended by NULL) that was probably meant, or NULL. */
const char *did_you_mean(const char *word, const char *const *words);

/* --- memory and strings ------------------------------------------------- */

void *xmalloc(size_t n);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xvasprintf(const char *format, va_list ap) TOOL_PRINTF(1, 0);
char *xasprintf(const char *format, ...) TOOL_PRINTF(1, 2);

/* A vector of words, always ended by a NULL that `n` does not count. */
struct strv {
	char **v;
	size_t n;
};

/* Appends a copy; the vector owns its words. */
void strv_add(struct strv *s, const char *word);
/* Appends each of the arguments up to a NULL. */
void strv_addn(struct strv *s, ...) __attribute__((sentinel));
void strv_free(struct strv *s);

/* A text that grows. */
struct text {
	char *s; /* NUL-ended; NULL while empty */
	size_t n;
};

void text_add(struct text *t, const void *data, size_t n);
void text_printf(struct text *t, const char *format, ...) TOOL_PRINTF(2, 3);
void text_free(struct text *t);

bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *suffix);

/* --- files and processes (files.c) -------------------------------------- */

/* All of a regular file; 0 or a negative errno (-EFBIG above 1 GiB). */
int file_read(const char *path, uint8_t **data, size_t *size);

/* A device, a FIFO, a socket: something that must not be replaced. */
bool file_is_special(const char *path);

/*
 * What was written beside a file takes its place; what is special gets the
 * bytes. 0 or a negative errno; `temp` is gone then, but after a failed rename.
 */
int file_place(const char *temp, const char *path);

/*
 * Puts a file there whole or not at all: written beside it, then renamed.
 * Returns 0 or a negative errno, having left nothing behind.
 */
int file_write(const char *path, const void *data, size_t size, mode_t mode);

bool file_exists(const char *path);

/* The name without folders. */
const char *base_name(const char *path);

/* A new folder under $TMPDIR or /tmp, removed with what is in it at exit. */
const char *temp_folder(void);

/* Runs a program; its exit status, 128 + signal, or a negative errno. */
int run_program(char *const argv[]);

/* The first line that a program writes, or NULL if it fails. */
char *run_and_read(char *const argv[]);

/* Is there a program of that name on PATH? */
bool on_path(const char *program);

/* --- commands ------------------------------------------------------------ */

int cmd_cc(int argc, char **argv);
int cmd_cxx(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_core(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_trace(int argc, char **argv);

#endif
