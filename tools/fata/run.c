/* SPDX-License-Identifier: ISC */
/*
 * `fata run`: an image (or a C file) runs as a guest of the Xen that is here,
 * or of the lab's. This file turns options into a configuration and files into
 * places where xl finds them; guest.c does the rest.
 */
#include "core.h"
#include "domain.h"
#include "forward.h"
#include "guest.h"
#include "job.h"
#include "lab.h"
#include "sdk.h"
#include "tool.h"
#include "core/parse.h"

#include <errno.h>
#include <fcntl.h>
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

struct run {
	struct domain domain;
	struct guest_options guest;
	struct forwards forwards;
	const char *pcap; /* a file, or NAME=FILE */
	bool xl, lab, unix_target;
	struct strv devices; /* for a Linux process: as it takes them */
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

static int take_unix(struct run *r, int code, const char *value);

static int take_option(struct run *r, int code, const char *value)
{
	if (r->unix_target && !take_unix(r, code, value))
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

static bool is_source(const char *path)
{
	return ends_with(path, ".c") || ends_with(path, ".cc") ||
	       ends_with(path, ".cpp");
}

/* A C file becomes an image in our temporary folder; *path then names it. */
static int compile(const char **path, bool unix_target)
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

/* timeout(1) ends it, if it must be ended; devices come before its words. */
static int run_unix(const struct run *r, char **argv)
{
	struct strv c = {0};
	char *path, *limit;

	if (is_source(argv[0]) && compile((const char **)&argv[0], true))
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

/* The program's own parameters for its devices; -1: no such option. */
static int take_unix(struct run *r, int code, const char *value)
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

/* Is the target unix? It must be known before the other options are read. */
static bool wants_unix(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc && argv[i][0] == '-'; i++)
		if ((!strcmp(argv[i], "-t") || !strcmp(argv[i], "--target")) &&
		    !strcmp(argv[i + 1], "unix"))
			return true;
	return false;
}

/* --- in the lab -------------------------------------------------------- */

/* Copies a file into dom0's folder; *path becomes its place there. */
static int put(const char **path, const char *folder, const char *as)
{
	char *there = xasprintf("%s/%s", folder, as);
	int err = lab_put(*path, there);

	*path = there;
	return err;
}

static int put_all(struct domain *d, const char *folder)
{
	int err = put(&d->kernel, folder, "kernel");

	if (!err && d->ramdisk)
		err = put(&d->ramdisk, folder, "ramdisk");
	for (size_t i = 0; !err && i < d->blocks.n; i++) {
		char *as = xasprintf("disk%zu", i);

		err = put(&d->blocks.v[i].backing, folder, as);
		free(as);
	}
	return err;
}

/* Disks that the guest may have written come back, whole or not at all. */
static int get_disks(const struct domain *d, const struct domain_device *mine)
{
	int err = 0;

	for (size_t i = 0; !err && i < d->blocks.n; i++)
		if (!d->blocks.v[i].readonly)
			err = lab_get(d->blocks.v[i].backing, mine[i].backing);
	return err;
}

static char *write_config(const struct domain *d)
{
	char *path = xasprintf("%s/xl.cfg", temp_folder());
	struct text t = {0};
	int err;

	domain_xl(d, &t);
	err = file_write(path, t.s, t.n, 0666);
	text_free(&t);
	if (!err)
		return path;
	fail("cannot write %s: %s", path, strerror(-err));
	free(path);
	return NULL;
}

/* xl's dump, if it made one, becomes NAME.core in this folder. */
static void finish_core(const struct run *r, const char *dump)
{
	char *core = xasprintf("%s.core", r->domain.name);

	if (file_exists(dump) && !core_convert(dump, core)) {
		fprintf(stderr,
			"fata: run: the guest's core is %s (gdb IMAGE "
			"%s)\n",
			core, core);
		unlink(dump);
	}
	free(core);
}

/* The same from dom0. */
static void get_core(const struct run *r)
{
	char *here = xasprintf("%s.dump", r->domain.name);
	char *test[] = {"test", "-e", (char *)r->guest.core, NULL};

	if (job_run(true, test, -1) == 0 && !lab_get(r->guest.core, here))
		finish_core(r, here);
	free(here);
}

/* Which card, and the file: before anything boots. */
static int open_pcap(struct run *r)
{
	const struct domain_devices *nets = &r->domain.nets;
	const char *file = r->pcap, *equals = strchr(r->pcap, '=');
	const struct sdk *sdk = sdk_find();

	for (size_t i = 0; equals && i < nets->n; i++) {
		if (strlen(nets->v[i].name) != (size_t)(equals - r->pcap) ||
		    !starts_with(r->pcap, nets->v[i].name))
			continue;
		r->guest.capture_card = i;
		file = equals + 1;
	}
	if (!nets->n)
		return fail("--pcap: the guest has no network interface");
	if (!sdk)
		return 1;
	r->guest.capture = xasprintf("%s/fata-capture", sdk->lib);
	if (access(r->guest.capture, X_OK))
		return fail("--pcap: %s: %s", r->guest.capture,
			    strerror(errno));
	r->guest.pcap =
		open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r->guest.pcap < 0)
		return fail("--pcap: %s: %s", file, strerror(errno));
	return 0;
}

static int run_in_lab(struct run *r)
{
	struct domain *d = &r->domain;
	char *folder = xasprintf("/tmp/fata-%s-%d", d->name, getpid());
	char *make[] = {"mkdir", "-p", folder, NULL};
	char *remove[] = {"rm", "-rf", folder, NULL};
	size_t bytes = d->blocks.n * sizeof(struct domain_device);
	struct domain_device *mine = xmalloc(bytes);
	const char *config = NULL;
	int status = EXIT_TOOL;

	if (lab_up(NULL))
		return EXIT_TOOL;
	if (bytes)
		memcpy(mine, d->blocks.v, bytes);
	d->block_script = "block";
	r->guest.core = xasprintf("%s/core", folder);
	job_run(true, make, -1);
	if (!put_all(d, folder) &&
	    (!r->guest.capture || !put(&r->guest.capture, folder, "capture")))
		config = write_config(d);
	if (config && !put(&config, folder, "xl.cfg") &&
	    !forward_open(&r->forwards)) {
		r->guest.config = config;
		status = guest_run(&r->guest);
		forward_close(&r->forwards);
		if (starts_with(r->guest.on_crash, "coredump"))
			get_core(r);
		if (get_disks(d, mine))
			status = EXIT_TOOL;
	}
	job_run(true, remove, -1);
	return status;
}

static int run_here(struct run *r)
{
	char *config = write_config(&r->domain);
	int status = EXIT_TOOL;

	r->guest.core = xasprintf("%s.dump", r->domain.name);
	r->guest.config = config;
	if (config)
		status = guest_run(&r->guest);
	if (starts_with(r->guest.on_crash, "coredump"))
		finish_core(r, r->guest.core);
	return status;
}

/* --- the command ------------------------------------------------------- */

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

	if (is_source(argv[0]) && compile((const char **)&argv[0], false))
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
	if (!r->guest.lab && r->forwards.n)
		return fail_usage("--forward is for the lab; on this machine's "
				  "Xen the bridge leads to the guest");
	if (r->forwards.n && forward_resolve(&r->forwards, argv + 1))
		return EXIT_USAGE;
	if (r->pcap && open_pcap(r))
		return EXIT_TOOL;
	return r->guest.lab ? run_in_lab(r) : run_here(r);
}

int cmd_run(int argc, char **argv)
{
	struct run r = {0};
	int code, err = 0;

	domain_init(&r.domain);
	r.unix_target = wants_unix(argc, argv);
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
