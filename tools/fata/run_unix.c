/* SPDX-License-Identifier: ISC */
/*
 * `fata run -t unix`: the program as a Linux process. Devices are parameters
 * of the program's own there.
 */
#include "run.h"
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* timeout(1) ends it, if it must be ended; devices come before its words. */
int run_unix(const struct run *r, char **argv)
{
	struct strv c = {0};
	char *path, *limit;

	if (run_is_source(argv[0]) &&
	    run_compile((const char **)&argv[0], true))
		return EXIT_TOOL;
	path = absolute_path(argv[0]);
	if (access(path, X_OK)) {
		fail("%s: %s", path, strerror(errno));
		return EXIT_TOOL;
	}
	if (r->guest.timeout_ms) {
		limit = xasprintf("%.3f", (double)r->guest.timeout_ms / 1000);
		strv_addn(&c, "timeout", "--foreground", "-k", "10", limit,
			  NULL);
	}
	strv_add(&c, path);
	for (size_t i = 0; i < r->devices.n; i++)
		strv_add(&c, r->devices.v[i]);
	for (argv++; *argv; argv++)
		strv_add(&c, *argv);
	return run_program(c.v);
}

int run_unix_option(struct run *r, int code, const char *value)
{
	static const struct {
		int code;
		const char *name;
	} passed[] = {{OPTION_NET, "net"},
		      {OPTION_BLOCK, "block"},
		      {OPTION_BLOCK_RO, "block-ro"},
		      {OPTION_RAMDISK, "ramdisk"}};

	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		char *word;

		if (passed[i].code != code)
			continue;
		word = xasprintf("--%s=%s", passed[i].name, value);
		strv_add(&r->devices, word);
		free(word);
		return 0;
	}
	return -1;
}

bool run_unix_wanted(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc && argv[i][0] == '-'; i++)
		if ((!strcmp(argv[i], "-t") || !strcmp(argv[i], "--target")) &&
		    !strcmp(argv[i + 1], "unix"))
			return true;
	return false;
}
