/* SPDX-License-Identifier: ISC */
/*
 * Out of memory: by default the caller is told, as malloc tells it, and must
 * cope. Many programs do not, and limp on; for those it is better to end at
 * the first refusal, so that the toolstack starts the guest anew:
 *
 *     --oom=error   malloc returns NULL, the kernel's calls -ENOMEM
 *     --oom=crash   a panic: SHUTDOWN_crash, xl's on_crash
 *     --oom=reboot  SHUTDOWN_reboot at once, without exit hooks
 */
#include "core/oom.h"

#include <errno.h>
#include <string.h>

#include <fata/end.h>
#include <fata/param.h>
#include "platform.h"

static const char *const names[] = {"error", "crash", "reboot"};
static unsigned int policy;

static int choose(const char *value)
{
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]))
			continue;
		policy = i;
		return 0;
	}
	return -EINVAL;
}

FATA_PARAM_LIST(choose, "oom", "error",
		"when memory is short: error, crash or reboot");

void oom_refused(void)
{
	static const char text[] = "fata: out of memory, rebooting\n";

	if (policy == 1)
		fata_panic("out of memory (--oom=crash)");
	if (policy == 2) {
		platform_emergency(text, sizeof(text) - 1);
		platform_end(END_REBOOT, 0);
	}
}
