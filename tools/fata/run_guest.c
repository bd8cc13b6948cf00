/* SPDX-License-Identifier: ISC */
/*
 * A guest of the Xen that is here, or of the lab's: its files are put where xl
 * finds them, the configuration is written, and what the guest leaves (disks, a
 * core) is brought back. guest.c does the rest.
 */
#include "core.h"
#include "job.h"
#include "lab.h"
#include "run.h"
#include "sdk.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int run_open_pcap(struct run *r)
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

int run_in_lab(struct run *r)
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

int run_on_xen(struct run *r)
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
