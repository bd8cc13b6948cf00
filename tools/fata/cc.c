/* SPDX-License-Identifier: ISC */
/*
 * `fata cc`: a C compiler whose output Xen boots.
 *
 * It is gcc (or clang) with musl's headers and Fata's in place of the host's,
 * and, when it links, with the start files, libraries and linker script of an
 * image; then postlink.h. Everything else is passed on untouched, so that a
 * configure script or a Makefile can take it as CC.
 *
 * The link happens in a temporary folder beside the output and is renamed
 * last: whatever fails, no half-made image stays, and an older one survives.
 */
#include "ccargs.h"
#include "postlink.h"
#include "sdk.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: fata cc [--cc=COMPILER] [-t xen|unix] [-v] [OPTIONS] FILE...\n"
	"Compiles and links C into an image that Xen boots as a PVH guest.\n"
	"\n"
	"  --cc=COMPILER  gcc (default), clang, or another of that kind;\n"
	"                 FATA_CC in the environment does the same\n"
	"  -t unix        an ordinary Linux program instead of an image, with\n"
	"                 the host's libc; -fsanitize=... works\n"
	"  -v             show the compiler's command line\n"
	"\n"
	"All other options are the compiler's: -c, -o, -O2, -g, -D, -I, -l,\n"
	"-Wl,-Map=FILE ... `fata c++` is the same with the C++ compiler.\n";

/* Code that can run in ring 0 beside the platform; the user's flags win. */
static const char *const code_flags[] = {
	"-D__FATA__",      "-D__FATA_XEN__",
	"-fno-pic",        "-fno-pie",
	"-mcmodel=small",  "-fstack-protector-strong",
	"-fcf-protection", "-fno-omit-frame-pointer",
};

static bool is_clang(const char *compiler)
{
	return strstr(base_name(compiler), "clang") != NULL;
}

/* The compiler's own headers (stdarg.h and the like). */
static char *compiler_headers(const char *compiler)
{
	const char *ask = is_clang(compiler) ? "-print-resource-dir"
					     : "-print-file-name=include";
	char *argv[] = {(char *)compiler, (char *)ask, NULL};
	char *line = run_and_read(argv), *folder;

	if (!line || !is_clang(compiler))
		return line;
	folder = xasprintf("%s/include", line);
	free(line);
	return folder;
}

static int add_compile_flags(struct strv *c, const struct cc_args *a,
			     const struct sdk *sdk)
{
	char *own = compiler_headers(a->compiler);

	if (!own)
		return fail("%s does not say where its headers are",
			    a->compiler);
	strv_addn(c, "-nostdinc", "-isystem", sdk->musl_include, "-isystem",
		  own, "-isystem", sdk->include, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(code_flags); i++)
		strv_add(c, code_flags[i]);
	if (is_clang(a->compiler))
		strv_add(c, "-Wno-unused-command-line-argument");
	free(own);
	return 0;
}

static void add_file(struct strv *c, const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);

	strv_add(c, path);
	free(path);
}

/* What stands before the user's words when an image is linked ... */
static void add_link_start(struct strv *c, const struct sdk *sdk)
{
	strv_addn(c, "-nostdlib", "-static", "-no-pie", "-Wl,--gc-sections",
		  "-Wl,--build-id=none", "-Wl,-z,noexecstack",
		  "-Wl,--eh-frame-hdr", "-Wl,--wrap=__newlocale",
		  "-Wl,--wrap=__duplocale", "-T", NULL);
	add_file(c, sdk->lib, "fata.ld");
	add_file(c, sdk->musl_lib, "crt1.o");
	add_file(c, sdk->musl_lib, "crti.o");
}

/* ... and after them. Our libc.a is found before musl's own by -lc. */
static void add_link_end(struct strv *c, const struct sdk *sdk)
{
	strv_addn(c, "-x", "none", "-L", sdk->lib, "-L", sdk->musl_lib,
		  "-Wl,--start-group", NULL);
	add_file(c, sdk->lib, "libfata.a");
	add_file(c, sdk->lib, "libc.a");
	add_file(c, sdk->lib, "libglibc.a");
	add_file(c, sdk->lib, "libext2fs.a");
	add_file(c, sdk->lib, "libcom_err.a");
	strv_addn(c, "-lgcc", "-Wl,--end-group", NULL);
	add_file(c, sdk->musl_lib, "crtn.o");
}

/* Is that sanitizer asked for; NULL: any? */
static bool sanitizes(const struct cc_args *a, const char *which)
{
	for (size_t i = 0; i < a->args.n; i++)
		if (starts_with(a->args.v[i], "-fsanitize=") &&
		    (!which || strstr(a->args.v[i], which)))
			return true;
	return false;
}

/*
 * Where the runtime is: under the same sanitizers as the program, if it was
 * built so (make sanitized); else the ordinary one.
 */
static char *unix_folder(const struct cc_args *a, const struct sdk *sdk)
{
	const char *variant = NULL;
	char *folder, *lib;

	if (sanitizes(a, "thread"))
		variant = "tsan";
	else if (sanitizes(a, "address") && sanitizes(a, "undefined"))
		variant = "asan";
	if (!variant)
		return xasprintf("%s", sdk->lib);
	folder = xasprintf("%s/%s", sdk->lib, variant);
	lib = xasprintf("%s/libfata-unix-io.a", folder);
	if (!file_exists(lib)) {
		free(folder);
		folder = xasprintf("%s", sdk->lib);
	}
	free(lib);
	return folder;
}

