/* SPDX-License-Identifier: ISC */
/*
 * The log: lines with a time, a source and a level, on the console.
 *
 * A file names its source once, with FATA_LOG_SOURCE("net"), and then uses
 * log_error and its sisters. Boot parameter `-l net:debug` (or `-l debug` for
 * all) chooses what is shown. Logging never blocks and never stalls the guest;
 * lines that find no room are counted. A source that writes more lines in a
 * second than `log-rate` is held back, and those lines are counted too. The
 * last lines are kept and shown by a panic, also those that were not shown.
 * Formats: %d %i %u %x %X %p %s %c %% with flags, width, precision and the
 * length modifiers hh h l ll z j t.
 */
#ifndef FATA_LOG_H
#define FATA_LOG_H

#include <fata/base.h>

FATA_BEGIN

/* Of a line; of a source: the last that is shown. */
enum log_level {
	LOG_LEVEL_QUIET,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* A source of lines; one per file or subsystem, found by the linker. */
struct log_source {
	const char *name;
	enum log_level level; /* lines above it are not shown */
	/* private: lines of the current second, those not shown of them */
	uint32_t lines, held;
	uint64_t second;
};

/* Declares this file's source; the name is what -l matches. */
#define FATA_LOG_SOURCE(name_)                                                 \
	static struct log_source fata_log_source                               \
		__attribute__((section("fata_log_sources"), aligned(8),        \
			       used)) = {.name = name_,                        \
					 .level = LOG_LEVEL_INFO,              \
					 .lines = 0,                           \
					 .held = 0,                            \
					 .second = 0}

/*
 * Write one line; the newline is added, control characters and broken UTF-8
 * are written as \xNN, and a line that is too long ends in "...". A line of
 * level LOG_LEVEL_QUIET is always shown. Does not block.
 */
void log_write(const struct log_source *s, enum log_level level,
	       const char *format, ...) FATA_PRINTF(3, 4);

/* The same, from this file's source. */
#define log_error(...) log_write(&fata_log_source, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(&fata_log_source, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(&fata_log_source, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(&fata_log_source, LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Set the level of all sources with that name, or of all at all (NULL).
 * Returns 0, or -ENOENT.
 */
int log_set_level(const char *source, enum log_level level);

FATA_END
#endif
