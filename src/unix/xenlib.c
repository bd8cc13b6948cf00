/* SPDX-License-Identifier: ISC */
/*
 * Xen's libraries in a Linux process: their log is ours, and grants are mapped
 * where we say.
 *
 * Interface: unix/xenlib.h. xenlib_place is set right before the call that maps
 * and is used up by it; no other task runs between.
 */
#include "unix/xenlib.h"

#include <errno.h>
#include <fata/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

FATA_LOG_SOURCE("xenlib");

void *xenlib_place;

static void message(struct xentoollog_logger *logger, xentoollog_level level,
		    int errnum, const char *context, const char *format,
		    va_list args)
{
	char text[160];

	(void)logger;
	(void)level;
	vsnprintf(text, sizeof(text), format, args);
	log_debug("%s: %s (error %d)", context ? context : "xen", text, errnum);
}

static void progress(struct xentoollog_logger *logger, const char *context,
		     const char *doing, int percent, unsigned long done,
		     unsigned long total)
{
	(void)logger;
	(void)context;
	(void)doing;
	(void)percent;
	(void)done;
	(void)total;
}

static void destroy(struct xentoollog_logger *logger)
{
	(void)logger;
}

struct xentoollog_logger xenlib_logger = {message, progress, destroy};

int xenlib_absent(const char *device, const char *module)
{
	if (errno != ENOENT && errno != ENXIO && errno != ENODEV)
		return -errno;
	log_warn("%s is missing (no Xen, or modprobe %s)", device, module);
	return -ENOSYS;
}

/*
 * EAGAIN (the peer's page is being shared or paged out) would make the library
 * sleep and try again without an end; who called it knows the deadline.
 */
void *xenlib_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	void *place = fd >= 0 ? xenlib_place : NULL, *p;

	if (place) {
		xenlib_place = NULL;
		at = place;
		flags |= MAP_FIXED;
	}
	p = mmap(at, n, prot, flags, fd, off);
	if (p == MAP_FAILED && errno == EAGAIN)
		errno = EBUSY;
	return p;
}
