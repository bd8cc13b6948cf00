/* SPDX-License-Identifier: ISC */
/*
 * The unclean end. Nothing is trusted any more: no heap, no tasks, no console
 * but the emergency one. What fails in here ends the guest at once.
 *
 * Interface: fata_panic in fata/end.h.
 */
#include "core/fmt.h"
#include "core/log.h"
#include "core/task.h"
#include "platform.h"

#include <fata/end.h>
#include <stdarg.h>
#include <string.h>

static void emergency(const char *text)
{
	platform_emergency(text, strlen(text));
}

void fata_panic(const char *format, ...)
{
	static unsigned depth;
	static char line[512];
	va_list args;
	size_t n;

	if (depth++)
		platform_end(END_CRASH, 255);
	n = fmt(line, sizeof(line), "fata: panic: ");
	va_start(args, format);
	fmt_v(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	n = strlen(line);
	line[n++] = '\n';
	platform_emergency(line, n);
	platform_dump();
	emergency("fata: tasks:\n");
	task_dump(platform_emergency);
	emergency("fata: last log lines:\n");
	log_tail(platform_emergency);
	platform_end(END_CRASH, 255);
}
