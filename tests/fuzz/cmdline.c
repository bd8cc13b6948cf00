/* SPDX-License-Identifier: ISC */
/*
 * Fuzzing the command line and the parameters: whatever the toolstack passes,
 * the words fit, the outcome is one of three, what is said is one line (but
 * for --help) and steers no terminal.
 */
#include "core/cmdline.h"
#include "core/param.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/heap.h>
#include <fata/param.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool flag;
static int64_t number;
static uint64_t size, time_ns;
static const char *text;

FATA_PARAM_BOOL(flag, "flag", "no", "a flag");
FATA_PARAM_INT(number, "n", "0", "a number");
FATA_PARAM_SIZE(size, "size", "0", "a size");
FATA_PARAM_TIME(time_ns, "time", "0", "a time");
FATA_PARAM_STRING(text, "text", "", "a text");

extern struct param __start_fata_params[];
extern struct param __stop_fata_params[];

#define KEPT_MAX 1000000

static unsigned lines, kept;

static void said(const char *line, size_t n)
{
	if (!n || line[n - 1] != '\n')
		abort();
	for (size_t i = 0; i < n - 1; i++)
		if ((unsigned char)line[i] < 0x20)
			abort();
	lines++;
}

static void apply(struct cmdline *c)
{
	int argc = c->argc, status;

	for (struct param *p = __start_fata_params; p < __stop_fata_params; p++)
		p->given = false;
	lines = 0;
	status = param_apply(&argc, c->argv, said);
	if (argc < 1 || argc > c->argc || c->argv[argc])
		abort();
	if (status == PARAM_BAD ? lines != 1
				: status != PARAM_HELP && (status || lines))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool started;
	struct cmdline c;
	size_t total = 0;
	char *line;
	int err;

	if (!started) {
		unix_init("fuzz");
		started = true;
	}
	line = strndup((const char *)data, n);
	if (!line)
		abort();
	n = strlen(line);
	err = cmdline_parse(line, "image", &c);
	if (err == -EINVAL) {
		if (c.error_at >= n || !c.error)
			abort();
	} else if (err) {
		abort();
	} else {
		for (int i = 1; i < c.argc; i++)
			total += strlen(c.argv[i]) + 1;
		if (total > n + 1)
			abort();
		apply(&c);
		if (!strstr(line, "env") && !strstr(line, "text"))
			heap_free(c.argv);
		else if (++kept == KEPT_MAX) /* --env keeps its words */
			exit(0);
	}
	free(line);
	return 0;
}
