/* SPDX-License-Identifier: ISC */
/*
 * libc's calls for files on the host: what they ask of those of its files that
 * are not linked with a test. New files get 022 less; there are no devices.
 */
#ifndef FATA_TESTS_UNIT_FS_LIBC_H
#define FATA_TESTS_UNIT_FS_LIBC_H

#include <errno.h>

#include "fs/node.h"
#include "libc/sys.h"
#include "unit/libc_vm.h"

unsigned umask_now(void)
{
	return 022;
}

int dev_open(struct file *f, uint64_t rdev)
{
	(void)f;
	(void)rdev;
	return -ENXIO;
}

#endif
