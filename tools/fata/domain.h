/* SPDX-License-Identifier: ISC */
/*
 * A guest to be: what `fata run` and `fata config` know of it from their
 * options and from the image, and its forms as text.
 *
 * Interface: domain_init; domain_option for each option of DOMAIN_OPTIONS;
 * domain_finish checks it all against the image; then domain_xl or
 * domain_libvirt write it down. Memory is never freed: a command handles one.
 */
#ifndef TOOL_DOMAIN_H
#define TOOL_DOMAIN_H

#include "image.h"

#include <getopt.h>

/* A device of the guest. The n-th of its kind is the guest's n-th. */
struct domain_device {
	const char *name;    /* the image's name for it */
	const char *backing; /* bridge; file or folder, absolute in the end */
	bool readonly;
};

struct domain_devices {
	struct domain_device *v;
	size_t n;
};

struct domain {
	const char *name, *kernel, *cmdline, *ramdisk;
	uint64_t memory_mib;
	struct domain_devices nets, blocks, folders;
	const char *on_end; /* poweroff, reboot, watchdog */
	const char *on_crash;
	const char *tsc_mode;     /* NULL: Xen's default */
	const char *block_script; /* NULL: Xen's default */
	struct strv settings;     /* lines of xl's, last */
};

/* getopt_long's codes and entries of the options that both commands have. */
enum {
	OPTION_NAME = 'n',
	OPTION_MEMORY = 'm',
	OPTION_NET = 256,
	OPTION_BLOCK,
	OPTION_BLOCK_RO,
	OPTION_FOLDER,
	OPTION_RAMDISK,
	OPTION_ON_CRASH,
	OPTION_TSC_MODE,
	OPTION_SET,
	OPTION_CONFIG,
	OPTION_HELP = 'h',
	OPTION_OWN = 300, /* a command's own begin here */
};

#define DOMAIN_OPTIONS                                                         \
	{"name", required_argument, NULL, OPTION_NAME},                        \
		{"memory", required_argument, NULL, OPTION_MEMORY},            \
		{"net", required_argument, NULL, OPTION_NET},                  \
		{"block", required_argument, NULL, OPTION_BLOCK},              \
		{"block-ro", required_argument, NULL, OPTION_BLOCK_RO},        \
		{"folder", required_argument, NULL, OPTION_FOLDER},            \
		{"ramdisk", required_argument, NULL, OPTION_RAMDISK},          \
		{"on-crash", required_argument, NULL, OPTION_ON_CRASH},        \
		{"tsc-mode", required_argument, NULL, OPTION_TSC_MODE},        \
		{"set", required_argument, NULL, OPTION_SET},                  \
		{"config", required_argument, NULL, OPTION_CONFIG},            \
	{                                                                      \
		"help", no_argument, NULL, OPTION_HELP                         \
	}

#define DOMAIN_HELP                                                            \
	"  --name NAME            the guest's name (default: the image's)\n"   \
	"  --memory SIZE          64M, 1G; a plain number is MiB (default "    \
	"64)\n"                                                                \
	"  --net NAME=BRIDGE      join the image's interface NAME to a "       \
	"bridge\n"                                                             \
	"  --block NAME=FILE      file or device behind the image's disk "     \
	"NAME\n"                                                               \
	"  --block-ro NAME=FILE   the same, read-only\n"                       \
	"  --folder NAME=FOLDER   share a folder of the host as the image's "  \
	"NAME\n"                                                               \
	"  --ramdisk FILE         a boot module\n"                             \
	"  --on-crash ACTION      destroy, preserve, restart, "                \
	"coredump-destroy,\n"                                                  \
	"                         coredump-restart\n"                          \
	"  --tsc-mode MODE        default, always_emulate, native\n"           \
	"  --set LINE             a line of xl.cfg(5), such as hap=0\n"        \
	"  --config FILE          all lines of an xl configuration file\n"

void domain_init(struct domain *d);

/* Takes an option: 0, or an exit status after saying what is wrong. */
int domain_option(struct domain *d, int code, const char *value);

/*
 * Completes and checks the guest: enough memory, every device that the image
 * wants, its parameters, the files (if `here`, they must exist). 0, or an exit
 * status after saying what is wrong.
 */
int domain_finish(struct domain *d, const struct image *im, char *const *words,
		  bool here);

/* An absolute path for one that may not exist. */
char *absolute_path(const char *path);

/* xl's configuration; libvirt's XML. */
void domain_xl(const struct domain *d, struct text *out);
void domain_libvirt(const struct domain *d, struct text *out);

/* Says what getopt_long found wrong with argv[optind - 1]; EXIT_USAGE. */
int bad_option(int code, char **argv, const struct option *options);

#endif
