/* SPDX-License-Identifier: ISC */
/*
 * The inside of a running guest, shared by guest.c (its life: deadlines,
 * signals, the end) and guest_io.c (what xl says, the console).
 */
#ifndef TOOL_GUEST_INT_H
#define TOOL_GUEST_INT_H

#include "console.h"
#include "guest.h"
#include "job.h"

#define NEVER UINT64_MAX

/* xen/include/public/sched.h, SHUTDOWN_*, as xl prints them. */
enum {
	REASON_NONE = -1,
	REASON_POWEROFF,
	REASON_REBOOT,
	REASON_SUSPEND,
	REASON_CRASH,
	REASON_WATCHDOG
};

enum stage { CREATING, ATTACHING, RUNNING, DRAINING, OVER };

struct guest {
	const struct guest_options *o;
	struct console console;
	struct job create, attach, stop, capture;
	enum stage stage;
	char id[16];
	int reason, signals;
	struct text said; /* by xl, the line that is not yet complete */
	char *complaint;  /* xl's first error */
	uint64_t grace, timeout, quiet; /* deadlines */
	bool timed_out, unwanted, killed, listening, capturing;
	char input[1024]; /* from stdin, on its way to the guest */
	size_t input_n;
};

/*
 * Begins `xl COMMAND ID`, in place of what was begun so before; but nothing
 * comes after a destroy.
 */
void guest_xl(struct guest *g, const char *command);

/* Begins to destroy it, once. */
void guest_destroy(struct guest *g);

/* Each takes what has arrived; false: no more will. */
bool guest_read_xl(struct guest *g);
bool guest_read_notice(struct guest *g);
bool guest_read_console(struct guest *g);
bool guest_read_stdin(struct guest *g);

/* guest_pcap.c: begins to capture; the rest, and the end of it. */
void guest_capture_start(struct guest *g);
void guest_capture_end(struct guest *g);
bool guest_read_capture(struct guest *g);
bool guest_read_capture_notice(struct guest *g);

/* Lets it run as soon as nothing that it says or sends can be missed. */
void guest_begin(struct guest *g);

/* Passes input on as far as the guest takes it. Never blocks. */
void guest_write_input(struct guest *g);

#endif
