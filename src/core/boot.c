/* SPDX-License-Identifier: ISC */
/* What a loader gave, bounded and kept from other use; see boot.h. */
#include <core/boot.h>
#include <string.h>

struct boot_info boot_info;

void boot_reserve(struct boot_info *b, const void *data, uint64_t n)
{
	uint64_t at = (uint64_t)data;

	if (n && at + n > at)
		memmap_add(&b->reserved, at & ~4095ull,
			   (at + n + 4095) & ~4095ull);
}

/* A string that the loader gave, made to end within the limit. */
static char *bounded(struct boot_info *b, char *text, bool *cut)
{
	size_t n;

	if (!text)
		return NULL;
	n = strnlen(text, BOOT_CMDLINE_MAX);
	if (n == BOOT_CMDLINE_MAX) {
		text[--n] = '\0';
		*cut = true;
	}
	boot_reserve(b, text, n + 1);
	return text;
}

void boot_set_cmdline(struct boot_info *b, char *text)
{
	b->cmdline = bounded(b, text, &b->cmdline_cut);
}

void boot_add_module(struct boot_info *b, void *data, uint64_t size,
		     char *args)
{
	bool cut;
	char *text;

	if (b->modules == BOOT_MODULES_MAX) {
		b->modules_lost++;
		return;
	}
	text = bounded(b, args, &cut);
	b->module[b->modules++] = (struct boot_module){
		.data = data, .size = size, .args = text ? text : ""};
	boot_reserve(b, data, size);
}

const char *boot_cmdline(void)
{
	return boot_info.cmdline ? boot_info.cmdline : "";
}

unsigned boot_module_count(void)
{
	return boot_info.modules;
}

const struct boot_module *boot_module(unsigned n)
{
	return n < boot_info.modules ? &boot_info.module[n] : NULL;
}

uint64_t boot_entry_ns(void)
{
	return boot_info.entry_ns;
}
