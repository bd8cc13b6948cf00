/* SPDX-License-Identifier: ISC */
/*
 * File systems of a Linux process are the host's: a mount of the program is a
 * folder that is there already, and its disk is not looked at.
 *
 *     --mount data:/data:ext4     /data must be a folder
 *
 * Interface: fata/fs.h.
 */
#include "core/param.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/fs.h>
#include <fata/log.h>
#include <fata/param.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

FATA_LOG_SOURCE("fs");

/* The path in WHAT:PATH[:KIND]; false when there is none. */
static bool path_of(const char *what, char *path, size_t size)
{
	const char *from = strchr(what, ':');
	size_t n = from ? strcspn(from + 1, ":") : 0;

	if (!n || n >= size)
		return false;
	memcpy(path, from + 1, n);
	path[n] = '\0';
	return true;
}

static bool is_folder(const char *path)
{
	struct stat s;

	return !stat(path, &s) && S_ISDIR(s.st_mode);
}

int fs_mount(const char *what)
{
	char path[4096];

	if (!path_of(what, path, sizeof(path))) {
		log_error("mount %s: expected WHAT:PATH[:KIND]", what);
		return -EINVAL;
	}
	if (is_folder(path))
		return 0;
	log_error("mount %s: %s is no folder of this host", what, path);
	return -ENOENT;
}

int fs_unmount(const char *path)
{
	if (!is_folder(path))
		return -EINVAL;
	sync();
	return 0;
}

static int add_mount(const char *value)
{
	char path[4096];

	if (!path_of(value, path, sizeof(path)))
		return param_bad("bad mount (expected WHAT:PATH[:KIND])");
	if (!is_folder(path))
		return param_bad("%s is no folder of this host", path);
	return 0;
}
FATA_PARAM_LIST(add_mount, "mount", "",
		"WHAT:PATH:KIND, where PATH is a folder of the host");

/* So that the parameter is in every program. */
void unix_fs(void)
{
}
