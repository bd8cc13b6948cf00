/* SPDX-License-Identifier: ISC */
/*
 * Finding the headers and libraries beside the tool (sdk.h). They are looked
 * for relative to the tool's own file, so a build folder or an installed tree
 * can be moved as a whole.
 */
#include "sdk.h"
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return xstrdup(slash == path ? "/" : path);
}

static void in_place(struct sdk *s, const char *build)
{
	s->root = xasprintf("%s/..", build);
	s->include = xasprintf("%s/../include", build);
	s->lib = xasprintf("%s/lib", build);
	s->musl_include =
		xasprintf("%s/pkg/dev/usr/include/x86_64-linux-musl", build);
	s->musl_lib = xasprintf("%s/pkg/dev/usr/lib/x86_64-linux-musl", build);
}

static void installed(struct sdk *s, const char *bin)
{
	s->root = xasprintf("%s/../lib/fata", bin);
	s->include = xasprintf("%s/include", s->root);
	s->lib = xasprintf("%s/lib", s->root);
	s->musl_include = xasprintf("%s/musl/include", s->root);
	s->musl_lib = xasprintf("%s/musl/lib", s->root);
}

const struct sdk *sdk_find(void)
{
	static struct sdk sdk;
	char *folder, *mark, *real;

	if (sdk.root)
		return &sdk;
	folder = own_folder();
	if (!folder) {
		fail("cannot read /proc/self/exe: %s", strerror(errno));
		return NULL;
	}
	mark = xasprintf("%s/../lib/fata/include", folder);
	if (file_exists(mark))
		installed(&sdk, folder);
	else
		in_place(&sdk, folder);
	free(mark);
	free(folder);
	real = realpath(sdk.root, NULL);
	if (real) {
		free(sdk.root);
		sdk.root = real;
	}
	return &sdk;
}
