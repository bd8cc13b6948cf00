/* SPDX-License-Identifier: ISC */
/*
 * A guest as an xl configuration (domain.h), in the words of xl.cfg(5).
 */
#include "domain.h"

/*
 * A string of xl's: in double quotes, where a backslash escapes; what could
 * end the string or the line is written as \xHH.
 */
static void quoted(struct text *t, const char *key, const char *value)
{
	text_printf(t, "%s = \"", key);
	for (const char *c = value; *c; c++) {
		if (*c == '\\')
			text_printf(t, "\\\\");
		else if (*c == '"' || (unsigned char)*c < 0x20)
			text_printf(t, "\\x%02x", *c);
		else
			text_add(t, c, 1);
	}
	text_printf(t, "\"\n");
}

static void write_nets(const struct domain *d, struct text *t)
{
	if (!d->nets.n)
		return;
	text_printf(t, "vif = [\n");
	for (size_t i = 0; i < d->nets.n; i++)
		text_printf(t, "\t'bridge=%s', # %s\n", d->nets.v[i].backing,
			    d->nets.v[i].name);
	text_printf(t, "]\n");
}

static void write_blocks(const struct domain *d, struct text *t)
{
	if (!d->blocks.n)
		return;
	text_printf(t, "disk = [\n");
	for (size_t i = 0; i < d->blocks.n; i++) {
		const struct domain_device *b = &d->blocks.v[i];

		/* target= takes the rest of the line, so it is last */
		text_printf(t,
			    "\t'format=raw, vdev=xvd%c, access=%s%s%s, "
			    "target=%s', # %s\n",
			    (char)('a' + i), b->readonly ? "ro" : "rw",
			    d->block_script ? ", script=" : "",
			    d->block_script ? d->block_script : "", b->backing,
			    b->name);
	}
	text_printf(t, "]\n");
}

static void write_folders(const struct domain *d, struct text *t)
{
	if (!d->folders.n)
		return;
	text_printf(t, "p9 = [\n");
	for (size_t i = 0; i < d->folders.n; i++)
		text_printf(t, "\t'tag=%s, path=%s, security_model=none',\n",
			    d->folders.v[i].name, d->folders.v[i].backing);
	text_printf(t, "]\n");
}

void domain_xl(const struct domain *d, struct text *t)
{
	quoted(t, "name", d->name);
	text_printf(t, "type = \"pvh\"\n");
	quoted(t, "kernel", d->kernel);
	if (*d->cmdline)
		quoted(t, "cmdline", d->cmdline);
	if (d->ramdisk)
		quoted(t, "ramdisk", d->ramdisk);
	text_printf(t, "memory = %llu\nvcpus = 1\n",
		    (unsigned long long)d->memory_mib);
	write_nets(d, t);
	write_blocks(d, t);
	write_folders(d, t);
	if (d->tsc_mode)
		quoted(t, "tsc_mode", d->tsc_mode);
	quoted(t, "on_poweroff", d->on_end);
	quoted(t, "on_reboot", d->on_end);
	quoted(t, "on_watchdog", d->on_end);
	quoted(t, "on_crash", d->on_crash);
	for (size_t i = 0; i < d->settings.n; i++)
		text_printf(t, "%s\n", d->settings.v[i]);
}
