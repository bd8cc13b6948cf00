/* SPDX-License-Identifier: ISC */
/*
 * The programs of a topology's nodes (sim_topo.h). What was compiled lies in
 * the tool's temporary folder, under the number of its place in the list here.
 */
#include "sim_topo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct strv sources, made; /* made[i] was compiled from sources[i] */

static char *compile(const struct topo_place *at, const char *path,
		     const struct strv *cc)
{
	char *out =
		xasprintf("%s/%s-%zu", temp_folder(), base_name(path), made.n);
	struct strv argv = {0};
	int err;

	strv_addn(&argv, "cc", "-t", "unix", "-O2", "-g", NULL);
	for (size_t i = 0; i < cc->n; i++)
		strv_add(&argv, cc->v[i]);
	strv_addn(&argv, path, "-o", out, NULL);
	err = (ends_with(path, ".c") ? cmd_cc : cmd_cxx)((int)argv.n, argv.v);
	tool_command("sim");
	strv_free(&argv);
	if (!err) {
		strv_add(&sources, path);
		strv_add(&made, out);
		return out;
	}
	free(out);
	topo_fail(at, "%s could not be compiled", path);
	return NULL;
}

static bool is_source(const char *path)
{
	return ends_with(path, ".c") || ends_with(path, ".cc") ||
	       ends_with(path, ".cpp");
}

char *topo_program(const struct topo_place *at, const char *folder,
		   const char *name, const struct strv *cc)
{
	char *path =
		*name == '/' ? xstrdup(name) : xasprintf("%s/%s", folder, name);
	char *program = NULL;

	for (size_t i = 0; i < sources.n; i++)
		if (!strcmp(sources.v[i], path))
			program = xstrdup(made.v[i]);
	if (program)
		;
	else if (access(path, F_OK))
		topo_fail(at, "there is no program %s", path);
	else if (is_source(path))
		program = compile(at, path, cc);
	else if (access(path, X_OK))
		topo_fail(at, "%s cannot be run", path);
	else
		program = xstrdup(path);
	free(path);
	return program;
}
