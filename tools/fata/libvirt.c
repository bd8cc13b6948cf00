/* SPDX-License-Identifier: ISC */
/*
 * A guest as libvirt's XML (domain.h), for `virsh define` on a Xen host.
 */
#include "domain.h"

#include <string.h>
#include <sys/stat.h>

static void escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			text_printf(t, "&amp;");
			break;
		case '<':
			text_printf(t, "&lt;");
			break;
		case '>':
			text_printf(t, "&gt;");
			break;
		case '\'':
			text_printf(t, "&apos;");
			break;
		case '"':
			text_printf(t, "&quot;");
			break;
		default:
			text_add(t, s, 1);
		}
	}
}

static void element(struct text *t, const char *name, const char *value)
{
	text_printf(t, "    <%s>", name);
	escaped(t, value);
	text_printf(t, "</%s>\n", name);
}

static void attribute(struct text *t, const char *name, const char *value)
{
	text_printf(t, " %s='", name);
	escaped(t, value);
	text_printf(t, "'");
}

/* Without a driver libxl chooses the backend, as for xl. */
static void write_disk(struct text *t, const struct domain_device *b, char c)
{
	struct stat st;
	bool device = !stat(b->backing, &st) && S_ISBLK(st.st_mode);

	text_printf(t, "    <disk type='%s' device='disk'>\n",
		    device ? "block" : "file");
	text_printf(t, "      <source");
	attribute(t, device ? "dev" : "file", b->backing);
	text_printf(t, "/>\n      <target dev='xvd%c' bus='xen'/>\n", c);
	if (b->readonly)
		text_printf(t, "      <readonly/>\n");
	text_printf(t, "    </disk>\n");
}

static void write_devices(struct text *t, const struct domain *d)
{
	text_printf(t, "  <devices>\n");
	for (size_t i = 0; i < d->blocks.n; i++)
		write_disk(t, &d->blocks.v[i], 'a' + i);
	for (size_t i = 0; i < d->nets.n; i++) {
		text_printf(t, "    <interface type='bridge'>\n"
			       "      <source");
		attribute(t, "bridge", d->nets.v[i].backing);
		text_printf(t, "/>\n    </interface>\n");
	}
	text_printf(t, "    <console type='pty'>\n"
		       "      <target type='xen' port='0'/>\n"
		       "    </console>\n  </devices>\n");
}

void domain_libvirt(const struct domain *d, struct text *t)
{
	text_printf(t, "<domain type='xen'>\n  <name>");
	escaped(t, d->name);
	text_printf(t,
		    "</name>\n  <memory unit='MiB'>%llu</memory>\n"
		    "  <vcpu>1</vcpu>\n  <os>\n"
		    "    <type arch='x86_64' machine='xenpvh'>xenpvh"
		    "</type>\n",
		    (unsigned long long)d->memory_mib);
	element(t, "kernel", d->kernel);
	if (d->ramdisk)
		element(t, "initrd", d->ramdisk);
	if (*d->cmdline)
		element(t, "cmdline", d->cmdline);
	text_printf(t, "  </os>\n");
	if (d->tsc_mode && !strcmp(d->tsc_mode, "native"))
		text_printf(t, "  <clock offset='utc'>\n    <timer name='tsc' "
			       "mode='native'/>\n  </clock>\n");
	text_printf(t,
		    "  <on_poweroff>%s</on_poweroff>\n"
		    "  <on_reboot>%s</on_reboot>\n"
		    "  <on_crash>%s</on_crash>\n",
		    d->on_end, d->on_end, d->on_crash);
	write_devices(t, d);
	text_printf(t, "</domain>\n");
}
