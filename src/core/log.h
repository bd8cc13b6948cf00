/* SPDX-License-Identifier: ISC */
/* The inside of the log: what a panic and the boot need; see fata/log.h. */
#ifndef FATA_CORE_LOG_H
#define FATA_CORE_LOG_H

#include <fata/log.h>
#include <stdarg.h>

void log_write_v(const struct log_source *s, enum log_level level,
		 const char *format, va_list args) FATA_PRINTF(3, 0);

/*
 * The last lines, oldest first, as they were (or would have been) written.
 * `out` may be called more than once.
 */
void log_tail(void (*out)(const char *text, size_t n));

/*
 * Give the tail the size that parameter `log-tail` asks for, once the heap and
 * the parameters are there. What was written before is kept as far as it fits.
 */
void log_init(void);

#endif
