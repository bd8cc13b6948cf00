/* SPDX-License-Identifier: ISC */
/*
 * Options and checks of a guest (domain.h). A device that the image wants and
 * nobody gave is found here, not as a guest that waits for ever.
 */
#include "domain.h"
#include "core/parse.h"
#include "words.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* xl.cfg(5): what xl can do with a guest that has ended. */
static const char *const actions[] = {
	"destroy",          "preserve",         "restart", "rename-restart",
	"coredump-destroy", "coredump-restart", NULL};

static const char *const tsc_modes[] = {"default", "always_emulate", "native",
					NULL};

/* Names that xl, xenstore and a bridge's sysfs all take as they are. */
static bool good_name(const char *s)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_.+-";

	return *s && *s != '-' && strlen(s) <= 63 && !s[strspn(s, ok)];
}

static int one_of(const char *option, const char *const *words,
		  const char *value, const char **where)
{
	struct text list = {0};

	*where = value;
	for (size_t i = 0; words[i]; i++) {
		if (!strcmp(words[i], value))
			return 0;
		text_printf(&list, "%s%s", i ? ", " : "", words[i]);
	}
	return fail_usage("%s %s: expected one of %s", option, value, list.s);
}

void domain_init(struct domain *d)
{
	*d = (struct domain){.on_end = "destroy", .on_crash = "preserve"};
}

static int take_memory(struct domain *d, const char *value)
{
	uint64_t n;

	if (!parse_uint(value, &n) && n < 1ull << 40)
		n <<= 20;
	else if (parse_size(value, &n))
		return fail_usage("--memory %s: not a size (expected 64M, 1G "
				  "or a number of MiB)",
				  value);
	d->memory_mib = (n >> 20) + !!(n & 0xfffff);
	if (!d->memory_mib || d->memory_mib > 1 << 24)
		return fail_usage("--memory %s: must be 1 MiB to 16 TiB",
				  value);
	return 0;
}

/* A kind of device: in words, and the option that gives one. */
static const struct kind {
	const char *what, *option, *value;
} net = {"network interface", "--net", "BRIDGE"},
  block = {"block device", "--block", "FILE"},
  folder = {"shared folder", "--folder", "FOLDER"};

/* NAME=BACKING; the name alone is no use. */
static int take_device(struct domain_devices *list, const struct kind *kind,
		       const char *option, const char *value, bool readonly)
{
	const char *equals = strchr(value, '=');
	char *name = equals ? strndup(value, equals - value) : NULL;

	if (!name || !*name || !equals[1])
		return fail_usage("%s %s: expected NAME=%s", option, value,
				  kind->value);
	if (kind == &net && !good_name(equals + 1))
		return fail_usage("%s %s: '%s' is no name of a bridge", option,
				  value, equals + 1);
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].name, name))
			return fail_usage("%s %s: '%s' is given twice", option,
					  value, name);
	list->v = xrealloc(list->v, (list->n + 1) * sizeof(*list->v));
	list->v[list->n++] = (struct domain_device){name, equals + 1, readonly};
	return 0;
}

/* A file's lines go to the end of the configuration, where they win. */
static int take_config(struct domain *d, const char *path)
{
	uint8_t *data;
	size_t size;
	int err = file_read(path, &data, &size);
	char *copy;

	if (err)
		return fail("--config %s: %s", path, strerror(-err));
	copy = xmalloc(size + 1);
	memcpy(copy, data, size);
	free(data);
	if (strlen(copy) != size)
		return fail("--config %s: not a text file", path);
	if (size && copy[size - 1] == '\n')
		copy[size - 1] = '\0';
	strv_add(&d->settings, copy);
	free(copy);
	return 0;
}

int domain_option(struct domain *d, int code, const char *value)
{
	switch (code) {
	case OPTION_NAME:
		d->name = value;
		return good_name(value)
			       ? 0
			       : fail_usage("--name %s: expected up to 63 "
					    "letters, digits, _ . + -",
					    value);
	case OPTION_MEMORY:
		return take_memory(d, value);
	case OPTION_NET:
		return take_device(&d->nets, &net, net.option, value, false);
	case OPTION_BLOCK:
		return take_device(&d->blocks, &block, block.option, value,
				   false);
	case OPTION_BLOCK_RO:
		return take_device(&d->blocks, &block, "--block-ro", value,
				   true);
	case OPTION_FOLDER:
		return take_device(&d->folders, &folder, folder.option, value,
				   false);
	case OPTION_RAMDISK:
		d->ramdisk = value;
		return 0;
	case OPTION_ON_CRASH:
		return one_of("--on-crash", actions, value, &d->on_crash);
	case OPTION_TSC_MODE:
		return one_of("--tsc-mode", tsc_modes, value, &d->tsc_mode);
	case OPTION_SET:
		if (!strchr(value, '='))
			return fail_usage("--set %s: expected KEY=VALUE as in "
					  "xl.cfg",
					  value);
		strv_add(&d->settings, value);
		return 0;
	default:
		return take_config(d, value);
	}
}

