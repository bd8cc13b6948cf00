/* SPDX-License-Identifier: ISC */
/*
 * `fata config`: the configuration with which xl or libvirt starts an image.
 */
#include "domain.h"
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: fata config [OPTIONS] IMAGE [WORDS FOR THE GUEST]\n"
	"Prints the configuration that starts an image, for xl or libvirt.\n"
	"\n"
	"  --format xl|libvirt    xl.cfg (default), or libvirt's "
	"XML\n" DOMAIN_HELP "\n"
	"--set and --config are xl's alone.\n";

enum { OPTION_FORMAT = OPTION_OWN };

static const struct option options[] = {
	{"format", required_argument, NULL, OPTION_FORMAT},
	DOMAIN_OPTIONS,
	{NULL, 0, NULL, 0},
};

static int print(struct domain *d, bool libvirt, char **argv)
{
	struct text t = {0};
	struct image im;
	int err = image_open(&im, argv[0]);

	if (err)
		return err;
	err = domain_finish(d, &im, argv + 1, false);
	if (!err) {
		(libvirt ? domain_libvirt : domain_xl)(d, &t);
		fwrite(t.s, 1, t.n, stdout);
	}
	text_free(&t);
	image_close(&im);
	return err;
}

int cmd_config(int argc, char **argv)
{
	bool libvirt = false;
	struct domain d;
	int code, err = 0;

	domain_init(&d);
	while (!err && (code = getopt_long(argc, argv, "+:hn:m:", options,
					   NULL)) != -1) {
		if (code == OPTION_HELP)
			return help(usage);
		if (code == '?' || code == ':')
			return bad_option(code, argv, options);
		if (code != OPTION_FORMAT)
			err = domain_option(&d, code, optarg);
		else if (strcmp(optarg, "xl") && strcmp(optarg, "libvirt"))
			err = fail_usage("--format %s: expected xl or libvirt",
					 optarg);
		else
			libvirt = !strcmp(optarg, "libvirt");
	}
	if (err)
		return err;
	if (optind == argc)
		return fail_usage("no image given (fata help config)");
	if (libvirt && d.settings.n)
		return fail_usage("--set and --config are lines for xl, not "
				  "for libvirt");
	if (libvirt && d.folders.n)
		return fail_usage("--folder: libvirt knows no shared folders "
				  "of Xen");
	return print(&d, libvirt, argv + optind);
}
