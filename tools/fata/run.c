/* SPDX-License-Identifier: ISC */
/*
 * `fata run`: an image (or a C file) runs as a guest of the Xen that is here,
 * or of the lab's, or as a Linux process. This file reads the options and
 * decides which of these; run_guest.c and run_unix.c do it.
 */
#include "run.h"
#include "tool.h"
#include "core/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: fata run [OPTIONS] IMAGE|FILE.c [WORDS FOR THE GUEST]\n"
	"Runs an image as a Xen guest, its console on stdin and stdout. A C\n"
	"file is compiled first. ^C asks the guest to shut down; a second "
	"one,\n"
	"or ten seconds, destroy it.\n"
	"\n"
	"  --xl                   use this machine's Xen (default if it has "
	"one)\n"
	"  --lab                  use the lab, a Xen in QEMU (default "
	"otherwise)\n"
	"  -t xen|unix            a guest (default), or a Linux process; then\n"
	"                         --net NAME=tap:DEVICE, packet:DEVICE,\n"
	"                         pcap:IN[,OUT] or user[,fwd=PORT:PORT]\n"
	"  --timeout TIME         end it after 10s, 5m ... (status 124)\n"
	"  --forward PORT:GUEST-PORT, or PORT:ADDRESS:GUEST-PORT\n"
	"                         127.0.0.1:PORT reaches the guest in the lab\n"
	"  --pcap [NAME=]FILE     capture the traffic of an interface (the "
	"first)\n"
	"  -v, --verbose          show what xl says\n" DOMAIN_HELP "\n"
	"--on-crash is destroy, preserve or coredump-destroy (NAME.core, "
	"here).\n"
	"Status: the guest's own; 134 if it crashed; 124 timeout; 125 if it\n"
	"could not be run; 63 and 64 come from its parameters.\n";

enum {
	OPTION_XL = OPTION_OWN,
	OPTION_LAB,
	OPTION_TIMEOUT,
	OPTION_FORWARD,
	OPTION_PCAP,
	OPTION_TARGET = 't',
	OPTION_VERBOSE = 'v',
};

static const struct option options[] = {
	{"xl", no_argument, NULL, OPTION_XL},
	{"lab", no_argument, NULL, OPTION_LAB},
	{"target", required_argument, NULL, OPTION_TARGET},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"forward", required_argument, NULL, OPTION_FORWARD},
	{"pcap", required_argument, NULL, OPTION_PCAP},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	DOMAIN_OPTIONS,
	{NULL, 0, NULL, 0},
};

/* Is this a domain that controls a Xen? */
static bool have_xen(void)
{
	FILE *f = fopen("/proc/xen/capabilities", "re");
	char line[64] = "";
	bool control;

	if (!f)
		return false;
	control = fgets(line, sizeof(line), f) && strstr(line, "control_d");
	fclose(f);
	return control && on_path("xl");
}

/* "10s", "5m", "500ms"; a plain number is seconds. */
static int take_timeout(struct run *r, const char *value)
{
	uint64_t n;

	if (!parse_uint(value, &n) && n < 1ull << 32)
		n *= FATA_NS_PER_S;
	else if (parse_time(value, &n))
		return fail_usage("--timeout %s: not a time (expected 10s, 5m "
				  "or a number of seconds)",
				  value);
	if (!n)
		return fail_usage("--timeout %s: must be more than nothing",
				  value);
	r->guest.timeout_ms = (n + FATA_NS_PER_MS - 1) / FATA_NS_PER_MS;
	return 0;
}

static int take_target(struct run *r, const char *value)
{
	if (strcmp(value, "xen") && strcmp(value, "unix"))
		return fail_usage("-t %s: no such target (xen or unix)", value);
	r->unix_target = !strcmp(value, "unix");
	return 0;
}

static int take_option(struct run *r, int code, const char *value)
{
	if (r->unix_target && !run_unix_option(r, code, value))
		return 0;
	switch (code) {
	case OPTION_XL:
		r->xl = true;
		return 0;
	case OPTION_LAB:
		r->lab = true;
		return 0;
	case OPTION_TARGET:
		return take_target(r, value);
	case OPTION_TIMEOUT:
		return take_timeout(r, value);
	case OPTION_FORWARD:
		return forward_take(&r->forwards, value);
	case OPTION_PCAP:
		r->pcap = value;
		return 0;
	case OPTION_VERBOSE:
		r->guest.verbose = true;
		return 0;
	default:
		return domain_option(&r->domain, code, value);
	}
}

