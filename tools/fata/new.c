/* SPDX-License-Identifier: ISC */
/*
 * `fata new`: a folder with a program that builds and runs, to start from.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"usage: fata new NAME\n"
	"Makes a folder NAME with main.c, Makefile and README.md: a program\n"
	"that `make` builds and `make run` runs as a Xen guest.\n";

/* In the templates, @ stands for the program's name. */
static const char main_c[] =
	"/* @: see README.md */\n"
	"#include <fata/manifest.h>\n"
	"#include <fata/param.h>\n"
	"#include <stdio.h>\n"
	"\n"
	"FATA_NAME(\"@\", \"one line about it\");\n"
	"\n"
	"static const char *who = \"world\";\n"
	"FATA_PARAM_STRING(who, \"who\", \"world\", \"who is greeted\");\n"
	"\n"
	"int main(void)\n"
	"{\n"
	"\tprintf(\"Hello, %s, from @\\n\", who);\n"
	"\treturn 0;\n"
	"}\n";

static const char makefile[] =
	"# make: the image; make run: run it, on this machine's Xen or in the\n"
	"# lab; make clean: remove it.\n"
	"FATA   ?= fata\n"
	"CFLAGS ?= -O2 -g -Wall -Wextra\n"
	"\n"
	"@.xen: $(wildcard *.c *.h)\n"
	"\t$(FATA) cc $(CFLAGS) $(filter %.c,$^) -o $@ $(LDLIBS)\n"
	"\n"
	"run: @.xen\n"
	"\t$(FATA) run @.xen $(ARGS)\n"
	"\n"
	"clean:\n"
	"\trm -f @.xen\n"
	"\n"
	".PHONY: run clean\n";

static const char readme[] =
	"# @\n"
	"\n"
	"A C program that runs as a Xen guest, made with Fata.\n"
	"\n"
	"    make                           build @.xen\n"
	"    make run                       run it\n"
	"    make run ARGS=--who=you        with a boot parameter\n"
	"    fata inspect --params @.xen    the parameters it has\n"
	"    fata config @.xen              the configuration for xl\n"
	"\n"
	"A program says in its source what it needs: `FATA_NET(\"uplink\");` "
	"for a network\n"
	"interface, `FATA_BLOCK(\"data\");` for a disk. `fata run` then asks "
	"for them:\n"
	"`--net uplink=xenbr0 --block data=disk.img`.\n";

/* A name that a guest, a file and a C string all can have. */
static int check_name(const char *name)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_-";
	const char *base = base_name(name);

	if (!*base || *base == '-' || base[strspn(base, ok)] ||
	    strlen(base) > 48)
		return fail_usage("'%s' is no name for a program (expected up "
				  "to 48 letters, digits, - and _)",
				  name);
	return 0;
}

/* `$@` of make is the one @ that is meant as it stands. */
static int write_template(const char *folder, const char *file,
			  const char *template)
{
	char *path = xasprintf("%s/%s", folder, file);
	struct text t = {0};
	int err;

	for (const char *p = template; *p; p++) {
		if (*p == '@' && (p == template || p[-1] != '$'))
			text_add(&t, base_name(folder),
				 strlen(base_name(folder)));
		else
			text_add(&t, p, 1);
	}
	err = file_write(path, t.s, t.n, 0666);
	if (err)
		fail("cannot write %s: %s", path, strerror(-err));
	text_free(&t);
	free(path);
	return err;
}

/* All three files or none. */
static int fill(const char *folder)
{
	static const struct {
		const char *name, *template;
	} files[] = {
		{"main.c", main_c},
		{"Makefile", makefile},
		{"README.md", readme},
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = write_template(folder, files[i].name, files[i].template);
	for (size_t i = 0; err && i < ARRAY_SIZE(files); i++) {
		char *path = xasprintf("%s/%s", folder, files[i].name);

		unlink(path);
		free(path);
	}
	if (err)
		rmdir(folder);
	return err ? 1 : 0;
}

/* A tool that is used in its build folder is not on PATH. */
static void say_next(const char *folder)
{
	char *own = realpath("/proc/self/exe", NULL);

	printf("%s: main.c, Makefile and README.md; next: cd %s && make run",
	       folder, folder);
	if (own && !on_path("fata"))
		printf(" FATA=%s", own);
	putchar('\n');
	free(own);
}

int cmd_new(int argc, char **argv)
{
	int err;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return help(usage);
	if (argc != 2)
		return fail_usage("one name is needed (fata help new)");
	err = check_name(argv[1]);
	if (err)
		return err;
	if (mkdir(argv[1], 0777) < 0)
		return errno == EEXIST ? fail("%s exists already", argv[1])
				       : fail("cannot make %s: %s", argv[1],
					      strerror(errno));
	err = fill(argv[1]);
	if (!err)
		say_next(argv[1]);
	return err;
}