/* A sanitizer's own library comes before ours: then all of it is linked. */
static int add_unix_libs(struct strv *c, const struct cc_args *a,
			 const struct sdk *sdk)
{
	char *folder = unix_folder(a, sdk);
	char *lib = xasprintf("%s/libfata-unix.a", folder);
	char *io = xasprintf("%s/libfata-unix-io.a", folder);
	int err = 0;

	if (!file_exists(lib) || !file_exists(io))
		err = fail("%s is missing (run make, or reinstall)", lib);
	else if (sanitizes(a, NULL))
		strv_addn(c, "-x", "none", "-Wl,--wrap=main",
			  "-Wl,--whole-archive", io, "-Wl,--no-whole-archive",
			  lib, "-lm", NULL);
	else
		strv_addn(c, "-x", "none", "-Wl,--wrap=main",
			  "-Wl,--start-group", io, lib, "-Wl,--end-group",
			  "-lm", NULL);
	free(folder);
	free(lib);
	free(io);
	return err;
}

/*
 * The host's compiler and libc; our archives come before libc, whose blocking
 * calls they replace, and stand before main.
 */
static int add_unix(struct strv *c, const struct cc_args *a,
		    const struct sdk *sdk)
{
	strv_addn(c, "-D__FATA__", "-D__FATA_UNIX__", "-isystem", sdk->include,
		  NULL);
	for (size_t i = 0; i < a->args.n; i++)
		strv_add(c, a->args.v[i]);
	return a->links && !a->asks ? add_unix_libs(c, a, sdk) : 0;
}

/* A message now is clearer than the linker's about each missing file. */
static int check_sdk(const struct sdk *sdk, bool links)
{
	const char *const need[] = {sdk->include, sdk->musl_include,
				    sdk->musl_lib};
	static const char *const libs[] = {"fata.ld",     "libfata.a",
					   "libc.a",      "libglibc.a",
					   "libext2fs.a", "libcom_err.a"};

	for (size_t i = 0; i < ARRAY_SIZE(need); i++)
		if (!file_exists(need[i]))
			return fail("%s is missing (run make, or reinstall)",
				    need[i]);
	for (size_t i = 0; links && i < ARRAY_SIZE(libs); i++) {
		char *path = xasprintf("%s/%s", sdk->lib, libs[i]);
		bool there = file_exists(path);

		if (!there)
			fail("%s is missing (run make, or reinstall)", path);
		free(path);
		if (!there)
			return 1;
	}
	return 0;
}

static void show(const struct strv *c)
{
	for (size_t i = 0; i < c->n; i++)
		fprintf(stderr, "%s%s", i ? " " : "", c->v[i]);
	fputc('\n', stderr);
}

/* Runs the compiler; its messages are its own. */
static int compile(struct strv *c, const struct cc_args *a)
{
	int status;

	if (a->verbose)
		show(c);
	status = run_program(c->v);
	if (status < 0)
		return fail("cannot run %s: %s", c->v[0], strerror(-status));
	return status;
}

/*
 * Links into a folder of its own beside the output. With side files (-MD ...)
 * the compiler must know the real name: then it writes there, and what is
 * there is removed when the image cannot be finished.
 */
static int link_image(struct strv *c, const struct cc_args *a)
{
	const char *out = a->output ? a->output : "a.out";
	char *folder = xasprintf("%s.XXXXXX", out), *file;
	int status;

	if (a->side_files) {
		strv_addn(c, "-o", out, NULL);
		status = compile(c, a);
		if (!status && (status = postlink(out, out)) &&
		    !file_is_special(out))
			unlink(out);
		free(folder);
		return status;
	}
	if (!mkdtemp(folder)) {
		status = fail("cannot write %s: %s", out, strerror(errno));
		free(folder);
		return status;
	}
	file = xasprintf("%s/%s", folder, base_name(out));
	strv_addn(c, "-o", file, NULL);
	status = compile(c, a);
	if (!status)
		status = postlink(file, out);
	unlink(file);
	rmdir(folder);
	free(file);
	free(folder);
	return status;
}

static int drive(const struct cc_args *a, const struct sdk *sdk, struct strv *c)
{
	bool image = a->links && !a->unix_target && !a->asks;
	int err;

	strv_add(c, a->compiler);
	if (a->unix_target) {
		err = add_unix(c, a, sdk);
	} else {
		err = check_sdk(sdk, image);
		if (!err)
			err = add_compile_flags(c, a, sdk);
		if (!err && image)
			add_link_start(c, sdk);
		for (size_t i = 0; i < a->args.n; i++)
			strv_add(c, a->args.v[i]);
		if (!err && image)
			add_link_end(c, sdk);
	}
	if (err)
		return err;
	if (image)
		return link_image(c, a);
	if (a->output)
		strv_addn(c, "-o", a->output, NULL);
	return compile(c, a);
}

static int run_compiler(bool cxx, int argc, char **argv)
{
	const struct sdk *sdk;
	struct strv command = {0};
	struct cc_args a;
	int err = cc_parse(&a, cxx, argc, argv);

	if (err || a.help) {
		cc_args_free(&a);
		return err ? err : help(usage);
	}
	if (!a.inputs && a.verbose)
		strv_add(&a.args, "-v"); /* `cc -v` asks for the version */
	if (!a.inputs && !a.asks && !a.verbose) {
		cc_args_free(&a);
		return fail_usage("no input files (fata help cc)");
	}
	a.asks = a.asks || !a.inputs;
	sdk = sdk_find();
	err = sdk ? drive(&a, sdk, &command) : 1;
	strv_free(&command);
	cc_args_free(&a);
	return err;
}

int cmd_cc(int argc, char **argv)
{
	return run_compiler(false, argc, argv);
}

int cmd_cxx(int argc, char **argv)
{
	return run_compiler(true, argc, argv);
}