int bad_option(int code, char **argv, const struct option *options)
{
	const char *names[64], *guess = NULL, *word = argv[optind - 1];
	size_t n = 0;

	if (code == ':')
		return fail_usage("%s: the value is missing", word);
	for (; options->name && n < 63; options++)
		names[n++] = options->name;
	names[n] = NULL;
	if (starts_with(word, "--"))
		guess = did_you_mean(word + 2, names);
	if (guess)
		return fail_usage("no option %s; did you mean --%s?", word,
				  guess);
	return fail_usage("no option %s (--help lists them)", word);
}

/*
 * Puts the devices into the order in which the image names them, which is how
 * the guest tells them apart.
 */
static int match(struct domain_devices *given, const struct strv *wanted,
		 const struct image *im, const struct kind *kind)
{
	struct domain_device *sorted;
	size_t n = 0;

	if (!im->fata)
		return 0;
	sorted = xmalloc((given->n + 1) * sizeof(*sorted));
	for (size_t i = 0; i < wanted->n; i++) {
		size_t k = 0;

		while (k < given->n && strcmp(given->v[k].name, wanted->v[i]))
			k++;
		if (k == given->n)
			return fail("%s wants a %s '%s' (give it one with "
				    "%s %s=%s)",
				    im->path, kind->what, wanted->v[i],
				    kind->option, wanted->v[i], kind->value);
		sorted[n++] = given->v[k];
	}
	for (size_t k = 0; k < given->n; k++) {
		size_t i = 0;

		while (i < wanted->n && strcmp(given->v[k].name, wanted->v[i]))
			i++;
		if (i == wanted->n)
			return fail("%s wants no %s '%s' (fata inspect shows "
				    "what it wants)",
				    im->path, kind->what, given->v[k].name);
	}
	given->v = sorted;
	return 0;
}

char *absolute_path(const char *path)
{
	char *full = realpath(path, NULL), cwd[PATH_MAX];

	if (full)
		return full;
	if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return xstrdup(path);
	return xasprintf("%s/%s", cwd, path);
}

static int resolve(const char **path, const char *option, bool here)
{
	*path = absolute_path(*path);
	if (here && access(*path, R_OK))
		return fail("%s: %s: %s", option, *path, strerror(errno));
	if (strpbrk(*path, "\n,'\""))
		return fail("%s: %s: xl cannot take a file name with a comma, "
			    "a quote or a newline",
			    option, *path);
	return 0;
}

static int check_memory(struct domain *d, const struct image *im)
{
	uint64_t least = image_least_mib(im);

	if (!d->memory_mib)
		d->memory_mib = least > 32 ? 2 * least : 64;
	if (d->memory_mib < least)
		return fail("%s needs at least %llu MiB (--memory gives %llu "
			    "MiB)",
			    im->path, (unsigned long long)least,
			    (unsigned long long)d->memory_mib);
	return 0;
}

/* A guest's name from the file's: what xl does not take becomes '-'. */
static char *name_from(const char *path)
{
	char *name = xstrdup(base_name(path));
	char *dot = strrchr(name, '.');

	if (dot && dot != name)
		*dot = '\0';
	if (strlen(name) > 48)
		name[48] = '\0';
	for (char *c = name; *c; c++)
		if (!good_name((char[]){'a', *c, '\0'}))
			*c = '-';
	if (*name == '-')
		*name = '_';
	return name;
}

int domain_finish(struct domain *d, const struct image *im, char *const *words,
		  bool here)
{
	int err = words_check(im, words);

	if (!err)
		err = check_memory(d, im);
	if (!err)
		err = match(&d->nets, &im->nets, im, &net);
	if (!err)
		err = match(&d->blocks, &im->blocks, im, &block);
	if (!err)
		err = match(&d->folders, &im->folders, im, &folder);
	for (size_t i = 0; !err && i < d->blocks.n; i++)
		err = resolve(&d->blocks.v[i].backing, block.option, here);
	for (size_t i = 0; !err && i < d->folders.n; i++)
		err = resolve(&d->folders.v[i].backing, folder.option, here);
	if (!err && d->blocks.n > 26)
		err = fail("more than 26 block devices");
	if (!err && d->ramdisk)
		err = resolve(&d->ramdisk, "--ramdisk", here);
	if (err)
		return err;
	d->kernel = absolute_path(im->path);
	d->cmdline = words_join(words);
	if (!d->name)
		d->name = name_from(im->path);
	return d->cmdline ? 0 : 1;
}