bool run_is_source(const char *path)
{
	return ends_with(path, ".c") || ends_with(path, ".cc") ||
	       ends_with(path, ".cpp");
}

int run_compile(const char **path, bool unix_target)
{
	const char *name = base_name(*path);
	char *out = xasprintf("%s/%.*s%s", temp_folder(),
			      (int)(strrchr(name, '.') - name), name,
			      unix_target ? "" : ".xen");
	char *argv[] = {"cc", "-O2",         "-g", "-o",
			out,  (char *)*path, "-t", unix_target ? "unix" : "xen",
			NULL};
	int err;

	if (access(*path, R_OK))
		return fail("%s: %s", *path, strerror(errno));
	err = (ends_with(*path, ".c") ? cmd_cc : cmd_cxx)(8, argv);
	*path = out;
	return err;
}

/* What the tool itself does when the guest has crashed (guest.c). */
static int take_on_crash(struct run *r)
{
	const char *action = r->domain.on_crash;

	if (strcmp(action, "destroy") && strcmp(action, "preserve") &&
	    strcmp(action, "coredump-destroy"))
		return fail_usage("--on-crash %s: run knows destroy, preserve "
				  "and coredump-destroy",
				  action);
	r->guest.on_crash = action;
	r->domain.on_crash = "preserve";
	r->domain.on_end = "preserve";
	return 0;
}

static int run_image(struct run *r, char **argv)
{
	struct image im;
	int err;

	if (run_is_source(argv[0]) &&
	    run_compile((const char **)&argv[0], false))
		return EXIT_TOOL;
	if (image_open(&im, argv[0]))
		return EXIT_TOOL;
	r->guest.own_name = !r->domain.name;
	err = domain_finish(&r->domain, &im, argv + 1, true);
	image_close(&im);
	if (err)
		return err == 1 ? EXIT_TOOL : err;
	if (r->guest.own_name) /* two may run at the same time */
		r->domain.name = xasprintf("%s-%d", r->domain.name, getpid());
	r->guest.name = r->domain.name;
	r->guest.lab = r->lab || (!r->xl && !have_xen());
	if (!r->guest.lab && !have_xen()) {
		fail("--xl: this machine has no Xen and xl, or you are not "
		     "allowed to use them (--lab brings its own)");
		return EXIT_TOOL;
	}
	if (r->guest.lab && r->domain.folders.n)
		return fail_usage("--folder is for this machine's Xen; the "
				  "lab's sees no folders of this machine");
	if (!r->guest.lab && r->forwards.n)
		return fail_usage("--forward is for the lab; on this machine's "
				  "Xen the bridge leads to the guest");
	if (r->forwards.n && forward_resolve(&r->forwards, argv + 1))
		return EXIT_USAGE;
	if (r->pcap && run_open_pcap(r))
		return EXIT_TOOL;
	return r->guest.lab ? run_in_lab(r) : run_on_xen(r);
}

int cmd_run(int argc, char **argv)
{
	struct run r = {0};
	int code, err = 0;

	domain_init(&r.domain);
	r.unix_target = run_unix_wanted(argc, argv);
	r.domain.on_crash = "destroy";
	while (!err && (code = getopt_long(argc, argv, "+:hn:m:t:v", options,
					   NULL)) != -1) {
		if (code == OPTION_HELP)
			return help(usage);
		if (code == '?' || code == ':')
			return bad_option(code, argv, options);
		err = take_option(&r, code, optarg);
	}
	if (!err && optind == argc)
		err = fail_usage("no image given (fata help run)");
	if (!err && r.xl && r.lab)
		err = fail_usage("--xl and --lab: choose one");
	if (!err)
		err = take_on_crash(&r);
	if (err)
		return err;
	return r.unix_target ? run_unix(&r, argv + optind)
			     : run_image(&r, argv + optind);
}
