/* SPDX-License-Identifier: ISC */
/*
 * Dom0's hands in the simulated xenstore: what a test, as the toolstack, reads,
 * writes and removes, what is there when a guest is made, and its devices.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "lib/sim_xenstore.h"

int sim_xs_remove(struct sim_xs_node *root, const char *path)
{
	char *slash = strrchr(path, '/');
	char *up = sim_xs_must(strndup(path, slash - path));
	struct sim_xs_node *parent = sim_xs_lookup(root, up), **p, *node;

	free(up);
	if (!slash[1])
		return EINVAL;
	if (!parent)
		return ENOENT;
	p = sim_xs_child(parent, slash + 1, strlen(slash + 1));
	node = *p;
	if (!node)
		return 0; /* as the daemon: it is gone, as wished */
	*p = node->next;
	sim_xs_node_free(node);
	parent->generation = ++sim_xs()->generation;
	return 0;
}

const char *sim_xs_read(const char *path)
{
	struct sim_xs_node *node = sim_xs_lookup(sim_xs()->root, path);

	return node ? (char *)node->value : NULL;
}

void sim_xs_write(const char *path, const char *value)
{
	sim_xs_set_value(sim_xs_make(sim_xs()->root, path, 0), value,
			 strlen(value));
	sim_xs_fire(path, false);
}

void sim_xs_rm(const char *path)
{
	sim_xs_remove(sim_xs()->root, path);
	sim_xs_fire(path, true);
}

void sim_xs_perms(const char *path, const char *const *perms, unsigned int n)
{
	struct sim_xs_node *node = sim_xs_lookup(sim_xs()->root, path);

	if (!node || n == 0 || n > SIM_XS_PERMS)
		sim_die("permissions of %s", path);
	for (unsigned int i = 0; i < n; i++)
		if (sim_xs_parse_perm(perms[i], &node->perms[i]))
			sim_die("permission %s", perms[i]);
	node->n_perms = n;
	sim_xs()->generation++;
	sim_xs_fire(path, false);
}

void sim_xs_start(void)
{
	sim.xenstore = sim_xs_must(calloc(1, sizeof(*sim.xenstore)));
	sim_xs()->root = sim_xs_node_new("", 0);
	sim_xs()->root->perms[0] = (struct sim_xs_perm){.id = 0, .access = 'n'};
	sim_xs()->root->n_perms = 1;
	sim_xs_make(sim_xs()->root, "/local/domain/0", 0);
	sim_xs_make(sim_xs()->root, "/tool", 0);
}

static void guest_dir(struct sim_domain *d, const char *name, bool writable)
{
	char path[128], owner[16], reader[16];
	const char *perms[2] = {owner, reader};

	snprintf(path, sizeof(path), "/local/domain/%u%s", d->id, name);
	snprintf(owner, sizeof(owner), "n%u", writable ? d->id : 0);
	snprintf(reader, sizeof(reader), "r%u", writable ? 0 : d->id);
	sim_xs_make(sim_xs()->root, path, 0);
	sim_xs_perms(path, perms, 2);
}

void sim_xs_populate(struct sim_domain *d)
{
	static const char *const rw[] = {
		"/data",
		"/drivers",
		"/feature",
		"/attr",
		"/error",
		"/device",
		"/device/suspend/event-channel",
		"/control/shutdown",
		"/control/feature-poweroff",
		"/control/feature-reboot",
		"/control/feature-suspend",
		"/control/sysrq",
	};
	static const char *const values[][2] = {
		{"name", "guest"},
		{"memory/target", "65536"},
		{"memory/static-max", "65536"},
		{"control/platform-feature-multiprocessor-suspend", "1"},
	};
	char path[128], id[8];

	guest_dir(d, "", false);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/%s", d->id,
			 values[i][0]);
		sim_xs_write(path, values[i][1]);
	}
	snprintf(path, sizeof(path), "/local/domain/%u/domid", d->id);
	snprintf(id, sizeof(id), "%u", d->id);
	sim_xs_write(path, id);
	for (size_t i = 0; i < sizeof(rw) / sizeof(rw[0]); i++)
		guest_dir(d, rw[i], true);
}

int sim_back_state(int front, int own, int ready)
{
	if (front == XenbusStateInitialising)
		return own == XenbusStateClosed ||
				       own == XenbusStateInitialising
			       ? XenbusStateInitWait
			       : 0;
	if (front == ready)
		return own == XenbusStateInitWait ? XenbusStateConnected : 0;
	if (front == XenbusStateClosing || front == XenbusStateClosed)
		return own != front ? front : 0;
	return 0;
}

static void key(const char *folder, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	sim_xs_write(path, value);
}

static void watch_once(void (*changed)(void *arg, const char *path))
{
	for (struct sim_xs_watch *w = sim_xs()->watches; w; w = w->next)
		if (w->fn == changed)
			return;
	sim_xs_watch("/local/domain/5/device", changed, NULL);
}

void sim_device_make(const char *front, const char *back,
		     void (*changed)(void *arg, const char *path))
{
	watch_once(changed);
	sim_xs_write(back, "");
	sim_xs_perms(back, (const char *[]){"n0", "r5"}, 2);
	key(back, "frontend", front);
	key(back, "online", "1");
	sim_xs_write(front, "");
	sim_xs_perms(front, (const char *[]){"n5", "r0"}, 2);
}

void sim_device_begin(const char *front, const char *back, int state)
{
	unsigned int domain;
	char text[16];

	CHECK(sscanf(back, "/local/domain/%u/", &domain) == 1);
	snprintf(text, sizeof(text), "%d", state);
	key(back, "state", text);
	snprintf(text, sizeof(text), "%u", domain);
	key(front, "backend-id", text);
	key(front, "state", "1");
	key(front, "backend", back);
}
